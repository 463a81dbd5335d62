"""Long work gives way to requests."""

import asyncio
import time

from foundation.slices import SLICE_SECONDS, in_slices
from foundation.tasks import running


async def test_every_item_comes_once_and_in_order() -> None:
    """Slicing changes nothing but when."""
    assert [item async for item in in_slices(range(1000))] == list(range(1000))


async def test_others_run_between_the_slices() -> None:
    """While long work is done, the loop goes on turning."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with running(others, name="others"):
        async for _ in in_slices(range(10)):
            _work_for(SLICE_SECONDS)
    assert turns >= 10


def _work_for(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() <= until:
        pass
