"""Profiles in MongoDB, one document a player."""

import asyncio
import functools
import logging
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterator,
    Sequence,
)
from contextlib import contextmanager, suppress
from typing import Any, Concatenate, Literal, NamedTuple, ParamSpec, TypeVar

import bson
import pymongo
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo import ReadPreference, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from contracts.profile import OVERRIDES_FIELD, SERVICE_FIELDS
from foundation.backoff import full_jitter
from foundation.mongo import CODEC, Database
from foundation.outage import Outage
from profile_service.profiles.counting import Tally
from profile_service.profiles.mongo_errors import translating
from profile_service.profiles.mongo_lists import MongoPlayerLists
from profile_service.profiles.outages import StoreOutages
from profile_service.profiles.query import NOBODY, Query
from profile_service.profiles.repository import (
    ActiveCampaignsUpdate,
    Condition,
    Counted,
    FieldChange,
    ProfileContended,
    ProfileDocument,
    ProfilesUnavailable,
    ProfileUnreadable,
    Written,
    kept_of,
    written_document,
)

logger = logging.getLogger(__name__)

COLLECTION = "profiles"
DUPLICATE_KEY = 11000
MAX_ROUNDS = 10
ROUND_SECONDS = 0.01
MAX_PAUSE_SECONDS = 0.3
INDEX_SECONDS = 600.0
REFUSAL_SECONDS = 300.0
MAX_DUPLICATES = 10
# Profiles that are asked for once more, by their `_id`, to be judged here.
MAX_IN_DOUBT = 1000
READ_AT_ONCE = 1000
# Documents as their bytes, which are decoded one by one or compared as they are.
RAW = CODEC.with_options(document_class=RawBSONDocument)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Method = Callable[Concatenate["MongoProfiles", Arguments], Coroutine[Any, Any, Result]]


def _translated(
    method: Callable[Arguments, Coroutine[Any, Any, Result]],
) -> Callable[Arguments, Coroutine[Any, Any, Result]]:
    """Turn the driver's errors into the repository's."""

    @functools.wraps(method)
    async def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with translating():
            return await method(*args, **kwargs)

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


@contextmanager
def _timeouts_ignored() -> Iterator[None]:
    """Go on after the block when it ran out of time, on the server or here."""
    try:
        yield
    except PyMongoError as error:
        if not error.timeout:
            raise


class _Outcome(NamedTuple):
    """Which of the writes lost a race, by index, and how many created and replaced a profile."""

    moved: frozenset[int]
    upserted: int
    matched: int


