"""What the log says of a MongoDB that is away."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, cast

import pytest
from pymongo.errors import (
    BulkWriteError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.results import BulkWriteResult

from foundation.mongo import Database
from profile_service.profiles.mongo import REFUSAL_SECONDS, MongoProfiles
from profile_service.profiles.repository import ActiveCampaignsUpdate, ProfilesUnavailable
from tests.simulated_time import simulated


class FlakyDatabase:
    """A database whose answers to reads fail with `error`, or never come while `hanging`."""

    def __init__(self) -> None:
        self.error: PyMongoError | None = None
        self.hanging = False
        self.refused = 0

    def __getitem__(self, _: str) -> "FlakyDatabase":
        return self

    def with_options(self, **_: Any) -> "FlakyDatabase":
        return self

    async def find_one(self, *_: Any) -> None:
        await asyncio.sleep(0.001)
        if self.hanging:
            await asyncio.get_running_loop().create_future()
        if self.error is not None:
            raise self.error

    async def bulk_write(self, writes: Sequence[object], *, ordered: bool) -> BulkWriteResult:
        made = {"nMatched": len(writes) - self.refused, "nUpserted": 0}
        if self.refused:
            raise BulkWriteError({**made, "writeErrors": [{"code": 121}] * self.refused})
        return BulkWriteResult(made, acknowledged=not ordered)

    async def command(self, _: str) -> None:
        await asyncio.sleep(0.001)


AUTHENTICATION_FAILED = OperationFailure(
    "the secret", 18, {"codeName": "AuthenticationFailed", "errmsg": "the secret"}
)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ServerSelectionTimeoutError("the secret"), "ServerSelectionTimeoutError"),
        (AUTHENTICATION_FAILED, "OperationFailure 18 AuthenticationFailed"),
    ],
)
@simulated
async def test_an_outage_is_logged_once(
    caplog: pytest.LogCaptureFixture, error: PyMongoError, told: str
) -> None:
    """A line when reads begin to fail, with the error's name, and one when they succeed again."""
    caplog.set_level(logging.INFO, "profile_service")
    database = FlakyDatabase()
    profiles = MongoProfiles(cast("Database", database))
    expected: list[tuple[str, str]] = []
    for _ in range(2):
        await profiles.get("one")
        database.error = error
        for _ in range(5):
            with pytest.raises(ProfilesUnavailable):
                await profiles.get("one")
            await profiles.ping()
        database.error = None
        await profiles.get("one")
        expected += [
            ("WARNING", f"profiles cannot be read: {told}"),
            ("INFO", "profiles can be read again"),
        ]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == expected


@simulated
async def test_refused_updates_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A rule of the collection that refuses some players' updates does not fill the log."""
    caplog.set_level(logging.INFO, "profile_service")
    database = FlakyDatabase()
    profiles = MongoProfiles(cast("Database", database))
    updates = [ActiveCampaignsUpdate(name, [], ["a"]) for name in ("one", "two")]
    for _ in range(100):
        database.refused = 1
        assert await profiles.update_active_campaigns(updates) == 1
        database.refused = 0
        assert await profiles.update_active_campaigns(updates[:1]) == 1
        await asyncio.sleep(10)
    await asyncio.sleep(REFUSAL_SECONDS)
    await profiles.update_active_campaigns(updates[:1])
    assert caplog.messages == [
        "updates of active_campaigns are refused: 1 of 2",
        "updates of active_campaigns are no longer refused",
    ]


@simulated
async def test_a_server_that_hangs_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Where those who ask give up first; a read that a stop cuts off is no outage."""
    caplog.set_level(logging.INFO, "profile_service")
    database = FlakyDatabase()
    profiles = MongoProfiles(cast("Database", database))
    database.hanging = True
    for seconds in (0.1, 2.0, 2.0):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await profiles.get("one")
    assert caplog.messages == ["profiles cannot be read: no answer in 2.0 s"]
