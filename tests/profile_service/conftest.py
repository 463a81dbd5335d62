"""Each store of profiles, ready for use."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.sqlite_profiles import open_sqlite_profiles
from foundation.settings import MongoDriver
from profile_service.profiles.mongo import MongoProfiles
from profile_service.profiles.repository import ProfileRepository
from tests.profile_service.profiles.stores import open_database

SQLITE = "sqlite"


@pytest.fixture(params=[*MongoDriver, SQLITE])
async def profiles(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[ProfileRepository]:
    """No profiles yet, ready for use, in each store."""
    if request.param == SQLITE:
        async with open_sqlite_profiles(tmp_path / "profiles.sqlite") as repository:
            await repository.prepare()
            await repository.lists.prepare()
            yield repository
        return
    url, name = (request.getfixturevalue(each) for each in ("mongo_url", "mongo_database"))
    async with open_database(request.param, url, name) as database:
        mongo = MongoProfiles(database)
        await mongo.prepare()
        await mongo.lists.prepare()
        yield mongo
