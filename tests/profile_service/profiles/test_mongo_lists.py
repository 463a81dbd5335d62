"""Player lists in MongoDB: what is its own, beside what the shared contract tests hold it to."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest
from pymongo.errors import OperationFailure

from foundation.mongo import Database
from foundation.settings import MongoDriver
from profile_service.profiles.lists import ListChange, PlayerLists
from profile_service.profiles.mongo import COLLECTION, MongoProfiles
from profile_service.profiles.mongo_lists import REPLACEMENTS
from profile_service.profiles.repository import ProfilesUnavailable
from testbed import servers
from testbed.builders import PLAYER_ID, a_profile
from tests.profile_service.profiles.stores import open_database


@pytest.fixture(params=[*MongoDriver])
async def mongo(
    request: pytest.FixtureRequest, mongo_url: str, mongo_database: str
) -> AsyncIterator[Database]:
    """An empty database, over each driver."""
    async with open_database(request.param, mongo_url, mongo_database) as database:
        yield database


class Refusing:
    """A database that makes no index, for a reason of this code."""

    def __init__(self, code: int) -> None:
        self._code = code

    def __getitem__(self, _: str) -> "Refusing":
        return self

    def with_options(self, **_: Any) -> "Refusing":
        return self

    async def command(self, _: str) -> None:
        pass

    async def create_index(self, *_: Any, **_options: Any) -> None:
        raise OperationFailure("the secret", self._code)


async def test_the_index_holds_only_profiles_with_lists(mongo: Database) -> None:
    """It is sparse: a profile without the field costs it nothing."""
    lists = MongoProfiles(mongo).lists
    await mongo[COLLECTION].insert_one(a_profile())
    await lists.prepare()
    index = (await mongo[COLLECTION].index_information())["lists_1"]
    assert (index["key"], index["sparse"]) == ([("lists", 1)], True)


@pytest.mark.parametrize("code", [85, 86])
async def test_another_index_in_its_place(code: int) -> None:
    """It finds the members as well."""
    await MongoProfiles(cast("Database", Refusing(code))).lists.prepare()


async def test_an_index_that_is_refused() -> None:
    """The error names its code, and nothing else of what the server said."""
    with pytest.raises(ProfilesUnavailable) as refused:
        await MongoProfiles(cast("Database", Refusing(13))).lists.prepare()
    assert str(refused.value) == "OperationFailure 13"


async def test_a_player_is_in_a_thousand_lists_at_most(mongo: Database) -> None:
    """One more is reported; one of them may still be left, and another entered."""
    full = a_profile("full", lists=[f"{number}" for number in range(1000)])
    await mongo[COLLECTION].insert_many([full, a_profile("other", lists=full["lists"][:-1])])
    lists = MongoProfiles(mongo).lists
    assert await lists.add("more", ["full", "other"]) == ListChange(1, full=frozenset({"full"}))
    assert await lists.add("7", ["full"]) == ListChange(0)
    assert await lists.remove("7", ["full"]) == ListChange(1)
    assert await lists.add("more", ["full"]) == ListChange(1)


@pytest.mark.parametrize(
    ("value", "added", "removed"),
    [
        (None, ["vip"], None),
        ("vip", ["vip"], ...),
        ("other", ["vip"], "other"),
        (7, ["vip"], 7),
        ({"vip": 1}, ["vip"], {"vip": 1}),
        ([], ["vip"], []),
        (["vip"], ["vip"], ...),
        ([None, {"a": 1}, ["vip"]], [None, {"a": 1}, ["vip"], "vip"], [None, {"a": 1}, ["vip"]]),
        (["vip", "vip", 1], ["vip", "vip", 1], [1]),
    ],
)
async def test_what_others_stored_there_breaks_nothing(
    mongo: Database, value: Any, added: Any, removed: Any
) -> None:
    """What is no list becomes one when its player is added; what a list holds besides stays."""
    lists = MongoProfiles(mongo).lists
    await mongo[COLLECTION].insert_one({**a_profile(), "lists": value})
    is_member = value == "vip" or (isinstance(value, list) and "vip" in value)
    assert await lists.count("vip") == is_member
    assert [batch async for batch in lists.members("vip")] == [[PLAYER_ID]] * is_member
    assert await lists.remove("vip", [PLAYER_ID]) == ListChange(int(is_member))
    stored = await mongo[COLLECTION].find_one({}) or {}
    assert stored.get("lists", ...) == removed
    await mongo[COLLECTION].update_one({}, {"$set": {"lists": value}})
    # A text that is the list's name is made a list.
    assert await lists.add("vip", [PLAYER_ID]) == ListChange(int(value == "vip" or not is_member))
    stored = await mongo[COLLECTION].find_one({}) or {}
    assert stored["lists"] == added


async def test_a_list_of_ids_is_nobody(mongo: Database) -> None:
    """It is neither changed nor named, though it holds the id of a player."""
    listed = {"player_id": ["a", "b"], "lists": ["vip"]}
    await mongo[COLLECTION].insert_many([listed, a_profile("b")])
    lists = MongoProfiles(mongo).lists
    assert await lists.add("vip", ["a", "b"]) == ListChange(1, frozenset("a"))
    assert await lists.remove("vip", ["a"]) == ListChange(0, frozenset("a"))
    assert [batch async for batch in lists.members("vip")] == [["b"]]
    assert await mongo[COLLECTION].find_one({"_id": listed["_id"]}) == listed


async def test_a_player_stored_twice_is_counted_once(mongo: Database) -> None:
    """Both copies are in the list, and both leave it."""
    await mongo[COLLECTION].insert_many([a_profile("a"), a_profile("a")])
    lists = MongoProfiles(mongo).lists
    assert await lists.add("vip", ["a"]) == ListChange(1)
    assert await mongo[COLLECTION].count_documents({"lists": "vip"}) == 2
    assert await lists.remove("vip", ["a"]) == ListChange(1)
    assert await mongo[COLLECTION].count_documents({"lists": {"$exists": True}}) == 0


async def test_nothing_is_left_of_a_replacement(mongo: Database) -> None:
    """Its collection goes when it ends, or when the next one of its list begins."""
    lists = MongoProfiles(mongo).lists
    broken_off = await lists.begin_replacement("vip")
    await lists.note_named(broken_off, ["a"])
    replacement = await lists.begin_replacement("vip")
    assert broken_off not in await mongo.list_collection_names()
    await lists.note_named(replacement, ["a"])
    await lists.end_replacement("vip", replacement)
    assert {*await mongo.list_collection_names()} <= {REPLACEMENTS, COLLECTION}
    assert await mongo[REPLACEMENTS].count_documents({}) == 0


CALLS: dict[str, Callable[[PlayerLists], Awaitable[object]]] = {
    "prepare": lambda lists: lists.prepare(),
    "add": lambda lists: lists.add("vip", [PLAYER_ID]),
    "remove": lambda lists: lists.remove("vip", [PLAYER_ID]),
    "count": lambda lists: lists.count("vip"),
    "members": lambda lists: anext(lists.members("vip")),
    "begin": lambda lists: lists.begin_replacement("vip"),
    "note": lambda lists: lists.note_named("a", [PLAYER_ID]),
    "unnamed": lambda lists: lists.unnamed("a", [PLAYER_ID]),
    "end": lambda lists: lists.end_replacement("vip", "a"),
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
                    await CALLS[call](MongoProfiles(database).lists)

    asyncio.run(ask())
    # What was left open is reported here and not in another test.
    gc.collect()
