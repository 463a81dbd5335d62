"""The tree of matchers: what each part says, and that all of it agrees with the evaluator."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson
import pytest
from bson import Decimal128
from bson.datetime_ms import DatetimeMS
from hypothesis import given

from contracts.matchers import Matchers, UnknownMatchers
from contracts.segment import Segment
from profile_service.matching.evaluator import Segments, known_segments, matches
from profile_service.matching.explanation import MAX_CONDITIONS, Explainer
from profile_service.matching.nodes import Node, cause
from testbed.builders import NOW, a_profile
from tests.language import matchers, odd_profiles, sets_of_segments
from tests.strategies import moments

Profile = dict[str, Any]


def explained(
    value: Any, profile: Profile | None = None, *, segments: Segments | None = None
) -> Node:
    """Return the tree of matchers given as JSON."""
    known = segments or {}
    explainer = Explainer(profile or a_profile(), NOW, known, known_segments(known))
    return explainer.explain(Matchers.model_validate(value), "it")


def leaf(value: Any, profile: Profile | None = None) -> dict[str, Any]:
    """Return the one condition of matchers as JSON."""
    [found] = leaves(explained(value, profile))
    return found.content()


def leaves(node: Node) -> Iterator[Node]:
    """Yield every condition of a tree."""
    if node.parts is None:
        yield node
    for part in node.parts or ():
        yield from leaves(part)


def pairs(matchers: Matchers, node: Node) -> Iterator[tuple[Matchers, Node]]:
    """Yield all matchers that are listed in matchers, with their part of the tree."""
    yield matchers, node
    parts = {part.matcher: part.parts or () for part in node.parts or ()}
    for how in ("any", "all", "none"):
        for inner, part in zip(getattr(matchers, how) or (), parts.get(how, ()), strict=True):
            yield from pairs(inner, part)


@given(matchers(), sets_of_segments(), odd_profiles(), moments())
def test_a_tree_agrees_with_the_evaluator(
    whole: Matchers, segments: list[Segment], profile: Profile, at: datetime
) -> None:
    """Whatever matchers, segments and profiles there are, of the whole and of each part in lists.

    With segments missing or not known, too.
    """
    every = {segment.name: segment.matchers for segment in segments}
    unknown = {**every, segments[0].name: UnknownMatchers(source={"later": 1})}
    for known in (every, unknown, {}):
        explainer = Explainer(profile, at, known, known_segments(known))
        tree = explainer.explain(whole, "it")
        for part, node in pairs(whole, tree):
            assert node.verdict is matches(part, profile, at, name="it", segments=known)
        for name in known_segments(known):
            expected = matches(known[name], profile, at, name=name, segments=known)
            assert explainer.is_in(name) is expected
        assert orjson.dumps(tree.content())
        assert cause(tree)


def test_a_level() -> None:
    """A range has its bounds, and the level that is there."""
    assert leaf({"level": {"min": 5}}, a_profile(level=3)) == {
        "matcher": "level",
        "path": "level",
        "expected": {"min": 5},
        "actual": 3,
        "verdict": False,
        "reason": "level is 3, and must be at least 5",
    }
    assert leaf({"level": {"min": 1, "max": 2}})["reason"] == "level is 2, and must be 1 to 2"


def test_lists_of_items_name_what_is_missing_and_what_is_forbidden() -> None:
    """Those of the list that the player has, and those that decide."""
    profile = a_profile(inventory={"a": 1, "b": 0})
    wanted = leaf({"has": {"items": ["a", "b", "c"]}}, profile)
    assert wanted == {
        "matcher": "has",
        "path": "inventory",
        "expected": ["a", "b", "c"],
        "actual": ["a"],
        "missing": ["b", "c"],
        "verdict": False,
        "reason": 'the player does not have "b", "c"',
    }
    refused = leaf({"does_not_have": {"items": ["a", "b"]}}, profile)
    assert (refused["forbidden"], refused["verdict"]) == (["a"], False)
    assert refused["reason"] == 'the player has "a", and must not'


REASONS: list[tuple[Any, Profile, str]] = [
    (
        {"has": {"country": ["US", "CA"]}},
        {"country": "RO"},
        'country is "RO", and must be one of "US", "CA"',
    ),
    ({"does_not_have": {"country": ["US"]}}, {}, 'country is "US", and must be none of "US"'),
    ({"where": {"clan.id": {"eq": "5"}}}, {}, 'clan.id is missing, and must be "5"'),
    ({"where": {"clan": {"exists": True}}}, {"clan": None}, "clan is null, and must be there"),
    ({"where": {"xp": {"exists": False}}}, {"xp": 1}, "xp is 1, and must not be there"),
    ({"where": {"xp": {"ne": 1}}}, {"xp": 1}, "xp is 1, and must not be 1"),
    ({"where": {"xp": {"gt": 1}}}, {"xp": "2"}, 'xp is "2", and must be more than 1'),
    (
        {"where": {"devices.model": {"starts_with": "App", "ignore_case": True}}},
        {"devices": [{"model": "x"}, {"model": "y"}]},
        'devices.model is ["x","y"], and must start with "App", in upper or lower case',
    ),
    (
        {"where": {"xp": {"in": [*range(10)]}}},
        {"xp": 10},
        "xp is 10, and must be one of 0, 1, 2, 3, 4 and 5 more",
    ),
    (
        {"where": {"last_session": {"within": "P7D"}}},
        {"last_session": "yesterday"},
        'last_session is "yesterday", and must be at most "P7D" before 2022-02-01T12:00:00Z',
    ),
    (
        {"where": {"last_session": {"before": "2022-01-01T00:00:00+01:00"}}},
        {"last_session": NOW},
        'last_session is "2022-02-01T12:00:00Z", and must be before 2021-12-31T23:00:00Z',
    ),
    (
        {"where": {"_app_version": {"version_gte": "1.10.0"}}},
        {"_app_version": "1.9"},
        '_app_version is "1.9", and must be version "1.10.0" or later',
    ),
    ({"any": [{"level": {"min": 5}}]}, {}, "level is 2, and must be at least 5"),
    (
        {"any": [{"level": {"min": 5}}, {"level": {"max": 1}}]},
        {},
        "none of 2 alternatives holds; of the first, level is 2, and must be at least 5",
    ),
    (
        {"none": [{"level": {"min": 1}}]},
        {},
        "one that must not hold does: level is 2, and must be at least 1",
    ),
    ({"none": [{}]}, {}, "one that must not hold does: everyone matches"),
    (
        {"rollout": {"percent": 0, "salt": "spring"}},
        {},
        'the player is in bucket 2895 of 10,000 by the salt "spring", and must be below 0',
    ),
    (
        {"segment": {"all": ["rich"]}},
        {},
        'the player is not in the segment "rich": total_spent is missing, and must be at least 9',
    ),
    (
        {"segment": {"none": ["newcomers"]}},
        {},
        'the player is in the segment "newcomers", and must not be',
    ),
    ({"segment": {"none": ["gone"]}}, {}, 'the segment "gone" does not exist'),
    (
        {"segment": {"any": ["newcomers", "later"]}},
        {},
        'the segment "later" has matchers that are not known to this version',
    ),
    (
        {"segment": {"any": ["lost"]}},
        {},
        'the segment "lost" refers to segments that are missing or not known to this version',
    ),
]
SEGMENTS: Segments = {
    "whales": Matchers.model_validate({"where": {"total_spent": {"gte": 100}}}),
    "rich": Matchers.model_validate({"where": {"total_spent": {"gte": 9}}}),
    "newcomers": Matchers.model_validate({"level": {"max": 5}}),
    "lost": Matchers.model_validate({"segment": {"none": ["gone"]}}),
    "later": UnknownMatchers(source={"later": 1}),
}


@pytest.mark.parametrize(("value", "fields", "reason"), REASONS)
def test_a_reason_is_a_sentence(value: Any, fields: Profile, reason: str) -> None:
    """Why a player misses, in the words of the field."""
    tree = explained(value, a_profile(**fields), segments=SEGMENTS)
    assert not tree.verdict
    assert cause(tree) == reason


def test_all_members_are_looked_at() -> None:
    """No part is left out because an earlier one has decided."""
    lists = {how: [{"level": {"min": 1}}, {"level": {"min": 3}}] for how in ("any", "all", "none")}
    tree = explained({**lists, "where": {"a": {"eq": 1}, "b": {"exists": False}}})
    verdicts = {
        part.matcher: [each.verdict for each in part.parts or ()] for part in tree.parts or ()
    }
    assert verdicts == {
        "any": [True, False],
        "all": [True, False],
        "none": [True, False],
        "where": [False, True],
    }


def test_a_rollout_shows_bucket_and_bound() -> None:
    """By the salt, or by the campaign's name."""
    found = leaf({"rollout": {"percent": 25}})
    assert found["expected"] == {"percent": 25, "salt": "it", "bound": 2500}
    assert found["verdict"] is (found["actual"]["bucket"] < 2500)
    without = leaf({"rollout": {"percent": 100}}, {"level": 1})
    assert (without["actual"], without["verdict"]) == (None, False)


