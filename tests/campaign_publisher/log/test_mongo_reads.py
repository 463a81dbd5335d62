"""Reads of the log in MongoDB: closed when they end early, linearizable where the server can."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Self, cast

import pytest
from pymongo.errors import ExecutionTimeout, OperationFailure
from pymongo.read_concern import ReadConcern

from campaign_publisher.log.change import LogUnavailable
from campaign_publisher.log.documents import to_document
from campaign_publisher.log.mongo import MongoChangeLog
from campaign_publisher.log.mongo_checkpoints import Checkpoints
from foundation.mongo import Database
from testbed.builders import a_head
from tests.campaign_publisher.replicas import a_change


class FakeCursor:
    """A cursor over documents that says whether it was closed."""

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self._documents = documents
        self.is_closed = False

    def sort(self, *_: Any) -> Self:
        return self

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        for document in self._documents:
            yield document

    async def close(self) -> None:
        self.is_closed = True


class FakeCollection:
    """A collection that every query finds whole.

    `refusal` is the server's answer to linearizable reads; `levels` are the read concerns of
    the reads of one document.
    """

    def __init__(self, *documents: dict[str, Any], refusal: Exception | None = None) -> None:
        self.cursors: list[FakeCursor] = []
        self.levels: list[str | None] = []
        self.refusal = refusal
        self._documents = documents

    def get_collection(self, *_: Any, **__: Any) -> Self:
        return self

    def with_options(self, *, read_concern: ReadConcern) -> "_Linearizable":
        return _Linearizable(self, read_concern)

    def find(self, *_: Any) -> FakeCursor:
        self.cursors.append(FakeCursor([dict(each) for each in self._documents]))
        return self.cursors[-1]

    async def find_one(self, *_: Any) -> dict[str, Any] | None:
        self.levels.append("majority")
        return dict(self._documents[0]) if self._documents else None

    async def count_documents(self, _: Any) -> int:
        return 1

    async def index_information(self) -> dict[str, Any]:
        return {}


class _Linearizable:
    def __init__(self, collection: FakeCollection, concern: ReadConcern) -> None:
        self._collection = collection
        self._concern = concern

    async def find_one(self, *_: Any) -> None:
        self._collection.levels.append(self._concern.level)
        if self._collection.refusal is not None:
            raise self._collection.refusal


def a_log(collection: FakeCollection) -> MongoChangeLog:
    """Return a log on a collection."""
    return MongoChangeLog(cast("Database", collection))


async def test_a_read_that_ends_early_closes_its_cursor() -> None:
    """A full page of /changes, or a broken log, leaves no cursor open on the server."""
    document = await to_document(a_change(0))
    collection = FakeCollection({"_id": document.pop("revision"), **document})
    async with aclosing(a_log(collection).read(0)) as changes:
        await anext(changes)
        assert not collection.cursors[0].is_closed
    assert collection.cursors[0].is_closed


async def test_the_search_for_a_checkpoint_closes_its_cursor() -> None:
    """The newest checkpoint is enough: the older ones are not looked at."""
    first = {"head": str(a_head(0)), "revision": 0, "chunks": 1, "index": 0, "state": b"{}"}
    collection = FakeCollection(first)
    chunks: Any = collection
    assert await Checkpoints(chunks, chunks).newest() is not None
    assert collection.cursors[0].is_closed


async def test_whether_a_revision_is_free_is_read_linearizably() -> None:
    """A primary that was deposed cannot say so."""
    collection = FakeCollection()
    assert await a_log(collection).is_free(1)
    assert collection.levels == ["linearizable"]


@pytest.mark.parametrize("code", [20, 72, 115, 123, 148])
async def test_a_standalone_server_is_asked_once(code: int) -> None:
    """One without linearizable reads is read with majority from then on, until a new start."""
    collection = FakeCollection(refusal=OperationFailure("not a replica set", code))
    log = a_log(collection)
    for _ in range(3):
        assert await log.is_free(1)
    assert collection.levels == ["linearizable", "majority", "majority", "majority"]
    collection.refusal = None
    await log.prepare()
    collection.levels.clear()
    assert await log.is_free(1)
    assert collection.levels == ["linearizable"]


async def test_a_primary_without_a_majority_confirms_nothing() -> None:
    """A linearizable read that ends by its time limit is an error, not a weaker read."""
    log = a_log(FakeCollection(refusal=ExecutionTimeout("operation exceeded time limit", 50)))
    with pytest.raises(LogUnavailable, match=r"^ExecutionTimeout \(code 50\)$"):
        await log.is_free(1)