class MongoProfiles:
    """The collection `profiles`, with a unique index on player_id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._profiles = database[COLLECTION]
        # What a write is decided on must not come from a secondary that lags, whatever the
        # read preference of the URL is.
        self._primary = self._profiles.with_options(read_preference=ReadPreference.PRIMARY)
        self.outages = StoreOutages()
        self.lists = MongoPlayerLists(database, COLLECTION, self.outages)
        self._refusals = Outage(
            logger,
            "updates of active_campaigns are refused",
            "updates of active_campaigns are no longer refused",
        )
        self._refused_at = float("-inf")

    async def get(self, player_id: str) -> ProfileDocument | None:
        """Return the stored document without its `_id`, or None when there is none."""
        return (await self.get_many([player_id])).get(player_id)

    @_noting("reads")
    @_translated
    async def get_many(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
        """Return the stored documents without their `_id`, by player id, where there are any."""
        try:
            return await self._found(player_ids)
        except BSONError as error:
            if len(player_ids) == 1:
                raise ProfileUnreadable(type(error).__name__, frozenset(player_ids)) from error
            # A batch is decoded as a whole: only now it is worth looking at each document.
            raise await self._told_apart(player_ids, type(error).__name__) from error

    async def _found(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
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

    async def _told_apart(self, player_ids: Sequence[str], reason: str) -> ProfileUnreadable:
        """Return the error that names the profiles that cannot be decoded and holds the others."""
        asked = {"player_id": {"$in": [*player_ids]}}
        stored = await self._profiles.find(asked, {"_id": 0, "player_id": 1}).to_list()
        raw = self._profiles.with_options(codec_options=RAW)
        found: dict[str, ProfileDocument] = {}
        for document in await raw.find(asked, {"_id": 0}).to_list():
            with suppress(BSONError):
                readable = self._decoded(document)
                if isinstance(readable["player_id"], str):
                    found.setdefault(readable["player_id"], readable)
        ids = {each["player_id"] for each in stored if isinstance(each["player_id"], str)}
        return ProfileUnreadable(reason, frozenset(ids - found.keys()), found)

    def _decoded(self, document: RawBSONDocument) -> ProfileDocument:
        return bson.decode(document.raw, self._profiles.codec_options)

    @_noting("writes")
    @_translated
    async def put(self, profiles: Sequence[ProfileDocument]) -> Written:
        """Write profiles whole; stored ones keep the service's own fields.

        Each is replaced only while those fields are still what it was given; those that moved
        meanwhile are read and written again, a few times.
        """
        waiting = {profile["player_id"]: profile for profile in profiles}
        kept: dict[str, ProfileDocument] = {}
        conflicts: set[str] = set()
        created = replaced = 0
        for attempt in range(MAX_ROUNDS):
            await _pause_before(attempt)
            stored, listed = await self._service_fields(list(waiting))
            writes = [_replacement(each, stored) for each in waiting.values()]
            kept |= {player_id: kept_of(stored.get(player_id, {})) for player_id in waiting}
            moved, upserted, matched = await self._write(writes)
            created += upserted
            replaced += matched
            lost = {player_id for at, player_id in enumerate(waiting) if at in moved}
            # The index refuses an id that a list holds; no later round would go better.
            taken = lost & (listed - stored.keys())
            conflicts |= taken
            waiting = {each: waiting[each] for each in lost - taken}
            if not waiting:
                break
        for player_id in (*waiting, *conflicts):
            del kept[player_id]
        return Written(created, replaced, frozenset(conflicts), frozenset(waiting), kept)

    @_noting("writes")
    @_translated
    async def put_if(self, profile: ProfileDocument, condition: Condition) -> Written:
        """Write one profile, if `condition` allows it, as `put` does."""
        player_id = profile["player_id"]
        for attempt in range(MAX_ROUNDS):
            await _pause_before(attempt)
            raw, stored = await self._judged(player_id, condition)
            if raw is None:
                if (await self._write([_replacement(profile, {})])).upserted:
                    return Written(1, 0, kept={player_id: kept_of({})})
                continue
            kept = kept_of(stored)
            result = await self._profiles.replace_one(
                _exactly(player_id, raw), written_document(profile, kept)
            )
            if result.matched_count:
                return Written(0, 1, kept={player_id: kept})
        listed = (await self._service_fields([player_id]))[1]
        refused = frozenset({player_id})
        return Written(0, 0, conflicts=refused) if listed else Written(0, 0, contended=refused)

    @_noting("writes")
    @_translated
    async def delete(self, player_id: str) -> bool:
        """Remove a profile, with all copies of it; return whether there was one."""
        result = await self._profiles.delete_many(_of(player_id))
        return result.deleted_count > 0

    @_noting("writes")
    @_translated
    async def delete_if(self, player_id: str, condition: Condition) -> bool:
        """Remove the one document that `condition` allows; return whether there was one."""
        for attempt in range(MAX_ROUNDS):
            await _pause_before(attempt)
            raw, _ = await self._judged(player_id, condition)
            if raw is None:
                return False
            result = await self._profiles.delete_one(_exactly(player_id, raw))
            if result.deleted_count:
                return True
        raise ProfileContended

    @_noting("writes")
    @_translated
    async def change_overrides(self, player_id: str, change: FieldChange) -> bool:
        """Change that one field while it is still as it was read; return whether there is one."""
        for attempt in range(MAX_ROUNDS):
            await _pause_before(attempt)
            found = await self._primary.find_one(_of(player_id), {"_id": 0, OVERRIDES_FIELD: 1})
            if found is None:
                return False
            changed = change(found.get(OVERRIDES_FIELD))
            action = {"$set": {OVERRIDES_FIELD: changed}}
            result = await self._profiles.update_one(
                {**_of(player_id), OVERRIDES_FIELD: _unmoved(OVERRIDES_FIELD, found)},
                action if changed else {"$unset": {OVERRIDES_FIELD: ""}},
            )
            if result.matched_count:
                return True
        raise ProfileContended

    @_noting("writes")
    @_translated
    async def update_active_campaigns(self, updates: Sequence[ActiveCampaignsUpdate]) -> int:
        """Set that one field where the profile is still as it was read; return how many were."""
        writes = [
            UpdateOne(
                {
                    **_of(each.player_id),
                    "active_campaigns": {"$eq": each.read},
                    **{field: {"$eq": value} for field, value in each.decided_on.items()},
                },
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
            self._note_refused(f"{refused} of {len(updates)}")
            return int(error.details["nMatched"])
        self._note_refused(None)
        return result.matched_count

    def _note_refused(self, refused: str | None) -> None:
        """Log refused updates once; a batch that is not refused says nothing of other players."""
        now = asyncio.get_running_loop().time()
        if refused is not None:
            self._refused_at = now
            self._refusals.failed(refused)
        elif now - self._refused_at > REFUSAL_SECONDS:
            self._refusals.recovered()

    @_noting("reads")
    @_translated
    async def count(self, query: Query, *, seconds: float, sample: int) -> Counted:
        """Count the profiles that match, for about `seconds`; name up to `sample` of them.

        The server counts those that match surely. When it has not done so after half of the
        time, or there are many in doubt, those that may match are read and judged here.
        """
        until = asyncio.get_running_loop().time() + seconds
        # Kept by the server: it takes no time, and shows whether there is a server.
        total = await self._profiles.estimated_document_count()
        tally = Tally(query, most=sample)
        in_doubt = query.possible
        if query.sure != NOBODY:
            with _timeouts_ignored():
                in_doubt = await self._count_surely(query, tally, seconds / 2, sample)
        is_exact = in_doubt == NOBODY or await self._judge(in_doubt, query, tally, until)
        return Counted(tally.matching, max(total, tally.matching), tally.sample, is_exact)

    async def _count_surely(
        self, query: Query, tally: Tally, seconds: float, sample: int
    ) -> dict[str, Any]:
        """Let the server count those who match surely; return the filter for those in doubt.

        All in one go over the profiles, which takes most of the time.
        """
        is_exact = query.in_doubt == NOBODY
        sure = [] if is_exact else [{"$match": query.sure}]
        branches: dict[str, Any] = {
            "count": [*sure, {"$count": "count"}],
            "sample": [*sure, {"$limit": max(sample, 1)}, {"$project": {"_id": 0, "player_id": 1}}],
        }
        if not is_exact:
            in_doubt = [{"$match": {"$nor": [query.sure]}}, {"$limit": MAX_IN_DOUBT + 1}]
            branches["in_doubt"] = [*in_doubt, {"$project": {"_id": 1}}]
        with pymongo.timeout(seconds):
            cursor = await _ready(
                self._profiles.aggregate([{"$match": query.possible}, {"$facet": branches}])
            )
            [found] = [each async for each in cursor]
        count = sum(each["count"] for each in found["count"])
        tally.add(count, (each.get("player_id") for each in found["sample"]))
        ids = [each["_id"] for each in found.get("in_doubt", ())]
        if len(ids) > MAX_IN_DOUBT:
            return query.in_doubt
        return {"_id": {"$in": ids}} if ids else NOBODY

    async def _judge(
        self, in_doubt: dict[str, Any], query: Query, tally: Tally, until: float
    ) -> bool:
        """Count those of the profiles in doubt that match; return whether there was the time."""
        seconds = until - asyncio.get_running_loop().time()
        if seconds <= 0:
            return False
        cursor = self._profiles.with_options(codec_options=RAW).find(
            in_doubt, {"_id": 0, **dict.fromkeys(query.fields, 1)}, batch_size=READ_AT_ONCE
        )
        all_judged = False
        try:
            with _timeouts_ignored(), pymongo.timeout(seconds):
                all_judged = await tally.judge(self._readable(cursor), until=until)
        finally:
            await cursor.close()
        return all_judged

    async def _readable(self, documents: AsyncIterable[Any]) -> AsyncIterator[ProfileDocument]:
        async for document in documents:
            with suppress(BSONError):
                yield self._decoded(document)

    @_noting("pings")
    @_translated
    async def ping(self) -> None:
        """Do nothing but reach the store."""
        await self._database.command("ping")

    @_translated
    async def prepare(self) -> list[str]:
        """Make the unique index on player_id; return the duplicates that forbid it (at most 10)."""
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

    async def _judged(
        self, player_id: str, condition: Condition
    ) -> tuple[RawBSONDocument | None, ProfileDocument]:
        """Return a stored document as it is and decoded, once `condition` allows the write."""
        raw = await self._primary.with_options(codec_options=RAW).find_one(_of(player_id))
        if raw is None:
            condition(None)
            return None, {}
        stored = self._decoded(raw)
        condition({field: value for field, value in stored.items() if field != "_id"})
        return raw, stored

    async def _service_fields(
        self, player_ids: list[str]
    ) -> tuple[dict[str, ProfileDocument], set[str]]:
        """Return what each player has there, and which of the ids stand in a list of ids."""
        cursor = self._primary.find(
            {"player_id": {"$in": player_ids}},
            {"_id": 0, "player_id": 1, **dict.fromkeys(SERVICE_FIELDS, 1)},
        )
        stored: dict[str, ProfileDocument] = {}
        listed: list[str] = []
        async for found in cursor:
            player_id = found.pop("player_id")
            # When a player is stored twice, write the copy that reads return.
            if isinstance(player_id, str):
                stored.setdefault(player_id, found)
            else:
                listed += player_id
        return stored, {*player_ids}.intersection(each for each in listed if isinstance(each, str))

    async def _write(self, writes: list[ReplaceOne[ProfileDocument]]) -> _Outcome:
        try:
            result = await self._profiles.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            if any(each["code"] != DUPLICATE_KEY for each in failed):
                raise
            moved = frozenset(each["index"] for each in failed)
            return _Outcome(moved, error.details["nUpserted"], error.details["nMatched"])
        return _Outcome(frozenset(), result.upserted_count, result.matched_count)


def _of(player_id: str) -> dict[str, Any]:
    """Return the filter for a player's own document, not for a list of ids with this one in it."""
    return {"player_id": player_id, "player_id.0": {"$exists": False}}


