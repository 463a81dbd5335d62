"""Long work on the event loop, cut into slices, so that requests go on being answered."""

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import TypeVar

Item = TypeVar("Item")

SLICE_SECONDS = 0.003


async def in_slices(items: Iterable[Item] | AsyncIterable[Item]) -> AsyncIterator[Item]:
    """Yield the items, giving way to the event loop whenever a few milliseconds are used up."""
    until = time.perf_counter() + SLICE_SECONDS
    async for item in items if isinstance(items, AsyncIterable) else _one_by_one(items):
        yield item
        if time.perf_counter() > until:
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE_SECONDS


async def _one_by_one(items: Iterable[Item]) -> AsyncIterator[Item]:
    for item in items:
        yield item
