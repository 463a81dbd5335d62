"""Profiles in MongoDB: what is its own, beside what the shared contract tests hold it to."""

import asyncio
import gc
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest
from bson.codec_options import CodecOptions
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.objectid import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from pymongo.errors import DuplicateKeyError
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from foundation.mongo import Database
from foundation.settings import MongoDriver
from profile_service.profiles.mongo import COLLECTION, MongoProfiles
from profile_service.profiles.repository import (
    ActiveCampaignsUpdate,
    ProfileContended,
    ProfileRepository,
    ProfilesUnavailable,
    ProfileUnreadable,
    Written,
)
from testbed import servers
from testbed.builders import PLAYER_ID, a_profile
from tests.profile_service.profiles.stores import open_database, stored


@pytest.fixture(params=[*MongoDriver])
async def mongo(
    request: pytest.FixtureRequest, mongo_url: str, mongo_database: str
) -> AsyncIterator[Database]:
    """An empty database, over each driver."""
    async with open_database(request.param, mongo_url, mongo_database) as database:
        yield database


class MendedMeanwhile:
    """A database whose duplicates go as soon as they have forbidden the index."""

    def __init__(self, database: Database) -> None:
        self._profiles = database[COLLECTION]

    def __getitem__(self, _: str) -> "MendedMeanwhile":
        return self

    def with_options(self, **_: Any) -> "MendedMeanwhile":
        return self

    async def command(self, _: str) -> None:
        pass

    async def create_index(self, *keys: Any, **options: Any) -> None:
        try:
            await self._profiles.create_index(*keys, **options)
        except DuplicateKeyError:
            await self._profiles.delete_many({})
            raise

    def aggregate(self, *stages: Any, **options: Any) -> Any:
        return self._profiles.aggregate(*stages, **options)


