"""What every ProfileRepository keeps to: MongoDB over both drivers, and SQLite."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.objectid import ObjectId
from hypothesis import HealthCheck, given, settings
from pydantic import SecretStr

from devstack.profiles import open_sqlite_profiles
from foundation.mongo import Database, mongo_database
from foundation.settings import MongoDriver
from profile_service.profiles import (
    ActiveCampaignsUpdate,
    ProfileRepository,
    ProfilesUnavailable,
    Written,
)
from profile_service.repository.profiles import COLLECTION, MongoProfiles
from profile_service.settings import Settings
from tests import servers
from tests.builders import PLAYER_ID, a_profile, golden
from tests.strategies import stored_profiles

SQLITE = "sqlite"
# They look like operators, field paths or patterns to a store that takes them for more than text.
ODD_IDS = (
    "$ne",
    "$where",
    "a.b",
    "{}",
    '{"$gt": ""}',
    "%",
    "' OR 1=1 --",
    ".*",
    "null",
    "Zo\u00eb",
)


def open_database(
    driver: str, url: str, database: str, *, seconds: float = 10.0
) -> AbstractAsyncContextManager[Database]:
    """Open a database as the service does, with one of the drivers."""
    known = Settings(
        mongo_url=SecretStr(url), mongo_database=database, mongo_driver=MongoDriver(driver)
    )
    return mongo_database(known, seconds=seconds, app_name="test")


@pytest.fixture(params=[*MongoDriver])
async def mongo(
    request: pytest.FixtureRequest, mongo_url: str, mongo_database: str
) -> AsyncIterator[Database]:
    """An empty database, over each driver."""
    async with open_database(request.param, mongo_url, mongo_database) as database:
        yield database


@pytest.fixture(params=[*MongoDriver, SQLITE])
async def profiles(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[ProfileRepository]:
    """No profiles yet, ready for use, in each store."""
    if request.param == SQLITE:
        async with open_sqlite_profiles(tmp_path / "profiles.sqlite") as repository:
            await repository.prepare()
            yield repository
        return
    url, name = (request.getfixturevalue(each) for each in ("mongo_url", "mongo_database"))
    async with open_database(request.param, url, name) as database:
        mongo = MongoProfiles(database)
        await mongo.prepare()
        yield mongo


async def stored(profiles: ProfileRepository, player_id: str = PLAYER_ID) -> dict[str, Any]:
    """Give a stored profile, which there must be."""
    document = await profiles.get(player_id)
    assert document is not None
    return document


def exactly(document: dict[str, Any]) -> str:
    """Give a form in which the order of keys counts, and 400 and 400.0 differ."""
    return json.dumps(document)


async def test_golden(profiles: ProfileRepository) -> None:
    """The profile of the brief is stored key by key and value for value."""
    document = golden("profile")
    assert await profiles.put([document]) == Written(created=1, replaced=0)
    assert exactly(await stored(profiles, document["player_id"])) == exactly(
        {**document, "active_campaigns": []}
    )


# The examples share a store on purpose: each is one more profile in it, or replaces one.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(profile=stored_profiles())
async def test_any_profile_is_stored_as_sent(
    profiles: ProfileRepository, profile: dict[str, Any]
) -> None:
    """Key order and every value stay as they were sent, but for `active_campaigns`."""
    await profiles.put([profile])
    expected = {**profile, "active_campaigns": []}
    assert exactly(await stored(profiles, profile["player_id"])) == exactly(expected)


async def test_numbers_keep_their_types(profiles: ProfileRepository) -> None:
    """400 does not become 400.0, nor the other way round, and 64 bits are kept to the last."""
    numbers = {"total_spent": 400, "total_refund": 400.0, "xp": 2**63 - 1, "_low": -(2**63)}
    await profiles.put([a_profile(**numbers)])
    assert exactly(await stored(profiles)) == exactly(a_profile(**numbers, active_campaigns=[]))


async def test_dates_stay_text(profiles: ProfileRepository) -> None:
    """A date that was sent as text comes back as that text."""
    await profiles.put([a_profile(created="2021-01-10 13:37:17Z")])
    assert (await stored(profiles))["created"] == "2021-01-10 13:37:17Z"


async def test_a_replacement_is_whole(profiles: ProfileRepository) -> None:
    """A field that is not sent again is gone."""
    await profiles.put([a_profile(xp=1, _custom={"a": 1})])
    assert await profiles.put([{"player_id": PLAYER_ID}]) == Written(created=0, replaced=1)
    assert await stored(profiles) == {"player_id": PLAYER_ID, "active_campaigns": []}


async def test_an_unknown_player_has_no_profile(profiles: ProfileRepository) -> None:
    """Nobody's profile is None, and cannot be deleted."""
    assert await profiles.get("nobody") is None
    assert not await profiles.delete("nobody")


