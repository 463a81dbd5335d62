"""Background tasks: started again when they fail, gone when their owner is."""

import asyncio
import logging

import pytest

from foundation.tasks import being_cancelled, running
from tests.simulated_time import settle, simulated


@simulated
async def test_work_that_fails_is_told_of_and_started_again() -> None:
    """An exception does not end a background loop in silence."""
    runs = 0
    logged = _Lines()
    logging.getLogger("foundation.tasks").addHandler(logged)

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            raise ValueError(f"failure {runs}")
        await asyncio.get_running_loop().create_future()

    async with running(work, name="the work"):
        await asyncio.sleep(10.0)
    logging.getLogger("foundation.tasks").removeHandler(logged)
    assert runs == 4
    assert [str(record.exc_info and record.exc_info[1]) for record in logged.records] == [
        "failure 1",
        "failure 2",
        "failure 3",
    ]
    assert all("the work" in record.getMessage() for record in logged.records)


@simulated
async def test_a_cancellation_that_nobody_asked_for_is_a_failure() -> None:
    """A CancelledError out of a library does not end the task."""
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise asyncio.CancelledError
        await asyncio.get_running_loop().create_future()

    async with running(work, name="work"):
        await asyncio.sleep(10.0)
        assert runs == 2


@simulated
async def test_restarts_are_spaced_out() -> None:
    """Work that always fails does not spin: in a minute it is tried some dozens of times."""
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 1000:
            raise ValueError
        await asyncio.get_running_loop().create_future()

    logging.getLogger("foundation.tasks").disabled = True
    async with running(work, name="work"):
        await asyncio.sleep(60.0)
    logging.getLogger("foundation.tasks").disabled = False
    assert 20 < runs < 200


@simulated
async def test_the_end_of_the_block_waits_for_the_work_to_end() -> None:
    """What the work does when it is cancelled is done before the block is left."""
    cleaned = False

    async def work() -> None:
        nonlocal cleaned
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(1.0)
            cleaned = True

    async with running(work, name="work"):
        await settle()
    assert cleaned
    assert len(asyncio.all_tasks()) == 1


@simulated
async def test_work_that_misses_a_cancellation_is_cancelled_again() -> None:
    """A library that swallows one does not keep the service from stopping."""
    missed = 0

    async def work() -> None:
        nonlocal missed
        while missed < 2:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                missed += 1
        await asyncio.get_running_loop().create_future()

    async with asyncio.timeout(10), running(work, name="the work"):
        await settle()
    assert missed == 2


@simulated
async def test_the_work_is_cancelled_when_the_block_fails() -> None:
    """An error in the block leaves no task behind."""

    async def work() -> None:
        await asyncio.get_running_loop().create_future()

    async def block() -> None:
        async with running(work, name="work"):
            await settle()
            raise ValueError("the block")

    with pytest.raises(ValueError, match="the block"):
        await block()
    assert len(asyncio.all_tasks()) == 1


@simulated
async def test_work_that_is_done_is_not_repeated() -> None:
    """A normal return is an end."""
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1

    async with running(work, name="work"):
        await asyncio.sleep(10.0)
    assert runs == 1


@simulated
async def test_being_cancelled_tells_a_request_from_an_accident() -> None:
    """It is true where the task was cancelled, and false where the error came from elsewhere."""
    seen = []

    async def wait(future: asyncio.Future[None]) -> None:
        try:
            await future
        except asyncio.CancelledError:
            seen.append(being_cancelled())

    broken = asyncio.get_running_loop().create_future()
    broken.cancel()
    await wait(broken)
    task = asyncio.create_task(wait(asyncio.get_running_loop().create_future()))
    await settle()
    task.cancel()
    await task
    assert seen == [False, True]


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