class ChangedMeanwhile:
    """Profiles that somebody changes after each of the first `times` reads of one."""

    def __init__(self, database: Any, change: dict[str, Any], *, times: int = 1) -> None:
        self._inner = database
        self._change = change
        self._times = [times]

    def __getitem__(self, name: str) -> "ChangedMeanwhile":
        return self._around(self._inner[name])

    def with_options(self, **options: Any) -> "ChangedMeanwhile":
        return self._around(self._inner.with_options(**options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def find_one(self, *question: Any) -> Any:
        found = await self._inner.find_one(*question)
        await self._change_one()
        return found

    async def find(self, *question: Any) -> AsyncIterator[Any]:
        found = await self._inner.find(*question).to_list()
        await self._change_one()
        for each in found:
            yield each

    async def _change_one(self) -> None:
        if self._times[0]:
            self._times[0] -= 1
            await self._inner.update_one({"player_id": PLAYER_ID}, self._change)

    def _around(self, inner: Any) -> "ChangedMeanwhile":
        other = ChangedMeanwhile(inner, self._change)
        other._times = self._times
        return other


class Reads:
    """A database that notes the read preference of each read."""

    def __init__(self, database: Any, preferences: list[str] | None = None) -> None:
        self.preferences = preferences if preferences is not None else []
        self._inner = database

    def __getitem__(self, name: str) -> "Reads":
        return Reads(self._inner[name], self.preferences)

    def with_options(self, **options: Any) -> "Reads":
        return Reads(self._inner.with_options(**options), self.preferences)

    def __getattr__(self, name: str) -> Any:
        if name in {"find", "find_one"}:
            self.preferences.append(type(self._inner.read_preference).__name__)
        return getattr(self._inner, name)


class Limits(CommandListener):
    """Keeps how long the server was told that each command may take, in milliseconds."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}

    def started(self, event: CommandStartedEvent) -> None:
        self.told[event.command_name] = event.command.get("maxTimeMS", math.inf)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


async def test_the_index_is_unique(mongo: Database) -> None:
    """After `prepare` no player can be stored twice, by any writer."""
    profiles = MongoProfiles(mongo)
    assert await profiles.prepare() == []
    await profiles.put([a_profile()])
    indexes = await mongo[COLLECTION].index_information()
    assert [index["key"] for index in indexes.values() if index.get("unique")] == [
        [("player_id", 1)]
    ]


async def test_duplicates_are_named(mongo: Database) -> None:
    """Players that are stored twice already are named; once that is mended there are none."""
    twice = [{"player_id": name} for name in ("one", "two", "two", "three", "three", "three")]
    await mongo[COLLECTION].insert_many(twice)
    profiles = MongoProfiles(mongo)
    assert sorted(await profiles.prepare()) == ["three", "two"]
    await mongo[COLLECTION].delete_many({"player_id": {"$ne": "one"}})
    assert await profiles.prepare() == []


async def test_a_list_of_ids_that_forbids_the_index_is_named(mongo: Database) -> None:
    """By the id that another document has too."""
    await mongo[COLLECTION].insert_many([{"player_id": ["one", "two"]}, {"player_id": "two"}])
    assert await MongoProfiles(mongo).prepare() == ["two"]


async def test_duplicates_that_go_meanwhile(mongo: Database) -> None:
    """The index is not taken for made when what forbade it is not found any more."""
    await mongo[COLLECTION].insert_many([a_profile("one"), a_profile("one")])
    profiles = MongoProfiles(cast("Database", MendedMeanwhile(mongo)))
    with pytest.raises(ProfilesUnavailable, match="11000"):
        await profiles.prepare()
    assert await profiles.prepare() == []


async def test_another_index_in_its_place(mongo: Database) -> None:
    """The error names its code, and nothing else of what the server said."""
    await mongo[COLLECTION].create_index("player_id")
    with pytest.raises(ProfilesUnavailable) as refused:
        await MongoProfiles(mongo).prepare()
    assert str(refused.value) in {
        "OperationFailure 85 IndexOptionsConflict",
        "OperationFailure 86 IndexKeySpecsConflict",
    }


@pytest.mark.parametrize("client", [AsyncIOMotorClient, AsyncMongoClient])
async def test_the_index_has_a_limit_of_its_own(
    client: Any, mongo_url: str, mongo_database: str
) -> None:
    """Neither making it on many profiles nor the search for duplicates ends after 5 s."""
    limits = Limits()
    connected = client(mongo_url, timeoutMS=5000, event_listeners=[limits])
    try:
        profiles = connected[mongo_database][COLLECTION]
        await profiles.insert_many([a_profile("one"), a_profile("one")])
        assert await MongoProfiles(connected[mongo_database]).prepare() == ["one"]
    finally:
        closing = connected.close()
        if closing is not None:
            await closing
    assert limits.told["insert"] <= 5000
    assert limits.told["createIndexes"] > 300_000
    assert limits.told["aggregate"] > 300_000


async def test_ten_duplicates_are_named_at_most(mongo: Database) -> None:
    """A collection without any order does not fill the log."""
    await mongo[COLLECTION].insert_many([{"player_id": f"{number // 2}"} for number in range(30)])
    assert len(await MongoProfiles(mongo).prepare()) == 10


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


ODD_VALUES: tuple[Any, ...] = (
    None,
    "vip",
    5,
    {"a": 1},
    [],
    ["vip", 1, None],
    [{"campaign": 1}, [2]],
)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("value", ODD_VALUES)
async def test_lists_and_overrides_are_kept_whatever_they_are(
    mongo: Database, value: Any, *, conditional: bool
) -> None:
    """A write takes neither field from its sender, and stores what was there, of any type."""
    profiles = MongoProfiles(mongo)
    owned = {"active_campaigns": ["a"], "lists": value, "overrides": value}
    await mongo[COLLECTION].insert_one({**a_profile(), **owned})
    sent = a_profile(level=3, lists=["mine"], overrides=[])
    if conditional:
        written = await profiles.put_if(sent, lambda _: None)
    else:
        written = await profiles.put([sent])
    assert written == Written(created=0, replaced=1)
    assert written.kept == {PLAYER_ID: owned}
    assert await stored(profiles) == a_profile(level=3, **owned)


@pytest.mark.parametrize("before", [{}, {"lists": ["vip"]}, {"lists": "vip", "overrides": None}])
@pytest.mark.parametrize("field", ["lists", "overrides"])
async def test_a_field_of_the_services_own_that_moves_meanwhile(
    mongo: Database, field: str, before: dict[str, Any]
) -> None:
    """A write that read it before is made again with what it has become."""
    await MongoProfiles(mongo).prepare()
    await mongo[COLLECTION].insert_one({**a_profile(), **before})
    changing = ChangedMeanwhile(mongo, {"$set": {field: ["vip", {"new": 1}]}})
    profiles = MongoProfiles(cast("Database", changing))
    assert await profiles.put([a_profile(level=7)]) == Written(created=0, replaced=1)
    expected = {**before, field: ["vip", {"new": 1}]}
    assert await stored(profiles) == a_profile(level=7, active_campaigns=[], **expected)


@pytest.mark.parametrize("value", ODD_VALUES)
async def test_overrides_of_any_type_are_changed(mongo: Database, value: Any) -> None:
    """What others stored there is given to the change, and replaced while it is that."""
    profiles = MongoProfiles(mongo)
    await mongo[COLLECTION].insert_one({**a_profile(), "overrides": value})
    given: list[Any] = []

    def change(stored: Any) -> list[Any]:
        given.append(stored)
        return [{"campaign": "a"}]

    assert await profiles.change_overrides(PLAYER_ID, change)
    assert given == [value]
    assert await stored(profiles) == {**a_profile(), "overrides": [{"campaign": "a"}]}


async def test_overrides_that_keep_changing(mongo: Database) -> None:
    """A change is made again for what has become of them, and gives up after some rounds."""
    await mongo[COLLECTION].insert_one(a_profile())
    once = ChangedMeanwhile(mongo, {"$set": {"overrides": [1]}})
    profiles = MongoProfiles(cast("Database", once))
    assert await profiles.change_overrides(PLAYER_ID, lambda held: [*(held or []), 2])
    assert (await stored(profiles))["overrides"] == [1, 2]
    always = ChangedMeanwhile(mongo, {"$push": {"overrides": 3}}, times=1000)
    with pytest.raises(ProfileContended):
        await MongoProfiles(cast("Database", always)).change_overrides(PLAYER_ID, lambda _: [])


async def test_a_missing_field_is_read_as_none(mongo: Database) -> None:
    """A document without `active_campaigns` is updated where it still has none."""
    profiles = MongoProfiles(mongo)
    await mongo[COLLECTION].insert_one(a_profile())
    update = [ActiveCampaignsUpdate(PLAYER_ID, None, ["a"])]
    assert await profiles.update_active_campaigns(update) == 1
    assert await profiles.update_active_campaigns(update) == 0
    assert (await stored(profiles))["active_campaigns"] == ["a"]


async def test_a_list_of_ids_is_no_id(mongo: Database) -> None:
    """A document with a list of ids is nobody's, and does not hide the one of a player in it."""
    await mongo[COLLECTION].insert_one({"player_id": ["one", "two"], "level": 1})
    await mongo[COLLECTION].insert_one({"player_id": "two", "level": 2})
    profiles = MongoProfiles(mongo)
    assert await profiles.get("one") is None
    assert await profiles.get("two") == {"player_id": "two", "level": 2}
    assert await profiles.get_many(["one", "two"]) == {"two": {"player_id": "two", "level": 2}}


async def test_a_list_of_ids_does_not_hinder_writes(mongo: Database) -> None:
    """Without the index those in a list are written like all others, and the list stays."""
    listed = {"player_id": ["one", "two"], "level": 1}
    await mongo[COLLECTION].insert_one(listed)
    profiles = MongoProfiles(mongo)
    batch = [a_profile("one"), a_profile("three")]
    assert await profiles.put(batch) == Written(created=2, replaced=0)
    assert await profiles.put(batch) == Written(created=0, replaced=2)
    assert await mongo[COLLECTION].find_one({"_id": listed["_id"]}) == listed


async def test_an_id_that_a_list_holds_is_refused_by_the_index(mongo: Database) -> None:
    """It is reported as a conflict, and the others of its batch are written."""
    profiles = MongoProfiles(mongo)
    await profiles.prepare()
    await mongo[COLLECTION].insert_one({"player_id": ["one", "two"]})
    written = await profiles.put([a_profile(name) for name in ("zero", "one", "three")])
    assert written == Written(created=2, replaced=0, conflicts=frozenset({"one"}))
    assert (await profiles.get_many(["zero", "one", "three"])).keys() == {"zero", "three"}


async def test_a_list_of_ids_is_never_written_or_removed(mongo: Database) -> None:
    """Neither a write nor an update nor a delete of a player in it touches it."""
    listed = {"player_id": ["one", "two"], "level": 1}
    await mongo[COLLECTION].insert_one(listed)
    await mongo[COLLECTION].insert_one({"player_id": "one"})
    profiles = MongoProfiles(mongo)
    assert await profiles.put([a_profile("one")]) == Written(created=0, replaced=1)
    assert await profiles.update_active_campaigns([ActiveCampaignsUpdate("two", None, ["a"])]) == 0
    assert await profiles.delete("one")
    assert not await profiles.delete("two")
    assert await mongo[COLLECTION].find({}).to_list() == [listed]


async def test_a_player_stored_twice_is_written_where_it_is_read(mongo: Database) -> None:
    """A write replaces the copy that reads show, with that one's `active_campaigns`."""
    copies = [a_profile("one", active_campaigns=[name], level=1) for name in ("a", "b", "c")]
    await mongo[COLLECTION].insert_many(copies)
    profiles = MongoProfiles(mongo)
    assert await profiles.put([a_profile("one", level=2)]) == Written(created=0, replaced=1)
    written = a_profile("one", active_campaigns=["a"], level=2)
    assert await profiles.get("one") == written
    assert await profiles.get_many(["one", "two"]) == {"one": written}


async def test_a_player_stored_twice_is_removed_whole(mongo: Database) -> None:
    """After a delete no copy is left to be served, and nobody else's profile is gone."""
    await mongo[COLLECTION].insert_many([a_profile("one"), a_profile("two"), a_profile("one")])
    profiles = MongoProfiles(mongo)
    assert await profiles.delete("one")
    assert await profiles.get("one") is None
    assert await profiles.get("two") is not None


async def test_documents_of_others_can_be_read(mongo: Database) -> None:
    """Types that JSON lacks come as they are stored, dates past year 9999 too, without `_id`."""
    odd = {"at": DatetimeMS(2**60), "_key": ObjectId(), "total_spent": Decimal128("1.10")}
    await mongo[COLLECTION].insert_one({**a_profile(), **odd})
    assert await stored(MongoProfiles(mongo)) == {**a_profile(), **odd}


async def test_a_document_that_cannot_be_decoded_is_named(mongo: Database) -> None:
    """The protocol's own error says which it is, and holds the others that were asked for."""
    await mongo[COLLECTION].insert_many(
        [{"player_id": ["one", "odd"]}, a_profile("odd", at=DatetimeMS(2**60)), a_profile("one")]
    )
    profiles = MongoProfiles(mongo.with_options(codec_options=CodecOptions()))
    with pytest.raises(ProfileUnreadable) as lone:
        await profiles.get("odd")
    assert lone.value.unreadable == {"odd"}
    assert not lone.value.found
    with pytest.raises(ProfileUnreadable) as among:
        await profiles.get_many(["one", "odd", "nobody"])
    assert among.value.unreadable == {"odd"}
    assert among.value.found == {"one": a_profile("one")}
    assert (await profiles.get_many(["one"])).keys() == {"one"}


@pytest.mark.parametrize(
    "others",
    [
        {"at": DatetimeMS(2**60), "_key": ObjectId(), "spent": Decimal128("1.10"), "a": None},
        {"$odd": 1, "a.b": {"c": 2}},
        {"": 1},
        {"active_campaigns": None},
        {"active_campaigns": "a"},
    ],
)
async def test_what_others_stored_is_written_under_a_condition(
    mongo: Database, others: dict[str, Any]
) -> None:
    """Fields of any name and type are compared, and `active_campaigns` is kept."""
    profiles = MongoProfiles(mongo)
    await mongo[COLLECTION].insert_one({**a_profile(), **others})
    kept = others.get("active_campaigns") or []
    allowed: list[object] = []
    written = await profiles.put_if(a_profile(level=7), allowed.append)
    assert written == Written(created=0, replaced=1)
    assert allowed == [{**a_profile(), **others}]
    assert await stored(profiles) == a_profile(level=7, active_campaigns=kept)
    assert await profiles.delete_if(PLAYER_ID, allowed.append)
    assert await profiles.get(PLAYER_ID) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"$set": {"_new": 1}}),
        ({"a": None}, {"$unset": {"a": 1}, "$set": {"b": 1}}),
        ({"a": 1}, {"$set": {"a": [1]}}),
        ({"a": {"b": 1}}, {"$set": {"a.c": 1}}),
        ({"a": []}, {"$set": {"a": [None]}}),
    ],
)
async def test_any_change_between_the_condition_and_the_write_is_seen(
    mongo: Database, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """The condition is asked again for what is stored then, and nothing is lost."""
    await mongo[COLLECTION].insert_one({**a_profile(), **before})
    profiles = MongoProfiles(cast("Database", ChangedMeanwhile(mongo, after)))
    judged: list[Any] = []
    assert (await profiles.put_if(a_profile(level=7), judged.append)).replaced == 1
    assert len(judged) == 2
    assert judged[0] == {**a_profile(), **before}
    assert judged[1] != judged[0]


async def test_a_write_is_decided_on_what_the_primary_has(mongo_url: str) -> None:
    """Whatever the read preference of MONGO_URL is; other reads follow it."""
    url = f"{mongo_url.rstrip('/')}/?readPreference=secondaryPreferred"
    async with open_database(MongoDriver.PYMONGO, url, "nowhere") as database:
        reads = Reads(database)
        profiles = MongoProfiles(cast("Database", reads))
        await profiles.put([a_profile()])
        await profiles.put_if(a_profile(), lambda _: None)
        assert {*reads.preferences} == {"Primary"}
        await profiles.get(PLAYER_ID)
        assert reads.preferences[-1] == "SecondaryPreferred"
        await profiles.delete(PLAYER_ID)


async def test_a_profile_that_keeps_changing_is_told_apart_from_a_taken_id(
    mongo: Database,
) -> None:
    """Writers that race pause between the rounds; one that never wins is told to try again."""
    await mongo[COLLECTION].insert_one(a_profile())
    changing = ChangedMeanwhile(mongo, {"$inc": {"_n": 1}}, times=1000)
    profiles = MongoProfiles(cast("Database", changing))
    loop = asyncio.get_running_loop()
    began = loop.time()
    written = await profiles.put_if(a_profile(), lambda _: None)
    assert written == Written(0, 0, contended=frozenset({PLAYER_ID}))
    assert loop.time() - began > 0.05
    with pytest.raises(ProfileContended):
        await profiles.delete_if(PLAYER_ID, lambda _: None)
    assert not profiles.outages.writes.is_failing


async def test_documents_that_are_nobodys_are_not_found(mongo: Database) -> None:
    """A list of ids belongs to none of them, and of two with the same id one is found."""
    await mongo[COLLECTION].insert_many(
        [{"player_id": ["one", "two"]}, a_profile("two"), a_profile("two")]
    )
    found = await MongoProfiles(mongo).get_many(["one", "two"])
    assert found == {"two": a_profile("two")}


CALLS: dict[str, Callable[[ProfileRepository], Awaitable[object]]] = {
    "get": lambda profiles: profiles.get(PLAYER_ID),
    "get_many": lambda profiles: profiles.get_many([PLAYER_ID]),
    "put": lambda profiles: profiles.put([a_profile()]),
    "delete": lambda profiles: profiles.delete(PLAYER_ID),
    "update": lambda profiles: profiles.update_active_campaigns(
        [ActiveCampaignsUpdate(PLAYER_ID, [], ["a"])]
    ),
    "change_overrides": lambda profiles: profiles.change_overrides(PLAYER_ID, lambda _: []),
    "ping": lambda profiles: profiles.ping(),
    "prepare": lambda profiles: profiles.prepare(),
}


# PyMongo's async client leaves a socket open when it is closed in the middle of a connect.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("driver", MongoDriver)
@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_away(driver: str, call: str) -> None:
    """Whatever is asked of a server that is away ends in time, in the protocol's own error."""

    async def ask() -> None:
        url = f"mongodb://127.0.0.1:{servers.free_port()}"
        async with open_database(driver, url, "nowhere", seconds=0.2) as database:
            async with asyncio.timeout(5.0):
                with pytest.raises(ProfilesUnavailable):
                    await CALLS[call](MongoProfiles(database))

    asyncio.run(ask())
    # What was left open is reported here and not in another test.
    gc.collect()
