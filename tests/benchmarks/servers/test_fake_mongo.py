"""The fake MongoDB is one for the drivers that the service uses."""

import asyncio
from collections.abc import AsyncIterator

import bson
import pytest

from benchmarks.servers.fake_mongo import FakeAnswers, FakeMongo
from benchmarks.workload import PLAYERS, player, player_id
from foundation.mongo import mongo_database
from foundation.settings import MongoDriver, ServiceSettings
from profile_service.profiles.mongo import MongoProfiles
from profile_service.profiles.repository import ActiveCampaignsUpdate


@pytest.fixture(params=MongoDriver)
async def profiles(request: pytest.FixtureRequest) -> AsyncIterator[MongoProfiles]:
    """The service's repository, by each driver, on a fake MongoDB in this process."""
    answers = FakeAnswers()
    server = await asyncio.get_running_loop().create_server(
        lambda: FakeMongo(answers), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    settings = ServiceSettings(
        mongo_url=f"mongodb://127.0.0.1:{port}/?directConnection=true",
        mongo_driver=request.param,
    )
    async with server, mongo_database(settings, seconds=5.0, app_name="test") as database:
        yield MongoProfiles(database)


async def test_gives_each_player(profiles: MongoProfiles) -> None:
    """A player that is asked for comes with that id and all else alike; others do not exist."""
    assert await profiles.get(player_id(0)) == player(0)
    assert await profiles.get(player_id(PLAYERS - 1)) == player(PLAYERS - 1)
    assert await profiles.get("nobody") is None


async def test_takes_what_a_service_does_beside_asking(profiles: MongoProfiles) -> None:
    """Pings, the index and updates succeed, and change nothing."""
    await profiles.ping()
    assert await profiles.prepare() == []
    update = ActiveCampaignsUpdate(player_id(1), player(1)["active_campaigns"], ["other"])
    assert await profiles.update_active_campaigns([update]) == 1
    assert await profiles.get(player_id(1)) == player(1)


async def test_many_at_once(profiles: MongoProfiles) -> None:
    """Players that are asked for at the same time are not mixed up."""
    asked = [player_id(number) for number in range(100)]
    found = await asyncio.gather(*map(profiles.get, asked))
    assert [document and document["player_id"] for document in found] == asked


def test_a_profile_is_as_large_as_it_is_said_to_be() -> None:
    """Each player has 20 items and about 1.5 KB, in BSON too."""
    assert len(player(7)["inventory"]) == 20
    assert 1_300 < len(bson.encode(player(7))) < 2_000
