"""Servers in one loop: ports, failed starts, and signals."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from devstack.servers import StackFailed, listening, run_until_signal, serving
from testbed.fakes import FakeClock

DEADLINE = 10.0
HOST = "127.0.0.1"


def an_app(events: list[str], name: str = "app") -> FastAPI:
    """Return an app that notes its life and answers at /."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        events.append(f"{name} starts")
        yield
        events.append(f"{name} stops")

    app = FastAPI(lifespan=lifespan)
    app.add_api_route("/", lambda: name)
    return app


async def get(listener: socket.socket) -> str:
    """Ask the app behind a listener for its name."""
    async with httpx.AsyncClient(timeout=DEADLINE, trust_env=False) as client:
        answer = await client.get(f"http://{HOST}:{listener.getsockname()[1]}/")
        return str(answer.json())


async def test_apps_are_served_side_by_side_and_stopped_in_reverse() -> None:
    """Two apps answer on their ports; the one that was started last is stopped first."""
    events: list[str] = []
    with listening(HOST, 0) as one, listening(HOST, 0) as two:
        async with (
            serving(an_app(events, "one"), one, name="one"),
            serving(an_app(events, "two"), two, name="two"),
        ):
            assert [await get(one), await get(two)] == ["one", "two"]
    assert events == ["one starts", "two starts", "two stops", "one stops"]


def test_a_port_in_use_is_told_in_one_line() -> None:
    """The error names the port and the address."""
    with listening(HOST, 0) as listener:
        port = listener.getsockname()[1]
        with (
            pytest.raises(StackFailed, match=rf"port {port} of {HOST} cannot be used"),
            listening(HOST, port),
        ):
            pass


async def test_an_app_that_does_not_start_is_told() -> None:
    """A lifespan that fails ends the server, and not the loop."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        raise RuntimeError("no")
        yield

    with listening(HOST, 0) as listener, pytest.raises(StackFailed, match="it did not start"):
        async with serving(FastAPI(lifespan=lifespan), listener, name="it"):
            pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_work(number: signal.Signals) -> None:
    """The work is cancelled and cleaned up, and the signal's old handler is back."""
    before = signal.getsignal(number)
    events: list[str] = []

    async def work() -> None:
        try:
            signal.raise_signal(number)
            await asyncio.sleep(DEADLINE)
        finally:
            events.append("cleaned up")

    async with asyncio.timeout(DEADLINE / 2):
        await run_until_signal(work())
    assert events == ["cleaned up"]
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_that_comes_twice_is_one(number: signal.Signals) -> None:
    """A launcher passes on what the process got itself: the cleaning up is not cut off."""
    events: list[str] = []

    async def work() -> None:
        try:
            signal.raise_signal(number)
            signal.raise_signal(number)
            await asyncio.sleep(DEADLINE)
        finally:
            await asyncio.sleep(0)
            events.append("cleaned up")

    async with asyncio.timeout(DEADLINE / 2):
        await run_until_signal(work(), clock=FakeClock())
    assert events == ["cleaned up"]


async def test_work_that_fails_is_told() -> None:
    """An error in the work reaches the caller."""

    async def work() -> None:
        raise StackFailed("why")

    with pytest.raises(StackFailed, match="why"):
        await run_until_signal(work())


def test_answers_are_sent_without_delay() -> None:
    """A connection does not hold small packets back: an answer must not take 40 ms more."""
    with listening("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