async def test_a_deleted_profile_is_gone(profiles: ProfileRepository) -> None:
    """Delete removes that one profile, once; written again it is new, without campaigns."""
    await profiles.put([a_profile("one"), a_profile("two")])
    await profiles.update_active_campaigns([ActiveCampaignsUpdate("one", [], ["a"])])
    assert await profiles.delete("one")
    assert not await profiles.delete("one")
    assert await profiles.get("one") is None
    assert await profiles.get("two") is not None
    assert await profiles.put([a_profile("one")]) == Written(created=1, replaced=0)
    assert (await stored(profiles, "one"))["active_campaigns"] == []


async def test_what_is_sent_as_active_campaigns_is_ignored(profiles: ProfileRepository) -> None:
    """A new profile starts with none, and a stored one keeps what the service wrote."""
    document = a_profile(active_campaigns=["mine"])
    await profiles.put([document])
    assert (await stored(profiles))["active_campaigns"] == []
    await profiles.update_active_campaigns([ActiveCampaignsUpdate(PLAYER_ID, [], ["theirs"])])
    await profiles.put([document])
    assert (await stored(profiles))["active_campaigns"] == ["theirs"]


async def test_a_batch_of_new_and_stored_profiles(profiles: ProfileRepository) -> None:
    """A batch tells new profiles from replaced ones, and each keeps its own campaigns."""
    await profiles.put([a_profile(name, level=1) for name in ("b", "d")])
    await profiles.update_active_campaigns([ActiveCampaignsUpdate("b", [], ["kept"])])
    batch = [a_profile(name, level=2) for name in "abcde"]
    assert await profiles.put(batch) == Written(created=3, replaced=2)
    found = [await stored(profiles, name) for name in "abcde"]
    assert [each["level"] for each in found] == [2] * 5
    assert [each["active_campaigns"] for each in found] == [[], ["kept"], [], [], []]


async def test_a_batch_of_an_import(profiles: ProfileRepository) -> None:
    """Hundreds of profiles are one batch."""
    batch = [a_profile(f"player {number}") for number in range(500)]
    assert await profiles.put(batch) == Written(created=500, replaced=0)
    assert await profiles.put([*batch[:-1], a_profile("new")]) == Written(created=1, replaced=499)


async def test_an_update_sets_one_field(profiles: ProfileRepository) -> None:
    """Only `active_campaigns` changes, in its place: `modified` and all others stay."""
    document = {
        "player_id": PLAYER_ID,
        "modified": "2021-01-10 13:37:17Z",
        "active_campaigns": [],
        "total_spent": 400,
    }
    await profiles.put([document])
    updates = [ActiveCampaignsUpdate(PLAYER_ID, [], ["b", "a", "Fête d'été"])]
    assert await profiles.update_active_campaigns(updates) == 1
    assert exactly(await stored(profiles)) == exactly(
        {**document, "active_campaigns": ["b", "a", "Fête d'été"]}
    )


