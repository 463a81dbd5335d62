"""Simulated time: an event loop that never sleeps, and a clock that runs with it.

Whenever all tasks wait, the loop's time jumps to the next moment that one waits for: an
hour of time-outs and pauses takes milliseconds, and always goes the same way.
"""

import asyncio
import functools
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, ParamSpec

from testbed.builders import NOW

Arguments = ParamSpec("Arguments")

_START = 1000.0
_TURN = 1e-6


class _Selector(selectors.DefaultSelector):
    """Passes the time that it is told to wait at most, instead of waiting."""

    elapsed = _START

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # Without any time-out only another thread can go on: that is waited for.
        ready = super().select(None if timeout is None else 0)
        # Work takes time, too: without it, who waits for what a clock's resolution hides
        # would wait for ever.
        self.elapsed += _TURN if ready or timeout is None else max(timeout, _TURN)
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


def simulated(
    test: Callable[Arguments, Coroutine[Any, Any, None]],
) -> Callable[Arguments, None]:
    """Make of an async test one that runs in simulated time."""

    @functools.wraps(test)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


async def settle() -> None:
    """Let everything happen that needs no time."""
    await asyncio.sleep(0.001)


@asynccontextmanager
async def unended(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `work` while the block lasts; it must not end by itself."""
    task = asyncio.create_task(work)
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
