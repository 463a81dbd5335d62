"""Checkpoints beside the log in MongoDB, each cut into documents that MongoDB can hold."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

from bson.binary import Binary
from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from campaign_publisher.log.change import Checkpoint
from foundation.mongo import Document

CHUNK_BYTES = 8 * 1024 * 1024
KEPT = 2


class Checkpoints:
    """The collection of chunks; `changes` is the log that a checkpoint must belong to.

    Every replica writes the same bytes under the same names, so that several may write at once.
    """

    def __init__(
        self, chunks: AsyncCollection[Document], changes: AsyncCollection[Document]
    ) -> None:
        self._chunks = chunks
        self._changes = changes

    async def newest(self) -> Checkpoint | None:
        """Return the newest complete checkpoint whose head the log holds, if there is one."""
        async with aclosing(self._usable()) as usable:
            async for first in usable:
                states: list[Any] = [chunk.get("state") async for chunk in self._chunks_of(first)]
                if all(isinstance(state, bytes) for state in states):
                    # MongoDB's shell writes numbers as doubles; the contract has integers.
                    revision = int(first["revision"])
                    return Checkpoint(revision=revision, head=first["head"], state=b"".join(states))
        return None

    async def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, and forget all but the newest two."""
        head, state = str(checkpoint.head), checkpoint.state
        count = max(1, -(-len(state) // CHUNK_BYTES))
        # The first chunk last: readers look for it, and find the others already there.
        for index in reversed(range(count)):
            chunk: dict[str, Any] = {
                "_id": f"{head}:{index}",
                "head": head,
                "revision": checkpoint.revision,
                "index": index,
                "chunks": count,
                "state": Binary(state[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]),
            }
            await self._chunks.replace_one({"_id": chunk["_id"]}, chunk, upsert=True)
        await self._forget_old()

    async def _forget_old(self) -> None:
        kept = [first async for first in self._usable()][:KEPT]
        if len(kept) == KEPT:
            await self._chunks.delete_many({"revision": {"$lt": kept[-1]["revision"]}})

    async def _usable(self) -> AsyncGenerator[Document, None]:
        """Yield the first chunks, without their bytes, of usable checkpoints, newest first."""
        firsts = self._chunks.find({"index": 0}, {"state": False}).sort("revision", DESCENDING)
        try:
            async for first in firsts:
                # Any program can write here: a chunk without these fields is of no change.
                head, revision = first.get("head"), first.get("revision")
                belongs = {"_id": revision, "id": head}
                whole = await self._chunks.count_documents({"head": head}) == first.get("chunks")
                if whole and await self._changes.find_one(belongs, {"_id": True}):
                    yield first
        finally:
            with suppress(PyMongoError):
                await firsts.close()

    def _chunks_of(self, first: Document) -> AsyncIterator[Document]:
        return self._chunks.find({"head": first["head"]}).sort("index", ASCENDING)
