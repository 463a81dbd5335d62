"""Draining: readiness turns red some time before the server stops."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any


class Draining:
    """Whether the process has been asked to stop."""

    def __init__(self) -> None:
        self.started = False
        self._since: float | None = None  # the loop's time, once a limit has asked
        self._limits: dict[asyncio.Timeout, float] = {}

    @contextmanager
    def shortening(self, limit: asyncio.Timeout, seconds: float) -> Iterator[None]:
        """While the block lasts, have `limit` expire `seconds` after draining began at the latest.

        A server waits for its requests before it ends: none may wait long for its client.
        """
        self._limits[limit] = seconds
        try:
            if self.started:
                self._shorten()
            yield
        finally:
            del self._limits[limit]

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self.started = True
        loop.call_soon_threadsafe(self._shorten)

    def _shorten(self) -> None:
        now = asyncio.get_running_loop().time()
        self._since = now if self._since is None else self._since
        for limit, seconds in self._limits.items():
            end = max(now, self._since + seconds)
            before = limit.when()
            if not limit.expired() and (before is None or end < before):
                limit.reschedule(end)

    @contextmanager
    def on_sigterm(self, delay: timedelta) -> Iterator[None]:
        """While the block lasts, SIGTERM starts draining and reaches the server after `delay`.

        A second SIGTERM is passed on at once. Outside the main thread, where signals
        cannot be caught, the block has no effect.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        previous = signal.getsignal(signal.SIGTERM)

        def start(number: int, frame: FrameType | None) -> None:
            if self.started or not delay:
                self._start(loop)
                _call(previous, number, frame)
                return
            self._start(loop)
            loop.call_soon_threadsafe(
                loop.call_later, delay.total_seconds(), _call, previous, number, frame
            )

        signal.signal(signal.SIGTERM, start)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, previous)


def _call(handler: Callable[[int, FrameType | None], Any] | int | None, *of: Any) -> None:
    if callable(handler):
        handler(*of)
    elif handler is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
