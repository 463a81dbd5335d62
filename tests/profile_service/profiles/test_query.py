"""The query of matchers: what the server finds by it, held to the evaluator."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from bson.binary import Binary
from bson.code import Code
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.max_key import MaxKey
from bson.min_key import MinKey
from bson.objectid import ObjectId
from bson.timestamp import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.collection import Collection

from contracts.contract import MAX_INTEGER
from contracts.matchers import MAX_NESTING, Matchers
from contracts.segment import Segment
from foundation.mongo import CODEC
from profile_service.matching.evaluator import Segments, matches
from profile_service.profiles.query import EVERYONE, NOBODY, Query, query_of
from tests.language import SCALARS, field_tests, matchers, odd_profiles, sets_of_segments
from tests.strategies import moments

AT = datetime(2022, 2, 1, 0, 0, 0, 500, tzinfo=UTC)  # between two milliseconds
LONG_AGO, EVER = DatetimeMS(-62_135_596_800_001), DatetimeMS(253_402_300_800_000)

# What stands at a path, in any of the ways that lead there.
VALUES: tuple[Any, ...] = (
    *SCALARS,
    None,
    float("nan"),
    float("inf"),
    -0.0,
    Decimal128("1"),
    Decimal128("NaN"),
    Int64(1),
    2**53,
    MAX_INTEGER,
    Code("US"),
    Timestamp(1_643_672_000, 1),
    ObjectId(b"twelve bytes"),
    Binary(b"US"),
    MinKey(),
    MaxKey(),
    LONG_AGO,
    EVER,
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    *(AT + timedelta(milliseconds=each) for each in (-1, 0, 1)),
    *(AT - timedelta(days=7) + timedelta(milliseconds=each) for each in (-1, 0, 1)),
    "\u212a",
    "K",
    "US\n",
    "US\0",
    "\0US",
    "Use\u0301",
    "Us\u00e9",
    "\u1e9e",
    "\ufb01",
    "1.10.0",
    "2022-01-31T23:30:00Z",
    "2022-02-01 00:30:00+01:00",
    "2022-01-25T00:00:00.0005Z",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    [],
    {},
    {"0": "US"},
    {"id": 1},
)
PLACES: tuple[Any, ...] = (
    lambda value: {"_custom": value},
    lambda value: {"_custom": [value, 3]},
    lambda value: {"_custom": [[value]]},
    lambda value: {"_custom": [[[value]], {"0": value}]},
    lambda value: {"clan": {"id": value, "0": value}},
    # Beside a text a server that is none of MongoDB's may search code as well.
    lambda value: {"clan": {"id": [value, 4 if isinstance(value, Code) else "other"]}},
    lambda value: {"clan": [{"id": value}, {"id": 0}, {}, {"id": None}, 5]},
    lambda value: {"clan": [[{"id": value}]]},
    lambda value: {"clan": [{"id": [[value]]}]},
    lambda value: {"clan": {"id": {"id": value}}},
    lambda value: {"level": value, "country": value, "inventory": {"item_1": value}},
    lambda value: {"level": [value], "country": [value], "inventory": [{"item_1": value}]},
    lambda value: {"inventory": {"item_1": [value], "0": value, "a.b": value, "$a": value}},
    lambda value: {"inventory": value, "player_id": value},
    lambda value: {"clan.id": value, "": value},
)
AROUND = [AT - timedelta(days=30), AT + timedelta(days=30)]  # neither is within a week
STORED = [
    *(place(value) for value in VALUES for place in PLACES),
    {"_custom": AROUND, "clan": [{"id": each} for each in AROUND]},
]

PATHS = ("_custom", "clan.id", "clan.0", "clan.id.id", "_id", "player_id", "inventory.item_1")
ITEMS = ("item_1", "0", "a.b", "$a", "a\0b", "\u00e9")


class Stored(NamedTuple):
    """A collection, and its documents by their `_id`, as they are read from it."""

    profiles: Collection[dict[str, Any]]
    documents: dict[Any, dict[str, Any]]


@pytest.fixture(scope="module")
def stored(mongo_url: str) -> Iterator[Stored]:
    """Documents that have all kinds of values in all kinds of places."""
    with MongoClient[dict[str, Any]](mongo_url) as client:
        name = f"test-query-{ObjectId()}"
        found = client.get_database(name, codec_options=CODEC)["profiles"]
        found.insert_many({"_id": number, **each} for number, each in enumerate(STORED))
        yield Stored(found, {each.pop("_id"): each for each in found.find({})})
        client.drop_database(name)


def odd_matchers() -> st.SearchStrategy[Matchers]:
    """Matchers of the whole language, also about paths and items that are hard to ask for."""
    where = st.dictionaries(st.sampled_from(PATHS), field_tests() | odd_tests(), min_size=1)
    items = st.fixed_dictionaries(
        {"items": st.lists(st.sampled_from(ITEMS), min_size=1, max_size=2)}
    )
    odd = st.fixed_dictionaries(
        {}, optional={"where": where, "has": items, "does_not_have": items}
    ).map(Matchers.model_validate)
    listed = st.lists(odd, min_size=1, max_size=2).map(tuple)
    nested = st.sampled_from(("any", "all", "none")).flatmap(
        lambda kind: st.builds(Matchers, **{kind: listed})
    )
    return st.one_of(matchers(), odd, nested)


def odd_tests() -> st.SearchStrategy[dict[str, Any]]:
    """Tests with values at the ends of what can be compared."""
    texts = st.sampled_from(("K", "k", ";", "US", "Us\u00e9", "\u0301", "\0", "US\n", ".", "$"))
    return st.one_of(
        st.fixed_dictionaries({"eq": texts}),
        st.fixed_dictionaries({"not_in": st.lists(texts, min_size=1)}),
        st.fixed_dictionaries({"lt": st.just(MAX_INTEGER)}),
        st.fixed_dictionaries({"after": st.just("9999-12-31T23:59:59Z")}),
        st.fixed_dictionaries({"before": st.sampled_from(("0001-01-02T00:00:00Z",))}),
        st.fixed_dictionaries({"older_than": st.just("P36500D")}),
        st.sampled_from(("starts_with", "ends_with", "contains")).flatmap(
            lambda name: st.fixed_dictionaries(
                {name: texts}, optional={"ignore_case": st.booleans()}
            )
        ),
    )


def sendable(value: Any) -> Any:
    """Return a value as BSON has it: a whole number beyond 64 bits is one of 34 digits there."""
    if isinstance(value, dict):
        return {key: sendable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [sendable(inner) for inner in value]
    is_too_large = isinstance(value, int) and abs(value) > MAX_INTEGER
    return Decimal128(str(value)) if is_too_large else value


def check(
    stored: Stored, query: Query, matchers: Matchers, at: datetime, segments: Segments
) -> None:
    """Compare what the server finds with what the evaluator says of each stored document."""
    expected = {
        key
        for key, profile in stored.documents.items()
        if matches(matchers, profile, at, name="mine", segments=segments)
    }
    possible, sure, in_doubt = (
        {each["_id"] for each in stored.profiles.find(found, {"_id": 1})}
        for found in (query.possible, query.sure, query.in_doubt)
    )
    assert sure <= expected <= possible
    assert possible - sure == in_doubt
    judged = {
        key
        for key, profile in stored.documents.items()
        if query.matches({field: profile[field] for field in query.fields if field in profile})
    }
    assert judged == expected


@given(odd_matchers(), sets_of_segments(), st.lists(odd_profiles(), max_size=5), moments())
def test_the_server_finds_whom_the_evaluator_finds(
    stored: Stored,
    wanted: Matchers,
    segments: list[Segment],
    others: list[dict[str, Any]],
    at: datetime,
) -> None:
    """Whoever is sure to match does, and so does nobody else but some of those in doubt."""
    known = {segment.name: segment.matchers for segment in segments}
    added = [f"added {number}" for number, _ in enumerate(others)]
    for key, profile in zip(added, others, strict=True):
        stored.profiles.insert_one({"_id": key, **sendable(profile)})
    read = {each.pop("_id"): each for each in stored.profiles.find({"_id": {"$in": added}})}
    try:
        query = query_of(wanted, at, name="mine", segments=known)
        check(Stored(stored.profiles, stored.documents | read), query, wanted, at, known)
    finally:
        stored.profiles.delete_many({"_id": {"$in": added}})


@pytest.mark.parametrize(
    "test",
    [
        *({"eq": each} for each in SCALARS),
        *({each: 1} for each in ("gt", "gte", "lt", "lte", "ne")),
        {"eq": "K"},
        {"in": ["US", 1, True, "\u00e9"]},
        {"not_in": ["US", 1]},
        {"exists": True},
        {"exists": False},
        {"before": "2022-02-01T00:00:00.0005Z"},
        {"before": "9999-12-31T23:59:59Z"},
        {"after": "2022-02-01T00:00:00.0005Z"},
        {"after": "0001-01-01T00:00:00Z"},
        {"within": "P7D"},
        {"older_than": "P7D"},
        {"version_gte": "1.9"},
        {"starts_with": "Us"},
        {"starts_with": "Use"},
        {"ends_with": "US"},
        {"contains": "K"},
        {"contains": "s", "ignore_case": True},
        {"starts_with": "\u00e9"},
    ],
    ids=str,
)
def test_each_operator_on_each_path(stored: Stored, test: dict[str, Any]) -> None:
    """Every operator, over every kind of value in every kind of place, and its negation."""
    for path in PATHS:
        wanted = Matchers.model_validate({"where": {path: test}})
        for each in (wanted, Matchers(none=(wanted,))):
            check(stored, query_of(each, AT), each, AT, {})


def test_plain_matchers_leave_nobody_in_doubt() -> None:
    """Levels, lists of values and items are decided by the server alone."""
    conditions = {"country": ["UK", "\u00e9"], "items": ["item 1", "0"]}
    query = query_of(
        Matchers.model_validate(
            {"level": {"max": 5}, "has": conditions, "none": [{"does_not_have": conditions}]}
        ),
        AT,
    )
    assert query.in_doubt == NOBODY
    assert query_of(Matchers(), AT).sure == EVERYONE


def test_a_rollout_of_all_or_none_is_known() -> None:
    """Nobody is in doubt at 0 and at 100 percent."""
    for percent, expected in ((0, False), (100, True)):
        query = query_of(Matchers.model_validate({"rollout": {"percent": percent}}), AT)
        assert query.in_doubt == NOBODY
        assert (query.sure != NOBODY) is expected


def test_matchers_that_are_too_long_for_a_query_leave_everyone_in_doubt() -> None:
    """What no server would take is not sent: the profiles are judged one by one."""
    values = [f"{number:0200}" for number in range(10_000)]
    query = query_of(Matchers.model_validate({"where": {"xp": {"in": values}}}), AT)
    assert (query.possible, query.sure) == (EVERYONE, NOBODY)
    assert query.matches({"xp": values[-1]})


def test_matchers_that_are_too_deep_for_a_query_leave_everyone_in_doubt() -> None:
    """As deep as segments in each other can be, a query would be deeper than BSON."""
    inner = {"level": {"min": 1}}
    segments = {"a": Matchers.model_validate(deep(inner))}
    assert query_of(segments["a"], AT).possible != EVERYONE
    for name, other in (("b", "a"), ("c", "b")):
        segments[name] = Matchers.model_validate(deep({**inner, "segment": {"none": [other]}}))
    wanted = Matchers.model_validate(deep({**inner, "segment": {"none": ["c"]}}))
    query = query_of(wanted, AT, segments=segments)
    assert (query.possible, query.sure) == (EVERYONE, NOBODY)
    assert query.matches({"level": 1}) is matches(wanted, {"level": 1}, AT, segments=segments)


def deep(matchers: dict[str, Any]) -> dict[str, Any]:
    """Return the matchers as deep in others as they may be."""
    for _ in range(MAX_NESTING):
        matchers = {"level": {"min": 1}, "none": [matchers]}
    return matchers


@pytest.mark.parametrize(
    "test",
    [
        {"eq": "US"},
        {"not_in": ["US", 1, True]},
        {"gte": 1, "lt": 5},
        {"exists": True},
        {"starts_with": "US"},
        {"contains": "s", "ignore_case": True},
        {"before": "2022-02-01T00:00:00Z"},
        {"older_than": "P1D"},
    ],
    ids=str,
)
def test_the_server_decides_on_what_is_usual(stored: Stored, test: dict[str, Any]) -> None:
    """Of plain texts, numbers, dates and lists of one kind nobody is left in doubt."""
    values = ("US", "us", 1, 2.5, True, None, AT - timedelta(days=2))
    plain = [
        {
            "_custom": place(value),
            "clan": {"id": place(value)},
            "devices": [{"model": place(value)}],
        }
        for value in values
        for place in (lambda value: value, lambda value: [value], lambda value: [value, value])
    ]
    keys = [f"plain {number}" for number, _ in enumerate(plain)]
    for key, profile in zip(keys, plain, strict=True):
        stored.profiles.insert_one({"_id": key, **profile})
    try:
        for path in ("_custom", "clan.id", "devices.model"):
            query = query_of(Matchers.model_validate({"where": {path: test}}), AT)
            found = stored.profiles.find({"$and": [{"_id": {"$in": keys}}, query.in_doubt]})
            assert [*found] == []
    finally:
        stored.profiles.delete_many({"_id": {"$in": keys}})
