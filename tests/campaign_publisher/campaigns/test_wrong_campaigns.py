"""What an operator reads about each kind of mistake in a campaign."""

import time
from typing import Any

import pytest

from campaign_publisher.campaigns.parsing import parse_campaign
from contracts.keys import KEY_RULE
from contracts.where import PATH_RULE
from foundation.errors import Invalid, Problem
from foundation.validation import MAX_PROBLEMS, parse_json
from testbed.builders import golden

SMALLEST = {"game": "mygame", "name": "mycampaign"}
WRONG = golden("wrong_campaigns")

# What pydantic writes, and no operator should have to read.
FOREIGN_WORDS = (
    "Input should",
    "Extra inputs",
    "Field required",
    "Value error",
    "after validation",
    "function-",
    "union",
    "tuple",
    "dict",
    "int ",
    "str ",
    "None",
    "{",
)


def problems_of(campaign: Any) -> list[Problem]:
    """Return what is wrong with a campaign."""
    with pytest.raises(Invalid) as refused:
        parse_campaign(campaign)
    assert not isinstance(refused.value.detail, str)
    return refused.value.detail


def with_matchers(**matchers: Any) -> dict[str, Any]:
    """Return a campaign with these matchers."""
    return {**SMALLEST, "matchers": matchers}


def nested(depth: int) -> dict[str, Any]:
    """Return matchers with any, all and none inside each other."""
    matchers: dict[str, Any] = {"level": {"min": 1}}
    for number in range(depth):
        matchers = {("any", "all", "none")[number % 3]: [matchers]}
    return matchers


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong["title"])
def test_each_mistake_is_named(wrong: dict[str, Any]) -> None:
    """The message names the field and says what is allowed there."""
    assert problems_of(wrong["campaign"]) == wrong["problems"]


def test_there_is_a_campaign_for_each_kind_of_mistake() -> None:
    """At least 60 of them, each with another title."""
    assert len({wrong["title"] for wrong in WRONG}) == len(WRONG) >= 60


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong["title"])
def test_messages_are_in_plain_words(wrong: dict[str, Any]) -> None:
    """None of them shows what the service is written with."""
    for problem in wrong["problems"]:
        message = problem["msg"].replace('{"eq": ...}', "").replace('{"in": [...]}', "")
        assert not [word for word in FOREIGN_WORDS if word in message]


LARGE: dict[str, tuple[dict[str, Any], Problem]] = {
    "a name of 129 characters": (
        {**SMALLEST, "name": "x" * 129},
        {"loc": ["name"], "msg": f"must be {KEY_RULE}"},
    ),
    "a name of a million characters": (
        {**SMALLEST, "name": "x" * 1_000_000},
        {"loc": ["name"], "msg": f"must be {KEY_RULE}"},
    ),
    "a path of 257 characters": (
        with_matchers(where={"x" * 257: {"exists": True}}),
        {"loc": ["matchers", "where", "x" * 128], "msg": f"must be {PATH_RULE}"},
    ),
    "a path of a million characters": (
        with_matchers(where={"x" * 1_000_000: {"exists": True}}),
        {"loc": ["matchers", "where", "x" * 128], "msg": f"must be {PATH_RULE}"},
    ),
    "two forms of one path": (
        with_matchers(where={"_\u00e9": {"eq": 1}, "_e\u0301": {"eq": 2}}),
        {
            "loc": ["matchers", "where"],
            "msg": "must test a field once; two paths are the same after Unicode NFC",
        },
    ),
    "a text of 257 characters": (
        with_matchers(where={"country": {"eq": "x" * 257}}),
        {
            "loc": ["matchers", "where", "country", "eq"],
            "msg": "must be at most 256 characters long",
        },
    ),
    "a version of a million parts": (
        with_matchers(where={"_version": {"version_gt": "1." * 1_000_000}}),
        {
            "loc": ["matchers", "where", "_version", "version_gt"],
            "msg": "must be a version such as 1.10.0, 2024.1 or 1.2.3-beta",
        },
    ),
    "nested 6 deep": (
        {**SMALLEST, "matchers": nested(6)},
        {"loc": ["matchers"], "msg": "any, all and none must not be nested more than 5 deep"},
    ),
    "201 conditions in where": (
        with_matchers(
            where={f"_{number}": {"exists": True, "ne": "a"} for number in range(100)},
            level={"min": 1},
        ),
        {"loc": ["matchers"], "msg": "must have at most 200 conditions; these have 201"},
    ),
    "201 conditions in any": (
        with_matchers(any=[{"level": {"min": 1}}] * 201),
        {"loc": ["matchers"], "msg": "must have at most 200 conditions"},
    ),
    "201 conditions in any of any": (
        with_matchers(any=[{"any": [{}] * 100}, {"none": [{}] * 99}]),
        {"loc": ["matchers"], "msg": "must have at most 200 conditions"},
    ),
    "201 fields": (
        with_matchers(where={f"_{number}": {"exists": True} for number in range(201)}),
        {"loc": ["matchers", "where"], "msg": "must test at most 200 fields"},
    ),
    "201 segments": (
        with_matchers(segment={"all": [f"{number}" for number in range(201)]}),
        {"loc": ["matchers", "segment", "all"], "msg": "must have at most 200 entries"},
    ),
    "10,001 values": (
        with_matchers(where={"clan.id": {"in": [f"{number}" for number in range(10_001)]}}),
        {"loc": ["matchers", "where", "clan.id", "in"], "msg": "must have 1 to 10,000 values"},
    ),
    "a description of 2,001 characters": (
        {**SMALLEST, "description": "x" * 2001},
        {"loc": ["description"], "msg": "must be at most 2000 characters long"},
    ),
    "21 tags": (
        {**SMALLEST, "tags": [f"tag {number}" for number in range(21)]},
        {"loc": ["tags"], "msg": "must have at most 20 entries"},
    ),
    "101 variants": (
        {**SMALLEST, "variants": [{"name": f"{number}", "weight": 1} for number in range(101)]},
        {"loc": ["variants"], "msg": "must have at most 100 entries"},
    ),
    "a payload over 32 KiB": (
        {**SMALLEST, "payload": {"text": "x" * 32 * 1024}},
        {"loc": ["payload"], "msg": "must not be over 32768 bytes of JSON"},
    ),
    "a payload of a variant over 32 KiB": (
        {**SMALLEST, "variants": [{"name": "a", "weight": 1, "payload": "x" * 32 * 1024}]},
        {"loc": ["variants", 0, "payload"], "msg": "must not be over 32768 bytes of JSON"},
    ),
    "a payload nested 33 deep": (
        {**SMALLEST, "payload": parse_json(b"[" * 34 + b"]" * 34)},
        {"loc": ["payload"], "msg": "must not be nested more than 32 deep"},
    ),
}


