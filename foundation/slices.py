"""Long work on the event loop, cut into slices, so that requests go on being answered."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Work that gives way wherever it yields, and returns what it makes.
Steps = Generator[None, None, Result]

SLICE_SECONDS = 0.003


async def in_slices(items: Iterable[Item] | AsyncIterable[Item]) -> AsyncGenerator[Item, None]:
    """Yield the items, giving way to the event loop whenever a few milliseconds are used up."""
    until = time.perf_counter() + SLICE_SECONDS
    async for item in items if isinstance(items, AsyncIterable) else _one_by_one(items):
        yield item
        if time.perf_counter() > until:
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE_SECONDS


async def sliced(steps: Steps[Result]) -> Result:
    """Do the work, giving way to the event loop whenever a few milliseconds are used up."""
    until = time.perf_counter() + SLICE_SECONDS
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        if time.perf_counter() > until:
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE_SECONDS


def at_once(steps: Steps[Result]) -> Result:
    """Do the same work in one go, for where nobody waits."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


async def _one_by_one(items: Iterable[Item]) -> AsyncIterator[Item]:
    for item in items:
        yield item