@pytest.mark.parametrize("read", [["a"], ["b", "a"], ["a", "b", "c"], ["c"], [], None])
async def test_an_outdated_update_is_dropped(
    profiles: ProfileRepository, read: list[str] | None
) -> None:
    """Where the stored value is no longer what was read, nothing is written."""
    await profiles.put([a_profile()])
    await profiles.update_active_campaigns([ActiveCampaignsUpdate(PLAYER_ID, [], ["a", "b"])])
    outdated = [ActiveCampaignsUpdate(PLAYER_ID, read, ["mine"])]
    assert await profiles.update_active_campaigns(outdated) == 0
    assert (await stored(profiles))["active_campaigns"] == ["a", "b"]


async def test_an_update_makes_no_profile(profiles: ProfileRepository) -> None:
    """An update of a player who is gone is dropped, the others of its batch are made."""
    await profiles.put([a_profile("one"), a_profile("two")])
    updates = [
        ActiveCampaignsUpdate("one", [], ["a"]),
        ActiveCampaignsUpdate("gone", [], ["a"]),
        ActiveCampaignsUpdate("gone too", None, ["a"]),
        ActiveCampaignsUpdate("two", ["other"], ["a"]),
    ]
    assert await profiles.update_active_campaigns(updates) == 1
    assert (await stored(profiles, "one"))["active_campaigns"] == ["a"]
    assert (await stored(profiles, "two"))["active_campaigns"] == []
    assert await profiles.get("gone") is None
    assert await profiles.get("gone too") is None


@pytest.mark.parametrize("player_id", ODD_IDS)
async def test_player_ids_are_just_text(profiles: ProfileRepository, player_id: str) -> None:
    """An id that looks like an operator or a pattern names one player and no other."""
    await profiles.put([a_profile("other")])
    assert await profiles.get(player_id) is None
    assert not await profiles.delete(player_id)
    updates = [ActiveCampaignsUpdate(player_id, [], [player_id])]
    assert await profiles.update_active_campaigns(updates) == 0
    assert await profiles.put([a_profile(player_id)]) == Written(created=1, replaced=0)
    assert await profiles.update_active_campaigns(updates) == 1
    assert await stored(profiles, player_id) == a_profile(player_id, active_campaigns=[player_id])
    assert await profiles.delete(player_id)
    assert await stored(profiles, "other") == a_profile("other", active_campaigns=[])


async def test_concurrent_writes_lose_nothing(profiles: ProfileRepository) -> None:
    """While a player is written again and again, every update that succeeds stays."""
    await profiles.put([a_profile(level=0)])
    succeeded: list[str] = []

    async def write(level: int) -> None:
        assert await profiles.put([a_profile(level=level)]) == Written(created=0, replaced=1)

    async def update(name: str) -> None:
        read = (await stored(profiles))["active_campaigns"]
        if await profiles.update_active_campaigns(
            [ActiveCampaignsUpdate(PLAYER_ID, read, [*read, name])]
        ):
            succeeded.append(name)

    for turn in range(20):
        writes = [write(turn + 1) for _ in range(3)]
        await asyncio.gather(*writes, *(update(f"{turn} {number}") for number in range(3)))
    document = await stored(profiles)
    assert sorted(document["active_campaigns"]) == sorted(succeeded)
    assert len(succeeded) >= 20
    assert document == a_profile(level=20, active_campaigns=document["active_campaigns"])


async def test_concurrent_first_writes_make_one_profile(profiles: ProfileRepository) -> None:
    """Of many who write one new player at once exactly one creates, the others replace."""
    for name in ("one", "two", "three"):
        written = await asyncio.gather(
            *(profiles.put([a_profile(name, level=level)]) for level in range(10))
        )
        assert sum(each.created for each in written) == 1
        assert sum(each.replaced for each in written) == 9
        assert await profiles.delete(name)
        assert await profiles.get(name) is None


async def test_can_be_reached(profiles: ProfileRepository) -> None:
    """A store that is there answers a ping, and is prepared as often as one likes."""
    await profiles.ping()
    assert await profiles.prepare() == []


