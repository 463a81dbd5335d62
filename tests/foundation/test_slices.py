"""Long work gives way to requests."""

import time

import pytest

from foundation.slices import SLICE_SECONDS, Steps, at_once, in_slices, sliced
from tests.turns import counted_turns


async def test_every_item_comes_once_and_in_order() -> None:
    """Slicing changes nothing but when."""
    assert [item async for item in in_slices(range(1000))] == list(range(1000))


async def test_others_run_between_the_slices() -> None:
    """While long work is done, the loop goes on turning."""
    async with counted_turns() as turns:
        async for _ in in_slices(range(10)):
            _work_for(SLICE_SECONDS)
    assert next(turns) >= 10


async def test_steps_give_their_result_either_way() -> None:
    """In slices or at once: the work is done to its end, and what goes wrong comes out."""
    assert await sliced(_counting(1000)) == at_once(_counting(1000)) == 1000
    with pytest.raises(ZeroDivisionError):
        await sliced(_counting(-1))
    with pytest.raises(ZeroDivisionError):
        at_once(_counting(-1))


async def test_others_run_between_the_steps() -> None:
    """Work in steps lets the loop turn like work on items."""
    async with counted_turns() as turns:
        await sliced(_counting(10, seconds=SLICE_SECONDS))
    assert next(turns) >= 10


def _counting(steps: int, *, seconds: float = 0.0) -> Steps[int]:
    for _ in range(steps):
        _work_for(seconds)
        yield
    return steps if steps >= 0 else steps // 0


def _work_for(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() <= until:
        pass
