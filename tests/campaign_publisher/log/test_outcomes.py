"""The outcome of an insert by its error: certainly not made, or unknown."""

from typing import Any, cast

import pytest
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WTimeoutError,
)

from campaign_publisher.log.change import AppendUnsettled, LogUnavailable
from campaign_publisher.log.mongo import MongoChangeLog
from foundation.mongo import Database
from testbed.builders import a_head
from tests.campaign_publisher.replicas import a_change


class FailingCollection:
    """A collection whose every insert fails, and which then holds `held` at each revision."""

    def __init__(self, error: PyMongoError, held: dict[str, Any] | PyMongoError | None) -> None:
        self._error = error
        self._held = held

    def with_options(self, **_: Any) -> "FailingCollection":
        return self

    async def insert_one(self, _: Any) -> None:
        raise self._error

    async def find_one(self, *_: Any) -> dict[str, Any] | None:
        if isinstance(self._held, PyMongoError):
            raise self._held
        return self._held


class FailingDatabase:
    """A database of such collections."""

    def __init__(
        self, error: PyMongoError, held: dict[str, Any] | PyMongoError | None = None
    ) -> None:
        self._collection = FailingCollection(error, held)

    def get_collection(self, *_: Any, **__: Any) -> FailingCollection:
        return self._collection


def a_log(error: PyMongoError, held: dict[str, Any] | PyMongoError | None = None) -> MongoChangeLog:
    """Return a log on such a database."""
    return MongoChangeLog(cast("Database", FailingDatabase(error, held)))


REFUSED = [
    ServerSelectionTimeoutError("away"),
    OperationFailure("not allowed", 13),
    OperationFailure("disk full", 14031),
]
UNKNOWN = [
    AutoReconnect("broke off"),
    NetworkTimeout("no answer"),
    NotPrimaryError("stepped down"),
    ExecutionTimeout("interrupted", 50),
    WriteConcernError("not journalled"),
    WTimeoutError("no majority in time"),
    # What a mongos gives although the insert may have been made.
    *(OperationFailure("from a mongos", code) for code in (6, 7, 89, 9001, 262, 91, 189, 11600)),
    OperationFailure("without a code"),
]


@pytest.mark.parametrize("error", REFUSED, ids=str)
async def test_what_was_refused_was_not_made(error: PyMongoError) -> None:
    """A server that was never reached, or said no, has written nothing."""
    with pytest.raises(LogUnavailable) as caught:
        await a_log(error).append(a_change(0))
    assert not isinstance(caught.value, AppendUnsettled)


@pytest.mark.parametrize("error", UNKNOWN, ids=str)
async def test_what_broke_off_is_unsettled(error: PyMongoError) -> None:
    """A write that may be made, or may yet be rolled back, counts as neither."""
    with pytest.raises(AppendUnsettled):
        await a_log(error).append(a_change(0))


async def test_a_taken_revision_is_settled_by_its_id() -> None:
    """It is ours by our id, another's by another one, and unsettled while it cannot be read."""
    taken = DuplicateKeyError("E11000")
    change = a_change(0)
    assert await a_log(taken, {"id": str(change.id)}).append(change)
    assert not await a_log(taken, {"id": str(a_head(9))}).append(change)
    for unreadable in (None, AutoReconnect("broke off"), ServerSelectionTimeoutError("away")):
        with pytest.raises(AppendUnsettled):
            await a_log(taken, unreadable).append(change)