def _exactly(player_id: str, raw: RawBSONDocument) -> dict[str, Any]:
    """Return the filter for one document while each of its fields, and no other, is as read."""
    plain = {field: value for field, value in raw.items() if _is_plain(field)}
    same: list[Any] = [{"$size": {"$objectToArray": "$$ROOT"}}, len(raw)]
    if len(plain) < len(raw):  # no filter can name such a field; others have stored it
        same = ["$$ROOT", {"$literal": raw}]
    return {
        **_of(player_id),
        "$and": [{field: _equal(value)} for field, value in plain.items()],
        "$expr": {"$eq": same},
    }


def _is_plain(field: str) -> bool:
    return field != "" and field[0] != "$" and "." not in field


def _equal(value: Any) -> dict[str, Any]:
    """Return the condition on a field that is there and has this value.

    MongoDB's own equality holds for null where there is no such field, and for a list with an
    equal element.
    """
    equal = {"$eq": value, "$exists": True}
    return equal if isinstance(value, list) else {**equal, "$not": {"$type": "array"}}


def _unmoved(field: str, found: ProfileDocument) -> dict[str, Any]:
    """Return the condition on a field that it is as in the document that was found."""
    return _equal(found[field]) if field in found else {"$exists": False}


async def _pause_before(attempt: int) -> None:
    """Wait before each round but the first: writers that raced do not race again."""
    if attempt:
        await asyncio.sleep(full_jitter(attempt, base=ROUND_SECONDS, cap=MAX_PAUSE_SECONDS))


def _replacement(
    profile: ProfileDocument, stored: dict[str, ProfileDocument]
) -> ReplaceOne[ProfileDocument]:
    player_id = profile["player_id"]
    if player_id not in stored:
        # Matches nothing: a profile that appeared meanwhile makes this a duplicate key, and so
        # does, for ever, a list of ids with this one in it.
        unmoved: dict[str, Any] = {"active_campaigns": {"$in": []}}
    else:
        found = stored[player_id]
        unmoved = {field: _unmoved(field, found) for field in SERVICE_FIELDS}
    return ReplaceOne(
        {**_of(player_id), **unmoved},
        written_document(profile, kept_of(stored.get(player_id, {}))),
        upsert=True,
    )


async def _ready(result: Any) -> Any:
    """Return an aggregation's cursor: motor returns it, PyMongo's client a coroutine of it."""
    return await result if hasattr(result, "__await__") else result
