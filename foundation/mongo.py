"""The one place where a MongoDB client is made.

motor and PyMongo's own async client have the same calls; an object typed here as the
latter's may be either's. See docs/decisions/0003-mongodb-driver.md.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from bson.codec_options import CodecOptions, DatetimeConversion
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from foundation.settings import MongoDriver, ServiceSettings

Document = dict[str, Any]
Database = AsyncDatabase[Document]

# Dates that datetime cannot hold and text that is no UTF-8 must not make a document,
# or a batch with it, unreadable.
CODEC: CodecOptions[Document] = CodecOptions(
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)


@asynccontextmanager
async def mongo_database(
    settings: ServiceSettings, *, seconds: float, app_name: str, retry_writes: bool = True
) -> AsyncIterator[Database]:
    """Yield the configured database; each operation on it ends within `seconds`.

    Nothing is connected to yet: a server that is away shows at the first operation. Without
    `retry_writes` an error of a write is that of its only attempt, whatever the URL says.
    """
    kind: Any = (
        AsyncIOMotorClient if settings.mongo_driver is MongoDriver.MOTOR else AsyncMongoClient
    )
    client = kind(
        settings.mongo_url.get_secret_value(),
        appname=app_name,
        timeoutMS=int(seconds * 1000),
        serverSelectionTimeoutMS=int(seconds * 1000),
        connectTimeoutMS=int(seconds * 1000),
        heartbeatFrequencyMS=2000,
        # The URL, or the driver's default, decides unless it is switched off here.
        **({} if retry_writes else {"retryWrites": False}),
    )
    try:
        yield cast("Database", client.get_database(settings.mongo_database, codec_options=CODEC))
    finally:
        closing = client.close()
        if closing is not None:  # motor closes at once, PyMongo's client is awaited
            await closing


def describe(error: PyMongoError) -> str:
    """Return an error's name and the server's code, fit for health answers.

    Its text may hold anything: addresses, documents, what a proxy in between says.
    """
    code = getattr(error, "code", None)
    return type(error).__name__ if code is None else f"{type(error).__name__} (code {code})"
