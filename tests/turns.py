"""Counting the turns of the event loop: who holds it for long gives others few."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count

from foundation.tasks import running


@asynccontextmanager
async def counted_turns() -> AsyncIterator[Iterator[int]]:
    """Count the turns that others get from the loop while the block lasts."""
    turns = count()

    async def others() -> None:
        while True:
            next(turns)
            await asyncio.sleep(0)

    async with running(others, name="others"):
        yield turns
