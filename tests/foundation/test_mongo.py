"""The MongoDB client: one way of making it, whichever the driver."""

from datetime import datetime
from typing import Any

import pytest
from bson import decode, encode
from motor.motor_asyncio import AsyncIOMotorDatabase
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from foundation.mongo import CODEC, describe, mongo_database
from foundation.settings import MongoDriver, ServiceSettings

NOBODY = "mongodb://127.0.0.1:1/?appName=theirs&maxPoolSize=7&retryWrites=true"
KINDS = {MongoDriver.MOTOR: AsyncIOMotorDatabase, MongoDriver.PYMONGO: AsyncDatabase}


def settings(driver: MongoDriver) -> ServiceSettings:
    """Return settings of a server that is not there."""
    return ServiceSettings(
        mongo_url=SecretStr(NOBODY), mongo_database="players", mongo_driver=driver
    )


@pytest.mark.parametrize("driver", list(MongoDriver))
async def test_the_driver_asked_for_is_used_with_its_limits(driver: MongoDriver) -> None:
    """Every operation, connect and search for a server ends in time; the URL's options hold."""
    async with mongo_database(settings(driver), seconds=1.5, app_name="ours") as database:
        assert type(database) is KINDS[driver]
        assert database.name == "players"
        options: Any = database.client.options
        assert options.timeout == 1.5
        assert options.server_selection_timeout == 1.5
        assert options.pool_options.connect_timeout == 1.5
        assert options.pool_options.appname == "ours"
        assert options.pool_options.max_pool_size == 7
        assert database.codec_options == CODEC


@pytest.mark.parametrize("driver", list(MongoDriver))
async def test_retries_of_writes_can_be_switched_off(driver: MongoDriver) -> None:
    """A program that repeats its writes itself learns of each attempt, whatever the URL says."""
    for retry_writes in (True, False):
        async with mongo_database(
            settings(driver), seconds=1.0, app_name="ours", retry_writes=retry_writes
        ) as database:
            options: Any = database.client.options
            assert options.retry_writes is retry_writes


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (AutoReconnect("mongo.internal:27017: reset"), "AutoReconnect"),
        (OperationFailure("user anna@admin", 13), "OperationFailure (code 13)"),
    ],
)
def test_an_error_is_described_without_its_text(error: PyMongoError, described: str) -> None:
    """Its kind and the server's code are fit to be shown."""
    assert describe(error) == described


@pytest.mark.parametrize("driver", list(MongoDriver))
async def test_a_server_that_is_away_shows_at_the_first_operation(driver: MongoDriver) -> None:
    """Opening connects to nothing, and closing waits for nothing."""
    async with mongo_database(settings(driver), seconds=5.0, app_name="ours"):
        pass


def test_no_document_is_unreadable() -> None:
    """Dates past what datetime holds and text that is no UTF-8 are read all the same."""
    far = b"\x09far\x00" + (2**62).to_bytes(8, "little")
    text = b"\x02text\x00\x02\x00\x00\x00\xff\x00"
    body = far + text
    document = (len(body) + 5).to_bytes(4, "little") + body + b"\x00"
    read = decode(document, codec_options=CODEC)
    assert int(read["far"]) == 2**62
    assert read["text"] == "\N{REPLACEMENT CHARACTER}"


def test_dates_are_aware() -> None:
    """A stored date comes back with its zone, UTC."""
    read = decode(encode({"at": datetime(2022, 1, 25)}), codec_options=CODEC)  # noqa: DTZ001
    assert read["at"].utcoffset() is not None
