"""Servers: several apps in one event loop, each on a port that is taken before anything starts."""

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from foundation.clock import Clock, SystemClock

STOP_SECONDS = 10.0
DRAIN_SECONDS = 3
STARTED_POLL_SECONDS = 0.02
REPEAT_SECONDS = 1.0

# In use, or kept for privileged processes: another port may do.
_TAKEN = {errno.EADDRINUSE, errno.EACCES}


class StackFailed(Exception):
    """The stack cannot run; the message says why, in one line for people."""


@contextmanager
def listening(host: str, port: int, *, option: str = "") -> Iterator[socket.socket]:
    """Take a port while the block lasts; port 0 takes one that is free.

    `option` is the command's option for the port, for the message.

    Raises:
        StackFailed: it is in use or not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        # create_server repeats the address in parentheses.
        reason = (getattr(error, "strerror", None) or str(error)).partition(" (while ")[0]
        is_taken = getattr(error, "errno", None) in _TAKEN
        advice = f"; choose another by {option} (0: any free port)" if option and is_taken else ""
        raise StackFailed(f"port {port} of {host} cannot be used: {reason}{advice}") from error
    with listener:
        # Inherited by its connections. asyncio overlooks sockets that it did not make, and
        # every answer after a connection's first would wait for a delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


@asynccontextmanager
async def serving(
    app: FastAPI, listener: socket.socket, *, name: str
) -> AsyncIterator[asyncio.Task[None]]:
    """Serve an app while the block lasts; yield its task, which ends only if the server does.

    Raises:
        StackFailed: the app did not start.
    """
    server = _Server(
        uvicorn.Config(app, lifespan="on", log_config=None, timeout_graceful_shutdown=DRAIN_SECONDS)
    )
    task = asyncio.create_task(_serve(server, listener, name), name=name)
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(STARTED_POLL_SECONDS)
        if task.done():
            raise StackFailed(f"{name} did not start")
        yield task
    finally:
        server.should_exit = True
        await asyncio.wait({task}, timeout=STOP_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the process's signals alone: there is another one."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(server: uvicorn.Server, listener: socket.socket, name: str) -> None:
    try:
        await server.serve(sockets=[listener])
    except SystemExit:  # uvicorn's way to say that an app did not start; it ends the loop
        raise StackFailed(f"{name} did not start") from None


async def run_until_signal(work: Coroutine[Any, Any, None], *, clock: Clock | None = None) -> None:
    """Run `work` until SIGINT or SIGTERM cancels it; a later one ends the process at once.

    One within a second of the first is the same: Ctrl-C reaches the process and the
    launcher before it (`uv run`), which passes it on.
    """
    task = asyncio.create_task(work)
    with _signals_cancel(task, clock or SystemClock()):
        await asyncio.wait({task})
    if not task.cancelled():
        task.result()


@contextmanager
def _signals_cancel(task: asyncio.Task[None], clock: Clock) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    first: float | None = None

    def cancel(number: int, _: FrameType | None) -> None:
        nonlocal first
        if first is None:
            first = clock.elapsed()
            loop.call_soon_threadsafe(task.cancel)
        elif clock.elapsed() - first >= REPEAT_SECONDS:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    # Not loop.add_signal_handler: the services put their own handler for SIGTERM before
    # this one while they run, and call it.
    before = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
