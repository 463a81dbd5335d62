"""Simulated time: an event loop that never sleeps, and a clock that runs with it.

Whenever all tasks wait, the loop's time jumps to the next moment that one waits for: an
hour of time-outs and pauses takes milliseconds, and always goes the same way.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tests.builders import NOW

Result = TypeVar("Result")

_START = 1000.0


class _Selector(selectors.DefaultSelector):
    """Passes the time that it is told to wait at most, instead of waiting."""

    elapsed = _START

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # Without any time-out only another thread can go on: that is waited for.
        ready = super().select(None if timeout is None else 0)
        if not ready and timeout:
            self.elapsed += timeout
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while everybody waits."""

    def __init__(self) -> None:
        self._simulated = _Selector()
        super().__init__(self._simulated)

    def time(self) -> float:
        return self._simulated.elapsed


class SimulatedClock:
    """The two clocks of a service, running with the loop's simulated time."""

    def elapsed(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.elapsed() - _START)


def simulate(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` to its end in simulated time."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(work)
