"""Player lists in MongoDB: an array of names in each profile, found by a multikey index."""

from collections.abc import AsyncGenerator, Collection, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pymongo
from pymongo import ReadPreference
from pymongo.errors import BulkWriteError, OperationFailure

from contracts.profile import LISTS_FIELD, MAX_LISTS, PLAYER_ID_FIELD
from foundation.mongo import Database
from foundation.outage import Outage
from profile_service.profiles.lists import BATCH_PLAYERS, ListChange, ReplacementEnded
from profile_service.profiles.mongo_errors import translating
from profile_service.profiles.outages import StoreOutages
from profile_service.profiles.repository import ProfilesUnavailable

# The newest replacement of each list that is under way, or broke off.
REPLACEMENTS = "list_replacements"
DUPLICATE_KEY = 11000
INDEX_SECONDS = 600.0
# Another index on that field serves as well.
_OTHER_INDEX = (85, 86)
# In the collection of a replacement until it ends: no player's id is empty.
_UNDER_WAY = ""
_AN_ARRAY = {"$type": "array"}
_WITHOUT = {"$unset": {LISTS_FIELD: ""}}


class MongoPlayerLists:
    """The field `lists` of the collection of profiles.

    The players that a replacement names are kept in a collection of its own, which is dropped
    when it ends. One that broke off is dropped when its list is replaced again.
    """

    def __init__(self, database: Database, collection: str, outages: StoreOutages) -> None:
        self._database = database
        self._outages = outages
        # What a write is decided on must not come from a secondary that lags.
        self._profiles = database[collection].with_options(read_preference=ReadPreference.PRIMARY)
        self._replacements = database[REPLACEMENTS]

    async def prepare(self) -> None:
        """Make the index, in which a profile without `lists` has no entry."""
        with translating():
            # A server that is away shows within the client's limit, not in that of the index.
            await self._database.command("ping")
            with pymongo.timeout(INDEX_SECONDS):
                try:
                    await self._profiles.create_index(LISTS_FIELD, sparse=True)
                except OperationFailure as error:
                    if error.code not in _OTHER_INDEX:
                        raise

    async def add(self, name: str, player_ids: Collection[str]) -> ListChange:
        """Put players into a list."""
        with _doing(self._outages.writes):
            found = await self._found(player_ids)
            others = [each for each in found if name not in _lists_in(each)]
            full = [each for each in others if len(_lists_in(each)) >= MAX_LISTS]
            # What is no list was not written by this service, and cannot be added to.
            wrong = [each for each in others if _is_wrong(each)]
            addable = [
                each["_id"]
                for each in others
                if len(_lists_in(each)) < MAX_LISTS and not _is_wrong(each)
            ]
            changed = await self._update(addable, {"$addToSet": {LISTS_FIELD: name}})
            for each in wrong:
                unmoved = {"_id": each["_id"], LISTS_FIELD: {"$not": _AN_ARRAY}}
                result = await self._profiles.update_one(unmoved, {"$set": {LISTS_FIELD: [name]}})
                changed += result.modified_count
        return _change(changed, player_ids, found, full)

    async def remove(self, name: str, player_ids: Collection[str]) -> ListChange:
        """Take players out of a list. A field without any list is removed."""
        with _doing(self._outages.writes):
            found = await self._found(player_ids)
            members = [each for each in found if name in _lists_in(each)]
            action = {"$pull": {LISTS_FIELD: name}}
            changed = await self._update([each["_id"] for each in members], action)
            left = [each["_id"] for each in members if {*map(str, _lists_in(each))} == {name}]
            if left:
                await self._profiles.update_many(
                    {"_id": {"$in": left}, LISTS_FIELD: {"$size": 0}}, _WITHOUT
                )
            # A text in place of a list is found like a list with it.
            for each in found:
                if each.get(LISTS_FIELD) == name:
                    unmoved = {"_id": each["_id"], LISTS_FIELD: {"$eq": name, "$not": _AN_ARRAY}}
                    result = await self._profiles.update_one(unmoved, _WITHOUT)
                    changed += result.modified_count
        return _change(changed, player_ids, found, [])

    async def count(self, name: str) -> int:
        """Return how many players are in a list."""
        with _doing(self._outages.reads):
            return await self._profiles.count_documents({LISTS_FIELD: name})

    async def members(self, name: str) -> AsyncGenerator[list[str], None]:
        """Yield the ids of the players in a list, in batches; each may be removed meanwhile."""
        cursor = self._profiles.find(
            {LISTS_FIELD: name}, {"_id": 0, PLAYER_ID_FIELD: 1}, batch_size=BATCH_PLAYERS
        )
        while True:
            with _doing(self._outages.reads):
                found = await cursor.to_list(BATCH_PLAYERS)
            if not found:
                return
            ids = (each[PLAYER_ID_FIELD] for each in found)
            # A list of ids is nobody's.
            yield [each for each in ids if isinstance(each, str)]

    async def begin_replacement(self, name: str) -> str:
        """Return the name of a new replacement of a list; an earlier one of that list ends."""
        replacement = f"list_replacement_{uuid4().hex}"
        with _doing(self._outages.writes):
            await self._database[replacement].insert_one({"_id": _UNDER_WAY})
            earlier = await self._replacements.find_one_and_update(
                {"_id": name}, {"$set": {"replacement": replacement}}, upsert=True
            )
            if earlier is not None:
                await self._database.drop_collection(earlier["replacement"])
        return replacement

    async def note_named(self, replacement: str, player_ids: Collection[str]) -> None:
        """Keep that a replacement names these players."""
        named: Any = self._database[replacement]
        with _doing(self._outages.writes):
            if player_ids:
                await _insert(named, player_ids)
            if not await self._named(replacement, []):
                # The insert has made the collection anew.
                await named.drop()
                raise ReplacementEnded

    async def unnamed(self, replacement: str, player_ids: Collection[str]) -> list[str]:
        """Return which of these players a replacement does not name."""
        with _doing(self._outages.reads):
            named = await self._named(replacement, player_ids)
        if not named:
            raise ReplacementEnded
        return [each for each in player_ids if each not in named]

    async def end_replacement(self, name: str, replacement: str) -> None:
        """Forget whom a replacement names."""
        with _doing(self._outages.writes):
            await self._database.drop_collection(replacement)
            await self._replacements.delete_one({"_id": name, "replacement": replacement})

    async def _named(self, replacement: str, player_ids: Collection[str]) -> set[str]:
        """Return those that a replacement names, and what says that it is under way."""
        named = self._database[replacement].with_options(read_preference=ReadPreference.PRIMARY)
        asked = [_UNDER_WAY, *player_ids]
        # One more than can be found: the first answer is then the last.
        cursor = named.find({"_id": {"$in": asked}}, batch_size=len(asked) + 1)
        found = {each["_id"] for each in await cursor.to_list()}
        return found if _UNDER_WAY in found else set()

    async def _found(self, player_ids: Collection[str]) -> list[dict[str, Any]]:
        """Return the players' own documents, with their lists alone."""
        cursor = self._profiles.find(
            {PLAYER_ID_FIELD: {"$in": [*player_ids]}}, {PLAYER_ID_FIELD: 1, LISTS_FIELD: 1}
        )
        # A list of ids is nobody's.
        return [each for each in await cursor.to_list() if isinstance(each[PLAYER_ID_FIELD], str)]

    async def _update(self, documents: list[Any], action: dict[str, Any]) -> int:
        """Update documents by `_id`; return how many have changed."""
        if not documents:
            return 0
        result = await self._profiles.update_many({"_id": {"$in": documents}}, action)
        return result.modified_count


@contextmanager
def _doing(outage: Outage) -> Iterator[None]:
    """Note in an outage whether the block fails, which it does in the repository's own errors."""
    with outage.watching(ProfilesUnavailable), translating():
        yield


async def _insert(collection: Any, player_ids: Collection[str]) -> None:
    try:
        await collection.insert_many([{"_id": each} for each in player_ids], ordered=False)
    except BulkWriteError as error:
        # A player may be named twice.
        if any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
            raise


def _lists_in(document: dict[str, Any]) -> list[Any]:
    lists = document.get(LISTS_FIELD)
    return lists if isinstance(lists, list) else []


def _is_wrong(document: dict[str, Any]) -> bool:
    return LISTS_FIELD in document and not isinstance(document[LISTS_FIELD], list)


def _change(
    changed: int,
    player_ids: Collection[str],
    found: list[dict[str, Any]],
    full: list[dict[str, Any]],
) -> ListChange:
    known = _ids(found)
    # A player who is stored twice has changed once.
    return ListChange(
        min(changed, len(known)), frozenset(player_ids) - known, frozenset(_ids(full))
    )


def _ids(documents: list[dict[str, Any]]) -> set[str]:
    return {each[PLAYER_ID_FIELD] for each in documents}
