"""MongoChangeLog: the change log in MongoDB, one document per change."""

import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import bson
from bson.raw_bson import RawBSONDocument
from pydantic import ValidationError
from pymongo import ASCENDING, DESCENDING, ReadPreference
from pymongo.errors import (
    ConfigurationError,
    DuplicateKeyError,
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
from foundation.mongo import Database, Document, describe

logger = logging.getLogger(__name__)

# Whatever the URL says: a commit survives the loss of a minority, and is read where it was made.
DURABLE: dict[str, Any] = {
    "write_concern": WriteConcern("majority", j=True),
    "read_concern": ReadConcern("majority"),
    "read_preference": ReadPreference.PRIMARY,
}

# Refusals of an insert by the server, which made nothing of it: BadValue, FailedToParse,
# Unauthorized, TypeMismatch, AuthenticationFailed, IllegalOperation, InvalidOptions,
# InvalidNamespace, DocumentValidationFailure, BSONObjectTooLarge, OutOfDiskSpace.
CERTAIN_REFUSALS = frozenset({2, 9, 13, 14, 18, 20, 72, 73, 121, 10334, 14031})
# NotAReplicaSet, InvalidOptions, ReadConcernMajorityNotEnabled, CommandNotSupported and
# IllegalOperation: a standalone server, or one of another make.
NO_LINEARIZABLE_READS = frozenset({20, 72, 115, 123, 148})

EARLIER_INDEX = "revision_1"


class MongoChangeLog:
    """The collection `campaign_changes`, and its checkpoints in `campaign_checkpoints`.

    A document's `_id` is the change's revision: of several writers at the same time exactly
    one wins. No restore, drop or copy can lose the uniqueness of `_id`, as it could lose a
    secondary index.
    """

    def __init__(self, database: Database) -> None:
        self._changes = database.get_collection("campaign_changes", **DURABLE)
        self._checkpoints = Checkpoints(
            database.get_collection("campaign_checkpoints", **DURABLE), self._changes
        )
        self._linearizable = self._changes.with_options(read_concern=ReadConcern("linearizable"))
        self._is_linearizable = True

    async def prepare(self) -> None:
        """Check that the collection holds no log of the earlier form, nor its index."""
        with _reads():
            # There a change's id was the `_id`, as text.
            earlier = await self._changes.find_one({"_id": {"$type": "string"}}, {"_id": True})
            indexes = await self._changes.index_information()
        if earlier is not None:
            raise LogUnavailable(
                "campaign_changes holds a log of an earlier form, whose _id is not the revision"
            )
        # Where only the documents were removed, it would let in a single change: none has
        # the field `revision` any more.
        if EARLIER_INDEX in indexes:
            raise LogUnavailable(
                f"campaign_changes has the index {EARLIER_INDEX} of an earlier form; drop it"
            )
        self._is_linearizable = True

    async def read(self, first: int) -> AsyncGenerator[Change, None]:
        """Yield the changes from revision `first` (included) on, in order."""
        found = self._changes.find({"_id": {"$gte": first}}).sort("_id", ASCENDING)
        try:
            with _reads():
                async for document in found:
                    yield await _change(document)
        finally:
            # A reader may stop early: the server would keep the cursor for 10 minutes.
            with suppress(PyMongoError):
                await found.close()

    async def holds(self, revision: int, change_id: UUID) -> bool:
        """Return whether the change at a revision is the one with this id."""
        with _reads():
            found = await self._changes.find_one({"_id": revision}, {"id": True})
        return found is not None and found.get("id") == str(change_id)

    async def is_free(self, revision: int) -> bool:
        """Return whether the log has no change at a revision; no deposed primary answers this.

        A linearizable read waits until a majority has confirmed the primary. It holds for
        queries of one document by an immutable, unique field, so for `_id`, also where there
        is no such document. The client's timeoutMS limits it: without a majority it would
        wait for ever.
        """
        with _reads():
            return await self._find_linearizable({"_id": revision}, {"_id": True}) is None

    async def newest_store(self) -> int:
        """Return the revision of the newest change that names a store, 0 when none does."""
        with _reads():
            names_a_store = {"store_id": {"$exists": True}}
            found = await self._changes.find_one(
                names_a_store, {"_id": True}, sort=[("_id", DESCENDING)]
            )
            return int(found["_id"]) if found else 0

    async def newest(self) -> Change | None:
        """Return the change with the highest revision, or None when the log is empty."""
        with _reads():
            document = await self._changes.find_one({}, sort=[("_id", DESCENDING)])
            return await _change(document) if document else None

    async def append(self, change: Change) -> bool:
        """Commit a change; return False when its revision is taken by a change with another id."""
        document = bson.encode(await _document(change))
        if len(document) > MAX_CHANGE_BYTES:
            raise ChangeTooLarge(f"the change takes {len(document)} bytes")
        try:
            with _writes():
                await self._changes.insert_one(RawBSONDocument(document))
        except DuplicateKeyError:
            return await self._is_ours(change)
        return True

    async def _find_linearizable(self, place: Document, fields: dict[str, bool]) -> Document | None:
        """Find one document by a read that a deposed primary cannot answer.

        A server that is no member of a replica set has no such read and no need for it. That
        is remembered until the log is prepared again.
        """
        if self._is_linearizable:
            try:
                return await self._linearizable.find_one(place, fields)
            except OperationFailure as error:
                if error.code not in NO_LINEARIZABLE_READS:
                    raise
                self._is_linearizable = False
                logger.info("MongoDB has no linearizable reads here: %s", error.code)
        return await self._changes.find_one(place, fields)

    async def _is_ours(self, change: Change) -> bool:
        try:
            with _reads():
                held = await self._changes.find_one({"_id": change.revision}, {"id": True})
        except LogUnavailable as error:
            raise AppendUnsettled(str(error)) from error
        if held is None:
            # The change in the way has not reached a majority yet, and it may be this one.
            raise AppendUnsettled(f"revision {change.revision} is taken and not yet durable")
        return bool(held["id"] == str(change.id))

    async def newest_checkpoint(self) -> Checkpoint | None:
        """Return the newest complete checkpoint whose head the log holds, if there is one."""
        with _reads():
            return await self._checkpoints.newest()

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint beside the log, and forget all but the newest two."""
        with _reads():
            await self._checkpoints.save(checkpoint)


async def _document(change: Change) -> dict[str, Any]:
    document = await to_document(change)
    return {"_id": document.pop("revision"), **document}


async def _change(document: dict[str, Any]) -> Change:
    revision = document.pop("_id")
    try:
        return await from_document({"revision": revision, **document})
    except ValueError as error:
        raise LogUnavailable(f"change {revision!r} cannot be read: {_first_of(error)}") from error


def _first_of(error: ValueError) -> str:
    """Return the first problem of a document, without its values: health answers show it."""
    if not isinstance(error, ValidationError):
        return str(error)
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"


@contextmanager
def _reads() -> Iterator[None]:
    """Translate the errors of operations that may be repeated at will."""
    try:
        yield
    except PyMongoError as error:
        raise LogUnavailable(describe(error)) from error


@contextmanager
def _writes() -> Iterator[None]:
    """Translate the errors of an insert: it was certainly not made, or may have been made."""
    try:
        yield
    except (DuplicateKeyError, LogUnavailable):
        raise
    except PyMongoError as error:
        if _was_refused(error):
            raise LogUnavailable(describe(error)) from error
        raise AppendUnsettled(describe(error)) from error


def _was_refused(error: PyMongoError) -> bool:
    """Return whether an insert was certainly not made.

    Only errors from before the insert was sent, and the server's own refusals of it, are
    certain. A mongos, or a primary that is stepping down, gives others although the insert
    may have been made.
    """
    if isinstance(error, ServerSelectionTimeoutError | ConfigurationError):
        return True
    if isinstance(error, WriteConcernError) or not isinstance(error, OperationFailure):
        return False
    return error.code in CERTAIN_REFUSALS