async def test_the_index_is_unique(mongo: Database) -> None:
    """After `prepare` no player can be stored twice, whoever writes."""
    profiles = MongoProfiles(mongo)
    assert await profiles.prepare() == []
    await profiles.put([a_profile()])
    indexes = await mongo[COLLECTION].index_information()
    assert [index["key"] for index in indexes.values() if index.get("unique")] == [
        [("player_id", 1)]
    ]


async def test_duplicates_are_named(mongo: Database) -> None:
    """Players that are stored twice already are named, at most ten; once mended there are none."""
    twice = [{"player_id": name} for name in ("one", "two", "two", "three", "three", "three")]
    await mongo[COLLECTION].insert_many(twice)
    profiles = MongoProfiles(mongo)
    assert sorted(await profiles.prepare()) == ["three", "two"]
    await mongo[COLLECTION].insert_many(
        [{"player_id": f"more {number // 2}"} for number in range(30)]
    )
    assert len(await profiles.prepare()) == 10
    await mongo[COLLECTION].delete_many({})
    assert await profiles.prepare() == []


@pytest.mark.parametrize("read", [None, "mycampaign", {"$gt": 1}, {"a.b": 1}, 5, [1, None]])
async def test_what_others_stored_is_replaced(mongo: Database, read: Any) -> None:
    """`active_campaigns` of any type is replaced while it is what was read, and kept by a write."""
    profiles = MongoProfiles(mongo)
    await mongo[COLLECTION].insert_one({**a_profile(), "active_campaigns": read})
    assert await profiles.put([a_profile(level=3)]) == Written(created=0, replaced=1)
    kept = (await stored(profiles))["active_campaigns"]
    assert kept == ([] if read is None else read)
    other = [ActiveCampaignsUpdate(PLAYER_ID, ["other"], ["a"])]
    assert await profiles.update_active_campaigns(other) == 0
    mine = [ActiveCampaignsUpdate(PLAYER_ID, kept, ["a"])]
    assert await profiles.update_active_campaigns(mine) == 1
    assert await stored(profiles) == a_profile(level=3, active_campaigns=["a"])


async def test_a_missing_field_is_read_as_none(mongo: Database) -> None:
    """A document without `active_campaigns` is updated where it still has none."""
    profiles = MongoProfiles(mongo)
    await mongo[COLLECTION].insert_one(a_profile())
    update = [ActiveCampaignsUpdate(PLAYER_ID, None, ["a"])]
    assert await profiles.update_active_campaigns(update) == 1
    assert await profiles.update_active_campaigns(update) == 0
    assert (await stored(profiles))["active_campaigns"] == ["a"]


async def test_documents_of_others_can_be_read(mongo: Database) -> None:
    """Types that JSON lacks come as they are stored, dates past year 9999 too, without `_id`."""
    odd = {"at": DatetimeMS(2**60), "_key": ObjectId(), "total_spent": Decimal128("1.10")}
    await mongo[COLLECTION].insert_one({**a_profile(), **odd})
    assert await stored(MongoProfiles(mongo)) == {**a_profile(), **odd}


CALLS: dict[str, Callable[[ProfileRepository], Awaitable[object]]] = {
    "get": lambda profiles: profiles.get(PLAYER_ID),
    "put": lambda profiles: profiles.put([a_profile()]),
    "delete": lambda profiles: profiles.delete(PLAYER_ID),
    "update": lambda profiles: profiles.update_active_campaigns(
        [ActiveCampaignsUpdate(PLAYER_ID, [], ["a"])]
    ),
    "ping": lambda profiles: profiles.ping(),
    "prepare": lambda profiles: profiles.prepare(),
}


@pytest.mark.parametrize("driver", MongoDriver)
@pytest.mark.parametrize("call", CALLS)
async def test_a_server_that_is_away(driver: str, call: str) -> None:
    """Whatever is asked of a server that is away ends in time, in the protocol's own error."""
    url = f"mongodb://127.0.0.1:{servers.free_port()}"
    async with open_database(driver, url, "nowhere", seconds=0.2) as database:
        async with asyncio.timeout(5.0):
            with pytest.raises(ProfilesUnavailable):
                await CALLS[call](MongoProfiles(database))