def test_a_segment_has_its_own_tree_once() -> None:
    """By name with its tree; the second time without it, so that trees do not multiply."""
    reference = {"segment": {"any": ["whales"]}}
    tree = explained({"all": [reference, reference]}, segments=SEGMENTS)
    first, second = (
        part.content()["parts"][0]["parts"][0]["parts"][0]
        for part in (tree.parts or ())[0].parts or ()
    )
    assert (first["segment"], first["verdict"]) == ("whales", False)
    assert first["parts"][0]["parts"][0]["path"] == "total_spent"
    assert second == {key: value for key, value in first.items() if key != "parts"} | {
        "reason": 'the player is not in the segment "whales"'
    }


def test_trees_of_many_segments_stay_small() -> None:
    """After 1,000 conditions segments come by name, with the right verdicts."""
    where = {f"_{number}": {"exists": False} for number in range(199)}
    segments = {f"s{n}": Matchers.model_validate({"where": where}) for n in range(100)}
    tree = explained({"segment": {"all": [*segments]}}, segments=segments)
    assert tree.verdict
    assert MAX_CONDITIONS <= len([*leaves(tree)]) < MAX_CONDITIONS + 300


def test_odd_and_long_values_are_shown_as_json_of_some_length() -> None:
    """What JSON lacks is readable, what is long is cut and says so."""
    odd = [Decimal128("1.5"), DatetimeMS(2**60), float("nan"), b"x", 2**70]
    shown = leaf({"where": {"_x": {"eq": 1}}}, a_profile(_x=odd))
    assert shown["actual"][0] == "1.5"
    assert shown["actual"][2:] == [None, "eA==", str(2**70)]
    assert "cut" not in shown
    deep: Any = "x"
    for _ in range(100):
        deep = [deep, *["y" * 1000] * 100]
    for long in (
        "x" * 100_000,
        ["x"] * 100_000,
        {str(n): n for n in range(10**5)},
        deep,
        b"x" * 10**6,
    ):
        shown = leaf({"where": {"_x": {"eq": 1}}}, a_profile(_x=long))
        assert shown["cut"] is True
        assert len(orjson.dumps(shown)) < 15_000
    listed = leaf({"where": {"_x": {"in": [*range(10_000)]}}})
    assert listed["cut"] is True
    assert listed["expected"] == [*range(20), "\u2026"]
