"""Counting profiles: what every store answers, and what MongoDB's does with its time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from bson.codec_options import CodecOptions
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from pymongo.errors import AutoReconnect, ExecutionTimeout

from contracts.matchers import Matchers
from foundation.mongo import Database
from foundation.settings import MongoDriver
from profile_service.profiles.mongo import COLLECTION, MAX_IN_DOUBT, READ_AT_ONCE, MongoProfiles
from profile_service.profiles.query import Query, query_of
from profile_service.profiles.repository import Counted, ProfileRepository, ProfilesUnavailable
from tests.profile_service.profiles.stores import open_database

AT = datetime(2022, 2, 1, tzinfo=UTC)
PATIENT = 60.0
PLAYERS = 30


def a_query(**matchers: Any) -> Query:
    """Return the query of such matchers."""
    return query_of(Matchers.model_validate(matchers), AT, name="mine")


def players(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Return profiles whose `xp` is their number."""
    return [{"player_id": f"player {n:05}", "xp": n, **fields} for n in range(count)]


@pytest.fixture(params=[*MongoDriver])
async def mongo(
    request: pytest.FixtureRequest, mongo_url: str, mongo_database: str
) -> AsyncIterator[Database]:
    """An empty database, over each driver."""
    async with open_database(request.param, mongo_url, mongo_database) as database:
        yield database


