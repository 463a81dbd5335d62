"""MongoChangeLog: the change log in MongoDB, one document per change."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DESCENDING, ReadPreference
from pymongo.errors import (
    ConfigurationError,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from campaign_publisher.log.change import (
    MAX_CHANGE_BYTES,
    AppendUnsettled,
    Change,
    ChangeTooLarge,
    Checkpoint,
    LogUnavailable,
)
from campaign_publisher.log.documents import from_document, to_document
from campaign_publisher.log.mongo_checkpoints import Checkpoints
from foundation.mongo import Database

# Whatever the URL says: a commit survives the loss of a minority, and is read where it was made.
DURABLE: dict[str, Any] = {
    "write_concern": WriteConcern("majority", j=True),
    "read_concern": ReadConcern("majority"),
    "read_preference": ReadPreference.PRIMARY,
}


class MongoChangeLog:
    """The collection `campaign_changes`, and its checkpoints in `campaign_checkpoints`.

    A document's `_id` is the change's id; a unique index on `revision` lets exactly one
    of those who write at the same time win.
    """

    def __init__(self, database: Database) -> None:
        self._changes = database.get_collection("campaign_changes", **DURABLE)
        self._checkpoints = Checkpoints(
            database.get_collection("campaign_checkpoints", **DURABLE), self._changes
        )
        self._last: Change | None = None

    async def prepare(self) -> None:
        """Make the unique index on the revision."""
        with _reads():
            await self._changes.create_index([("revision", ASCENDING)], unique=True)

    async def read(self, first: int) -> AsyncIterator[Change]:
        """Yield the changes from revision `first` (included) on, in order."""
        with _reads():
            # Who follows the log begins at the last change that was read: a large one
            # is not fetched again with every poll.
            last = self._last
            if last is not None and last.revision == first and await self._holds(last):
                yield last
                first += 1
            found = self._changes.find({"revision": {"$gte": first}})
            async for document in found.sort("revision", ASCENDING):
                self._last = await _change(document)
                yield self._last

    async def newest(self) -> Change | None:
        """Give the change with the highest revision, or None when the log is empty."""
        with _reads():
            document = await self._changes.find_one({}, sort=[("revision", DESCENDING)])
            return await _change(document) if document else None

    async def append(self, change: Change) -> bool:
        """Commit a change; False when its revision is taken by a change with another id."""
        document = bson.encode(await _document(change))
        if len(document) > MAX_CHANGE_BYTES:
            raise ChangeTooLarge(f"the change takes {len(document)} bytes")
        try:
            with _writes():
                await self._changes.insert_one(RawBSONDocument(document))
        except DuplicateKeyError:
            return await self._is_ours(change)
        self._last = change
        return True

    async def _holds(self, change: Change) -> bool:
        place = {"_id": str(change.id), "revision": change.revision}
        return await self._changes.find_one(place, {"_id": True}) is not None

    async def _is_ours(self, change: Change) -> bool:
        try:
            with _reads():
                held = await self._changes.find_one({"revision": change.revision}, {"_id": True})
        except LogUnavailable as error:
            raise AppendUnsettled(str(error)) from error
        if held is None:
            # What is in our way has not reached a majority yet, and it may be our own.
            raise AppendUnsettled(f"revision {change.revision} is taken and not yet durable")
        return bool(held["_id"] == str(change.id))

    async def newest_checkpoint(self) -> Checkpoint | None:
        """Give the newest complete checkpoint whose head the log holds, if there is one."""
        with _reads():
            return await self._checkpoints.newest()

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint beside the log, and forget all but the newest two."""
        with _reads():
            await self._checkpoints.save(checkpoint)


async def _document(change: Change) -> dict[str, Any]:
    document = await to_document(change)
    return {"_id": document.pop("id"), **document}


async def _change(document: dict[str, Any]) -> Change:
    change_id = document.pop("_id")
    try:
        return await from_document({"id": change_id, **document})
    except ValueError as error:
        raise LogUnavailable(f"change {change_id!r} cannot be read: {error}") from error


@contextmanager
def _reads() -> Iterator[None]:
    """Translate the errors of what may be repeated at will."""
    try:
        yield
    except PyMongoError as error:
        raise LogUnavailable(repr(error)) from error


@contextmanager
def _writes() -> Iterator[None]:
    """Translate the errors of an insert: was it certainly not made, or can nobody tell?"""
    try:
        yield
    except (DuplicateKeyError, LogUnavailable):
        raise
    except PyMongoError as error:
        if _was_refused(error):
            raise LogUnavailable(repr(error)) from error
        raise AppendUnsettled(repr(error)) from error


def _was_refused(error: PyMongoError) -> bool:
    if isinstance(error, WriteConcernError | ExecutionTimeout):
        return False
    return isinstance(error, ServerSelectionTimeoutError | ConfigurationError | OperationFailure)
