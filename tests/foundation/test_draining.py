"""SIGTERM turns readiness red before it stops the server."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from types import FrameType

import pytest

from foundation.draining import Draining

LIMIT = 30.0
SOON = timedelta(milliseconds=50)
NEVER = timedelta(hours=1)


@pytest.fixture
def stops() -> Iterator[list[int]]:
    """The signals that reach the server, whose handler stands behind the one under test."""
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        received.append(number)

    before = signal.signal(signal.SIGTERM, stop)
    yield received
    signal.signal(signal.SIGTERM, before)


async def until(stops: list[int]) -> None:
    """Wait until a signal has reached the server."""
    async with asyncio.timeout(LIMIT):
        while not stops:  # noqa: ASYNC110 - a signal handler sets no event
            await asyncio.sleep(0.005)


async def test_it_drains_first_and_stops_later(stops: list[int]) -> None:
    """After SIGTERM the service knows at once, and the server after the delay."""
    draining = Draining()
    with draining.on_sigterm(SOON):
        assert not draining.started
        signal.raise_signal(signal.SIGTERM)
        assert draining.started
        assert not stops
        await until(stops)
    assert stops == [signal.SIGTERM]


async def test_without_a_delay_the_server_is_told_at_once(stops: list[int]) -> None:
    """No delay means no detour."""
    draining = Draining()
    with draining.on_sigterm(timedelta()):
        signal.raise_signal(signal.SIGTERM)
    assert draining.started
    assert stops == [signal.SIGTERM]


async def test_a_second_signal_does_not_wait(stops: list[int]) -> None:
    """Who sends SIGTERM twice means it."""
    with Draining().on_sigterm(NEVER):
        signal.raise_signal(signal.SIGTERM)
        assert not stops
        signal.raise_signal(signal.SIGTERM)
        assert stops == [signal.SIGTERM]


async def test_the_handler_before_is_back_afterwards(stops: list[int]) -> None:
    """After the block a SIGTERM goes where it went before."""
    draining = Draining()
    with draining.on_sigterm(NEVER):
        pass
    signal.raise_signal(signal.SIGTERM)
    assert stops == [signal.SIGTERM]
    assert not draining.started


async def test_two_services_in_one_process_both_drain(stops: list[int]) -> None:
    """Handlers that stand one behind the other each see the signal, and the server once."""
    first, second = Draining(), Draining()
    with first.on_sigterm(SOON), second.on_sigterm(SOON):
        signal.raise_signal(signal.SIGTERM)
        await until(stops)
        assert first.started
        assert second.started
    assert stops == [signal.SIGTERM]


def test_outside_the_main_thread_nothing_is_done() -> None:
    """In a thread, where Python allows no handler, the block just runs."""
    ran = threading.Event()

    async def block() -> None:
        with Draining().on_sigterm(NEVER):
            ran.set()

    thread = threading.Thread(target=lambda: asyncio.run(block()))
    thread.start()
    thread.join(LIMIT)
    assert ran.is_set()


def test_a_process_without_a_handler_still_ends_by_the_signal() -> None:
    """With the default action behind it, SIGTERM ends the process after the delay."""
    program = (
        "import asyncio, datetime\n"
        "from foundation.draining import Draining\n"
        "async def main():\n"
        "    with Draining().on_sigterm(datetime.timedelta(milliseconds=10)):\n"
        "        print('up', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            process.send_signal(signal.SIGTERM)
            assert process.wait(LIMIT) == -signal.SIGTERM
        finally:
            with suppress(ProcessLookupError):
                process.kill()
