"""Profiles in MongoDB, one document a player."""

import functools
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import pymongo
from bson.errors import BSONError
from pymongo import ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from foundation.mongo import Database
from foundation.outage import Outage
from profile_service.profiles.outages import StoreOutages
from profile_service.profiles.repository import (
    ActiveCampaignsUpdate,
    ProfileDocument,
    ProfilesUnavailable,
    ProfileUnreadable,
    Written,
)

logger = logging.getLogger(__name__)

COLLECTION = "profiles"
DUPLICATE_KEY = 11000
MAX_ROUNDS = 10
INDEX_SECONDS = 600.0
MAX_DUPLICATES = 10

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Method = Callable[Concatenate["MongoProfiles", Arguments], Coroutine[Any, Any, Result]]


def _translated(
    method: Callable[Arguments, Coroutine[Any, Any, Result]],
) -> Callable[Arguments, Coroutine[Any, Any, Result]]:
    """Turn the driver's errors into the repository's."""

    @functools.wraps(method)
    async def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return await method(*args, **kwargs)
        except PyMongoError as error:
            raise ProfilesUnavailable(_told(error)) from error
        except BSONError as error:
            raise ProfileUnreadable(type(error).__name__) from error

    return call


def _noting(
    operation: Literal["reads", "writes", "pings"],
) -> Callable[[Method[Arguments, Result]], Method[Arguments, Result]]:
    """Note in the store's outages whether a method fails."""

    def noting(method: Method[Arguments, Result]) -> Method[Arguments, Result]:
        @functools.wraps(method)
        async def call(
            store: "MongoProfiles", /, *args: Arguments.args, **kwargs: Arguments.kwargs
        ) -> Result:
            outage: Outage = getattr(store.outages, operation)
            with outage.watching(ProfilesUnavailable):
                return await method(store, *args, **kwargs)

        return call

    return noting


def _told(error: PyMongoError) -> str:
    """Tell an error by its name and the server's code for it: its text may hold anything."""
    told = type(error).__name__
    if isinstance(error, OperationFailure):
        code_name = (error.details or {}).get("codeName", "")
        return f"{told} {error.code} {code_name}".rstrip()
    return told