class Hurried:
    """A database whose server ends its work at its limit, or at once.

    It counts nothing within the limit, and of a search it gives the first `found` documents;
    then it raises `error`.
    """

    def __init__(self, inner: Any, *, found: int | None = None, error: type[Exception]) -> None:
        self._inner = inner
        self._found = found
        self._error = error

    def __getitem__(self, name: str) -> "Hurried":
        return Hurried(self._inner[name], found=self._found, error=self._error)

    def with_options(self, **options: Any) -> "Hurried":
        inner = self._inner.with_options(**options)
        return Hurried(inner, found=self._found, error=self._error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def aggregate(self, *_: Any) -> Any:
        raise self._error("the test has ended it")

    def find(self, *arguments: Any, **options: Any) -> Any:
        cursor = self._inner.find(*arguments, **options)
        return cursor if self._found is None else _Ended(cursor, self._found, self._error)


class _Ended:
    def __init__(self, cursor: Any, found: int, error: type[Exception]) -> None:
        self._cursor = cursor
        self._found = found
        self._error = error

    async def __aiter__(self) -> AsyncIterator[Any]:
        given = 0
        async for each in self._cursor:
            if given == self._found:
                raise self._error("the test has ended it")
            yield each
            given += 1

    async def close(self) -> None:
        await self._cursor.close()


async def test_all_that_match_are_counted(profiles: ProfileRepository) -> None:
    """How many match, out of how many, and as many of their ids as were asked for."""
    await profiles.put(players(PLAYERS, country="RO"))
    counted = await profiles.count(a_query(where={"xp": {"lt": 12}}), seconds=PATIENT, sample=10)
    assert (counted.matching, counted.total, counted.is_exact) == (12, PLAYERS, True)
    assert len({*counted.sample}) == 10
    assert {*counted.sample} < {f"player {n:05}" for n in range(12)}


@pytest.mark.parametrize(
    ("matchers", "expected"),
    [
        ({}, PLAYERS),
        ({"has": {"country": ["RO"]}}, PLAYERS),
        ({"has": {"country": ["US"]}}, 0),
        ({"where": {"xp": {"eq": 1}}}, 1),
        ({"where": {"last_session": {"within": "P7D"}}}, PLAYERS),
        ({"where": {"_version": {"version_gte": "1.9"}}}, PLAYERS),
        ({"rollout": {"percent": 0}}, 0),
        ({"none": [{"rollout": {"percent": 0}}]}, PLAYERS),
        ({"where": {"xp": {"lt": 3}}, "any": [{"rollout": {"percent": 100}}]}, 3),
    ],
)
async def test_what_the_server_cannot_decide_is_counted(
    profiles: ProfileRepository, matchers: dict[str, Any], expected: int
) -> None:
    """Dates as text, versions and rollouts, as much as anything else."""
    await profiles.put(
        players(PLAYERS, country="RO", last_session="2022-01-31 23:00:00Z", _version="1.10.0")
    )
    counted = await profiles.count(a_query(**matchers), seconds=PATIENT, sample=1)
    assert (counted.matching, counted.total, counted.is_exact) == (expected, PLAYERS, True)
    assert len(counted.sample) == min(expected, 1)


async def test_a_rollout_counts_whom_it_takes(profiles: ProfileRepository) -> None:
    """The number is that of the players in the buckets, not the percentage of all."""
    await profiles.put(players(PLAYERS))
    query = a_query(rollout={"percent": 25})
    expected = sum(map(query.matches, players(PLAYERS)))
    counted = await profiles.count(query, seconds=PATIENT, sample=0)
    assert counted == Counted(expected, PLAYERS, [], is_exact=True)


async def test_no_profiles_are_none(profiles: ProfileRepository) -> None:
    """Without any profile nobody matches, exactly."""
    counted = await profiles.count(a_query(), seconds=PATIENT, sample=10)
    assert counted == Counted(0, 0, [], is_exact=True)


async def test_without_the_time_it_is_at_least_none(profiles: ProfileRepository) -> None:
    """A limit that nothing can be done in gives an answer that is not exact, and no error."""
    await profiles.put(players(PLAYERS))
    counted = await profiles.count(
        a_query(where={"xp": {"lt": 12}, "_version": {"exists": False}}), seconds=1e-9, sample=10
    )
    assert counted.is_exact is False


@pytest.mark.parametrize("odd", [1, MAX_IN_DOUBT + 1])
async def test_those_in_doubt_are_added_to_what_the_server_counts(
    mongo: Database, odd: int
) -> None:
    """A few of them, or more than are asked for by their `_id`."""
    documents = players(PLAYERS)
    documents += [{"player_id": f"odd {n:05}", "xp": [Decimal128("0"), 3]} for n in range(odd)]
    documents.append({"player_id": "none", "xp": Decimal128("0")})
    await mongo[COLLECTION].insert_many(documents)
    query = a_query(where={"xp": {"lt": 10}})
    counted = await MongoProfiles(mongo).count(query, seconds=PATIENT, sample=10)
    assert counted.matching == 10 + odd
    assert counted.total == len(documents)
    assert counted.is_exact


async def test_when_the_server_has_no_time_to_count_profiles_are_read(mongo: Database) -> None:
    """In the half of the time that is left all of them may be found; then it is exact."""
    await mongo[COLLECTION].insert_many(players(PLAYERS))
    hurried = MongoProfiles(cast("Database", Hurried(mongo, error=ExecutionTimeout)))
    counted = await hurried.count(a_query(where={"xp": {"lt": 12}}), seconds=PATIENT, sample=10)
    assert (counted.matching, counted.total, counted.is_exact) == (12, PLAYERS, True)
    assert len(counted.sample) == 10


async def test_when_the_time_is_over_it_is_a_lower_bound(mongo: Database) -> None:
    """What was found until then is counted."""
    await mongo[COLLECTION].insert_many(players(PLAYERS))
    hurried = MongoProfiles(cast("Database", Hurried(mongo, found=5, error=ExecutionTimeout)))
    counted = await hurried.count(a_query(where={"xp": {"lt": 12}}), seconds=PATIENT, sample=3)
    assert (counted.matching, counted.total, counted.is_exact) == (5, PLAYERS, False)
    assert len(counted.sample) == 3
    assert not hurried.outages.reads.is_failing


async def test_a_server_that_is_away_is_no_lower_bound(mongo: Database) -> None:
    """An error that is not about time is the store's: nothing is claimed."""
    await mongo[COLLECTION].insert_many(players(PLAYERS))
    away = MongoProfiles(cast("Database", Hurried(mongo, found=5, error=AutoReconnect)))
    for matchers in ({"where": {"xp": {"lt": 12}}}, {"where": {"_v": {"version_gt": "1"}}}):
        with pytest.raises(ProfilesUnavailable):
            await away.count(a_query(none=[matchers]), seconds=PATIENT, sample=3)


async def test_a_profile_that_cannot_be_decoded_stops_nothing(mongo: Database) -> None:
    """It is judged as nobody's, and the others are counted."""
    undecodable = {"player_id": "odd", "_version": ["1.0", DatetimeMS(2**60)]}
    await mongo[COLLECTION].insert_many([undecodable, *players(PLAYERS, _version="1.0")])
    strict = MongoProfiles(mongo.with_options(codec_options=CodecOptions()))
    query = a_query(none=[{"where": {"_version": {"version_gt": "2"}}}])
    counted = await strict.count(query, seconds=PATIENT, sample=3)
    assert (counted.matching, counted.total, counted.is_exact) == (PLAYERS, PLAYERS + 1, True)


async def test_requests_are_answered_meanwhile(profiles: ProfileRepository) -> None:
    """While many profiles are judged, others have their turn."""
    await profiles.put(players(READ_AT_ONCE))
    query = a_query(any=[{"rollout": {"percent": 0.01, "salt": f"{n}"}} for n in range(190)])
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(others())
    await profiles.count(query, seconds=PATIENT, sample=3)
    beside.cancel()
    assert turns > 3