@pytest.mark.parametrize(("campaign", "problem"), LARGE.values(), ids=LARGE.keys())
def test_each_limit_has_its_message(campaign: dict[str, Any], problem: Problem) -> None:
    """What is just over a limit is refused for that limit alone."""
    assert problems_of(campaign) == [problem]


@pytest.mark.parametrize(
    "campaign",
    [
        {**SMALLEST, "matchers": nested(5)},
        with_matchers(where={f"_{number}": {"exists": True} for number in range(200)}),
        with_matchers(any=[{}] * 200),
        with_matchers(where={"clan.id": {"in": [f"{number}" for number in range(10_000)]}}),
        {**SMALLEST, "payload": parse_json(b"[" * 33 + b"]" * 33)},
        {**SMALLEST, "payload": "x" * (32 * 1024 - 2)},
        {**SMALLEST, "tags": [f"tag {number}" for number in range(20)]},
    ],
)
def test_what_is_just_within_a_limit_is_taken(campaign: dict[str, Any]) -> None:
    """The limits are what the messages say that they are."""
    assert parse_campaign(campaign)


MANY = 200_000
_START = b'{"game": "g", "name": "n", '
_WRONG_KEYS = b",".join(b'"k%d": 1' % number for number in range(MANY))
_WRONG_PATHS = b",".join(b'"$%d": 1' % number for number in range(MANY))
_ONES = b",".join([b"1"] * MANY)

HOSTILE = {
    "a payload 10,000 deep": _START + b'"payload": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "matchers 300 deep": _START + b'"matchers": ' + b'{"any": [' * 300 + b"]}" * 300 + b"}",
    "wrong keys": _START + _WRONG_KEYS + b"}",
    "wrong matchers": _START + b'"matchers": {' + _WRONG_KEYS + b"}}",
    "wrong paths": _START + b'"matchers": {"where": {' + _WRONG_PATHS + b"}}}",
    "wrong operators": _START + b'"matchers": {"where": {"a": {' + _WRONG_KEYS + b"}}}}",
    "wrong values": _START + b'"matchers": {"has": {"country": [' + _ONES + b"]}}}",
    "many values": _START + b'"matchers": {"where": {"a": {"in": [' + _ONES + b"]}}}}",
    "wrong matchers in a list": _START + b'"matchers": {"none": [' + _ONES + b"]}}",
    "wrong segments": _START + b'"matchers": {"segment": {"any": [' + _ONES + b"]}}}",
    "wrong tags": _START + b'"tags": [' + _ONES + b"]}",
    "wrong variants": _START + b'"variants": [' + _ONES + b"]}",
    "keys of a payload": _START + b'"payload": {' + _WRONG_PATHS + b"}}",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_campaign_is_refused_at_once(body: bytes) -> None:
    """With one message, in a fraction of a second of a processor."""
    started = time.process_time()
    with pytest.raises(Invalid) as refused:
        parse_campaign(parse_json(body))
    assert time.process_time() - started < 1
    assert len(refused.value.detail) == 1
    assert len(str(refused.value)) < 1000


def test_many_problems_are_named_up_to_a_limit() -> None:
    """The first 100 of them."""
    wrong = {f"_{number}": {"between": 1} for number in range(150)}
    assert len(problems_of(with_matchers(where=wrong))) == MAX_PROBLEMS == 100


def test_values_are_not_repeated() -> None:
    """A secret that was pasted into the wrong place is in no message."""
    for field in (*SMALLEST, "priority", "enabled", "start_date", "matchers", "stage", "group"):
        problems = problems_of({**SMALLEST, field: ["hunter2"]})
        assert "hunter2" not in repr(problems)