class MongoProfiles:
    """The collection `profiles`, with a unique index on player_id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._profiles = database[COLLECTION]
        self.outages = StoreOutages()

    async def get(self, player_id: str) -> ProfileDocument | None:
        """Give the stored document without its `_id`, or None when there is none."""
        return (await self.get_many([player_id])).get(player_id)

    @_noting("reads")
    @_translated
    async def get_many(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
        """Give the stored documents without their `_id`, by player id, of those there are."""
        if len(player_ids) == 1:
            # A cursor costs the lone id of an idle service a tenth of its time.
            one = await self._profiles.find_one({"player_id": player_ids[0]}, {"_id": 0})
            if one is None:
                return {}
            if isinstance(one["player_id"], str):
                return {player_ids[0]: one}
        found: dict[str, ProfileDocument] = {}
        # One more than can be found: the server's first answer is then its last.
        cursor = self._profiles.find(
            {"player_id": {"$in": [*player_ids]}}, {"_id": 0}, batch_size=len(player_ids) + 1
        )
        for document in await cursor.to_list():
            player_id = document["player_id"]
            # A list of ids is found by each of them, and is nobody's.
            if isinstance(player_id, str):
                found.setdefault(player_id, document)
        return found

    @_noting("writes")
    @_translated
    async def put(self, profiles: Sequence[ProfileDocument]) -> Written:
        """Write profiles whole; stored ones keep their active_campaigns.

        Each is replaced only while the `active_campaigns` it was given is still the
        stored one; those that moved meanwhile are read and written again, a few times.
        """
        waiting = {profile["player_id"]: profile for profile in profiles}
        active_campaigns: dict[str, Any] = {}
        created = replaced = 0
        for _ in range(MAX_ROUNDS):
            stored = await self._active_campaigns(list(waiting))
            writes = [_replacement(each, stored) for each in waiting.values()]
            active_campaigns |= {player_id: _kept(player_id, stored) for player_id in waiting}
            moved, upserted, matched = await self._write(writes)
            created += upserted
            replaced += matched
            waiting = {
                player_id: profile
                for index, (player_id, profile) in enumerate(waiting.items())
                if index in moved
            }
            if not waiting:
                break
        for player_id in waiting:
            del active_campaigns[player_id]
        return Written(created, replaced, frozenset(waiting), active_campaigns)

    @_noting("writes")
    @_translated
    async def delete(self, player_id: str) -> bool:
        """Remove a profile, with all copies of it; False when there is none."""
        result = await self._profiles.delete_many(_of(player_id))
        return result.deleted_count > 0

    @_noting("writes")
    @_translated
    async def update_active_campaigns(self, updates: Sequence[ActiveCampaignsUpdate]) -> int:
        """Set that one field where the stored value is still what was read; give how many were."""
        writes = [
            UpdateOne(
                {**_of(each.player_id), "active_campaigns": {"$eq": each.read}},
                {"$set": {"active_campaigns": each.active_campaigns}},
            )
            for each in updates
        ]
        try:
            result = await self._profiles.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            # The server refuses these for what they are (a validation rule of the collection,
            # a document that would grow too large), and will always: the others are made.
            refused = len(error.details["writeErrors"])
            if not refused:
                raise
            logger.warning("%d updates of active_campaigns were refused", refused)
            return int(error.details["nMatched"])
        return result.matched_count

    @_noting("pings")
    @_translated
    async def ping(self) -> None:
        """Do nothing but reach the store."""
        await self._database.command("ping")

    @_translated
    async def prepare(self) -> list[str]:
        """Make the unique index on player_id; give the duplicates that forbid it (at most 10)."""
        # A server that is away shows within the client's limit, which would end the work on a
        # large collection again and again.
        await self._database.command("ping")
        with pymongo.timeout(INDEX_SECONDS):
            try:
                await self._profiles.create_index("player_id", unique=True)
            except OperationFailure as error:
                if error.code != DUPLICATE_KEY:
                    raise
                duplicates = await self._duplicates()
                if not duplicates:  # they have gone meanwhile
                    raise
                return duplicates
        return []

    async def _duplicates(self) -> list[str]:
        cursor = await _ready(
            self._profiles.aggregate(
                [
                    # A list of ids stands in the index with each of them.
                    {"$unwind": {"path": "$player_id", "preserveNullAndEmptyArrays": True}},
                    {"$group": {"_id": "$player_id", "count": {"$sum": 1}}},
                    {"$match": {"count": {"$gt": 1}}},
                    {"$limit": MAX_DUPLICATES},
                ],
                allowDiskUse=True,
            )
        )
        return [str(group["_id"]) async for group in cursor]

    async def _active_campaigns(self, player_ids: list[str]) -> dict[str, Any]:
        cursor = self._profiles.find(
            {"player_id": {"$in": player_ids}}, {"_id": 0, "player_id": 1, "active_campaigns": 1}
        )
        kept: dict[str, Any] = {}
        async for found in cursor:
            player_id = found["player_id"]
            # Of a player who is stored twice the copy that reads show is the one to write.
            if isinstance(player_id, str):
                kept.setdefault(player_id, found.get("active_campaigns"))
        return kept

    async def _write(
        self, writes: list[ReplaceOne[ProfileDocument]]
    ) -> tuple[frozenset[int], int, int]:
        """Give the indexes that lost a race, how many were created and how many replaced."""
        try:
            result = await self._profiles.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            if any(each["code"] != DUPLICATE_KEY for each in failed):
                raise
            moved = frozenset(each["index"] for each in failed)
            return moved, error.details["nUpserted"], error.details["nMatched"]
        return frozenset(), result.upserted_count, result.matched_count


def _of(player_id: str) -> dict[str, Any]:
    """Give the filter for a player's own document, and for no list of ids with this one in it."""
    return {"player_id": player_id, "player_id.0": {"$exists": False}}


def _replacement(profile: ProfileDocument, stored: dict[str, Any]) -> ReplaceOne[ProfileDocument]:
    player_id = profile["player_id"]
    if player_id not in stored:
        return ReplaceOne(
            # Matches nothing: a profile that appeared meanwhile makes this a duplicate key, and
            # so does, for ever, a list of ids with this one in it.
            {**_of(player_id), "active_campaigns": {"$in": []}},
            {**profile, "active_campaigns": []},
            upsert=True,
        )
    return ReplaceOne(
        {**_of(player_id), "active_campaigns": {"$eq": stored[player_id]}},
        {**profile, "active_campaigns": _kept(player_id, stored)},
        upsert=True,
    )


def _kept(player_id: str, stored: dict[str, Any]) -> Any:
    kept = stored.get(player_id)
    return [] if kept is None else kept


async def _ready(result: Any) -> Any:
    """Give an aggregation's cursor: motor returns it, PyMongo's client a coroutine of it."""
    return await result if hasattr(result, "__await__") else result
