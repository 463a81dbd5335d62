"""Where the tests keep profiles: a database over each driver, or a SQLite file."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from pydantic import SecretStr

from foundation.mongo import Database, mongo_database
from foundation.settings import MongoDriver
from profile_service.profiles.repository import ProfileRepository
from profile_service.settings import Settings
from testbed.builders import PLAYER_ID


def open_database(
    driver: str, url: str, database: str, *, seconds: float = 10.0
) -> AbstractAsyncContextManager[Database]:
    """Open a database as the service does, with one of the drivers."""
    known = Settings(
        mongo_url=SecretStr(url), mongo_database=database, mongo_driver=MongoDriver(driver)
    )
    return mongo_database(known, seconds=seconds, app_name="test")


async def stored(profiles: ProfileRepository, player_id: str = PLAYER_ID) -> dict[str, Any]:
    """Return a stored profile, which there must be."""
    document = await profiles.get(player_id)
    assert document is not None
    return document
