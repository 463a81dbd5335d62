"""What an operator is warned of: campaigns that are valid and probably not what is meant."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from campaign_publisher.campaigns.lint import (
    Code,
    Linter,
    Warned,
    matcher_warnings,
    matches_everyone,
)
from contracts.campaign import Campaign
from contracts.instants import format_instant
from contracts.matchers import Matchers, UnknownMatchers
from contracts.profile import Profile
from contracts.where import FieldTest
from profile_service.matching.evaluator import matches
from testbed.builders import NOW
from tests.language import PATHS, field_tests, matchers
from tests.strategies import ITEMS, instant_texts, moments

DAY = timedelta(days=1)
US_ONLY = {"has": {"country": ["US"]}}


def a_campaign(name: str = "mycampaign", **fields: Any) -> Campaign:
    """Return a campaign for players in the US, and with these fields."""
    matching = {"matchers": {"has": {"country": ["US"]}}}
    return Campaign.model_validate({"game": "mygame", "name": name, **matching, **fields})


def found(warnings: list[Warned]) -> list[tuple[str, str]]:
    """Return the code and the place of each warning."""
    return [(warned.code, ".".join(map(str, warned.loc))) for warned in warnings]


def of_matchers(**written: Any) -> list[tuple[str, str]]:
    """Return the warnings about matchers, without the first part of their places."""
    warnings = matcher_warnings(Matchers.model_validate(written), NOW)
    return [(code, place.removeprefix("matchers.")) for code, place in found(warnings)]


def of_field(path: str, /, **test: Any) -> list[tuple[str, str]]:
    """Return the warnings about the tests of one field by operator."""
    test = {{"in_": "in"}.get(name, name): value for name, value in test.items()}
    return [
        (code, place.removeprefix(f"where.{path}").removeprefix("."))
        for code, place in of_matchers(where={path: test})
    ]


def test_a_campaign_that_is_as_it_should_be() -> None:
    """No warning about what many campaigns do."""
    linter = Linter(NOW)
    campaign = a_campaign(
        group="offers",
        end_date="2030-01-01T00:00:00Z",
        matchers={
            "level": {"min": 1, "max": 3},
            "has": {"country": ["US", "CA"], "items": ["item_1", "a.b"]},
            "does_not_have": {"country": ["RO"], "items": ["item_4"]},
            "where": {
                "total_spent": {"gte": 100, "lt": 500},
                "clan.id": {"in": ["123456", 7]},
                "inventory.coins": {"gte": 50},
                "devices.model": {"starts_with": "apple", "ends_with": "15"},
                "last_session": {"within": "P30D", "older_than": "P7D"},
                "created": {"after": "2021-01-01T00:00:00Z", "before": "2022-01-01T00:00:00Z"},
                "_customfield": {"eq": "mycustom"},
                "_app_version": {"version_gte": "1.10.0", "version_lt": "2"},
                "_scores": {"gt": 5, "ne": 7},
                "clan._rank": {"exists": False},
                "xp": {"gt": 5, "lt": 7},
            },
            "any": [{"level": {"min": 2}}, {"rollout": {"percent": 10}}],
            "none": [{"where": {"gender": {"exists": False}}}],
            "segment": {"any": ["whales", "newcomers"], "none": ["whales"]},
            "rollout": {"percent": 0.01},
        },
    )
    linter.add(campaign)
    assert linter.warnings(campaign) == []


@pytest.mark.parametrize("end", ["2022-01-31T00:00:00Z", NOW.isoformat()])
def test_a_campaign_that_has_ended(end: str) -> None:
    """It is never active again."""
    warnings = Linter(NOW).warnings(a_campaign(end_date=end))
    assert found(warnings) == [("never_active", "end_date")]


@pytest.mark.parametrize(
    "everyone",
    [
        {},
        {"any": [{}]},
        {"any": [{}, {"level": {"min": 1}}]},
        {"all": [{}, {"all": [{}]}]},
        {"rollout": {"percent": 100}},
        {"none": [{"rollout": {"percent": 0}}]},
    ],
)
def test_matchers_that_match_everyone(everyone: dict[str, Any]) -> None:
    """Whether nothing is asked, or nothing that anybody misses."""
    warnings = matcher_warnings(Matchers.model_validate(everyone), NOW)
    assert (Code.MATCHES_EVERYONE, ("matchers",)) in [(each.code, each.loc) for each in warnings]


NOBODY: dict[str, tuple[dict[str, Any], str]] = {
    "a refused country": (
        {"has": {"country": ["US"]}, "does_not_have": {"country": ["US", "RO"]}},
        "has.country",
    ),
    "a refused item": (
        {"has": {"items": ["a", "b"]}, "does_not_have": {"items": ["b"]}},
        "has.items",
    ),
    "a country by two ways": (
        {"has": {"country": ["US"]}, "where": {"country": {"in": ["CA", "RO"]}}},
        "has.country",
    ),
    "a level by two ways": (
        {"level": {"max": 3}, "where": {"level": {"gt": 3}}},
        "level.max",
    ),
    "two levels in all": (
        {"all": [{"level": {"min": 3}}, {"all": [{"level": {"max": 2}}]}]},
        "all.1.all.0.level.max",
    ),
    "a lone alternative": (
        {"level": {"min": 3}, "any": [{"level": {"max": 2}}]},
        "any.0.level.max",
    ),
    "a segment that is excluded": (
        {"segment": {"all": ["a", "b"], "none": ["b"]}},
        "segment.all",
    ),
    "all segments that are excluded": (
        {"segment": {"any": ["a", "b"]}, "all": [{"segment": {"none": ["b", "a"]}}]},
        "segment.any",
    ),
    "no share": ({"rollout": {"percent": 0}}, "rollout.percent"),
    "none of everyone": ({"none": [{"level": {"min": 1}}, {}]}, "none.1"),
}


@pytest.mark.parametrize(("written", "place"), NOBODY.values(), ids=NOBODY.keys())
def test_matchers_that_match_nobody(written: dict[str, Any], place: str) -> None:
    """One warning that names one of the matchers that are at odds."""
    assert of_matchers(**written) == [("matches_nobody", place)]


@pytest.mark.parametrize(
    ("path", "test", "operator"),
    [
        ("total_spent", {"gt": 5, "lt": 3}, "lt"),
        ("total_spent", {"gt": 5, "lte": 5}, "lte"),
        ("xp", {"gt": 5, "lt": 6}, "lt"),
        ("xp", {"gte": 5.5, "lte": 5.9}, "lte"),
        ("xp", {"eq": 1.5}, "eq"),
        ("inventory.coins", {"gte": 5, "lt": 5}, "lt"),
        ("created", {"after": "2022-01-01T00:00:00Z", "before": "2022-01-01T00:00:00Z"}, "before"),
        ("created", {"within": "P7D", "before": "2022-01-25T12:00:00Z"}, "before"),
        ("last_session", {"within": "P7D", "older_than": "P1W"}, "older_than"),
        ("last_session", {"within": "P7D", "older_than": "P8D"}, "older_than"),
        ("clan.name", {"version_gte": "2", "version_lt": "1.10"}, "version_lt"),
        ("clan.name", {"version_eq": "2", "version_lt": "1.10"}, "version_lt"),
        ("country", {"eq": "US", "ne": "US"}, "eq"),
        ("country", {"eq": "US", "in": ["CA", "RO"]}, "eq"),
        ("country", {"in": ["US", "RO"], "not_in": ["RO", "US", "CA"]}, "in"),
        ("country", {"in": ["US", "RO"], "starts_with": "u"}, "in"),
        ("country", {"in": ["US", "RO"], "ends_with": "u", "ignore_case": True}, "in"),
        ("country", {"in": ["US", "RO"], "contains": "X"}, "in"),
        ("level", {"in": [1, 2, 3], "gt": 3}, "in"),
        ("level", {"in": [1, 2, 3], "not_in": [1.0, 2, 3]}, "in"),
        ("created", {"eq": "2022-01-01T00:00:00Z", "before": "2021-01-01T00:00:00Z"}, "eq"),
        ("created", {"eq": "2022-01-01T00:00:00Z", "after": "2022-01-01T00:00:00Z"}, "eq"),
        ("created", {"in": ["yesterday", "P1D"], "within": "P7D"}, "in"),
        ("clan.name", {"in": ["1.2", "news"], "version_gt": "1.10"}, "in"),
        ("_custom", {"eq": 1, "ne": 1}, "eq"),
        ("_custom", {"in": ["a", True], "not_in": [True, "a", 1]}, "in"),
        ("_custom", {"exists": False, "gt": 1}, "exists"),
        ("devices.model", {"exists": False, "contains": "a"}, "exists"),
        ("devices.model", {"in": ["a"], "ne": "a"}, "in"),
        ("level", {"eq": "5"}, "eq"),
        ("level", {"eq": True}, "eq"),
        ("level", {"in": ["5", "6"]}, "in"),
        ("level", {"starts_with": "5"}, "starts_with"),
        ("country", {"gt": 5}, "gt"),
        ("country", {"eq": 5}, "eq"),
        ("devices.model", {"lt": 5}, "lt"),
        ("last_session", {"lt": 5}, "lt"),
        ("total_spent", {"within": "P7D"}, "within"),
        ("clan", {"eq": "123456"}, "eq"),
        ("inventory", {"contains": "item_1"}, "contains"),
        ("clan.id", {"gt": 5, "starts_with": "a", "eq": "ab"}, "eq"),
    ],
)
def test_tests_that_no_player_meets(path: str, test: dict[str, Any], operator: str) -> None:
    """Empty ranges, lists at odds, and values of a type that the field never has."""
    assert of_field(path, **test) == [("matches_nobody", operator)]


@pytest.mark.parametrize(
    ("path", "test"),
    [
        # An element each.
        ("devices.model", {"eq": "a", "starts_with": "b"}),
        ("devices.id", {"gt": 5, "lt": 3}),
        ("xp", {"gt": 5, "lt": 7}),
        ("total_spent", {"gt": 5, "lt": 5.5}),
        ("total_spent", {"gte": 5, "lte": 5}),
        ("clan.id", {"in": ["a", 5], "gt": 4}),
        ("last_session", {"within": "P7D", "older_than": "P6D"}),
        ("last_session", {"within": "P7D", "before": "2022-01-25T12:00:01Z"}),
        ("country", {"in": ["US", "RO"], "not_in": ["US"]}),
        ("country", {"exists": False, "ne": "US"}),
        ("country", {"exists": True, "eq": "US"}),
        ("_custom", {"eq": 1, "ne": True}),
        ("created", {"eq": "2022-01-01T00:00:00Z", "after": "2021-01-01T00:00:00Z"}),
        ("created", {"in": ["yesterday", "2022-01-31T00:00:00Z"], "within": "P7D"}),
        ("clan", {"exists": True}),
        ("_list", {"gt": 5}),
    ],
)
def test_tests_that_some_player_may_meet(path: str, test: dict[str, Any]) -> None:
    """There is no warning where there could be such a player."""
    assert of_field(path, **test) == []


@pytest.mark.parametrize(
    "test",
    [
        {"gt": 5, "lt": 3},
        {"eq": "a", "in": ["b", "c"]},
        {"eq": 5, "lt": 3},
        {"version_gt": "2", "version_lt": "1"},
        {"within": "P7D", "older_than": "P30D"},
    ],
)
def test_tests_that_only_a_list_can_meet(test: dict[str, Any]) -> None:
    """A custom field may be a list, whose elements meet one test each: the warning says so."""
    [(code, _)] = of_field("_custom", **test)
    assert code == "no_single_value"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("levle", "unknown_path"),
        ("customfield", "unknown_path"),
        ("_id", "unknown_path"),
        ("clan.tag", "unknown_path"),
        ("devices.0.model", "unknown_path"),
        ("devices.modle", "unknown_path"),
        ("country.code", "unknown_path"),
        ("inventory.item.1", "dotted_key"),
        ("inventory.item.1.count", "dotted_key"),
    ],
)
@pytest.mark.parametrize("test", [{"exists": True}, {"exists": False}, {"ne": 1, "not_in": [2]}])
def test_paths_that_no_profile_has(path: str, code: str, test: dict[str, Any]) -> None:
    """Whatever is asked of it, the warning names the path."""
    assert of_field(path, **test) == [(code, "")]


def test_what_a_warning_about_a_path_says() -> None:
    """Which fields there are, or how a key with a dot is reached."""
    where = {"devices.0.model": {"eq": "a"}, "inventory.item.1": {"gt": 0}, "xp.a": {"gt": 0}}
    warnings = matcher_warnings(Matchers.model_validate({"where": where}), NOW)
    assert [warned.msg for warned in warnings] == [
        (
            "no profile has it; devices has id, model, carrier, firmware, and custom fields, "
            "whose names start with '_'; a list is entered without an index"
        ),
        (
            "inventory.item.1 reads a part of the item 'item', which has none: an item whose name "
            "holds a dot is reached by has.items only"
        ),
        "no profile has it: xp is a single value",
    ]


def test_a_dead_alternative_is_named() -> None:
    """Where others are left, the warning is about it alone."""
    dead = {"level": {"min": 5}, "where": {"level": {"lt": 5}}}
    alive = {"level": {"min": 5}}
    assert of_matchers(any=[alive, dead]) == [("matches_nobody", "any.1.where.level.lt")]
    assert of_matchers(any=[dead, dead]) == [
        ("matches_nobody", f"any.{number}.where.level.lt") for number in (0, 1)
    ]
    assert of_matchers(any=[dead]) == [("matches_nobody", "any.0.where.level.lt")]


def test_what_excludes_nobody_is_for_everyone() -> None:
    """None of matchers that nobody meets leaves all players; one that somebody meets does not."""
    dead = {"level": {"min": 5}, "where": {"level": {"lt": 5}}}
    everyone = ("matches_everyone", "matchers")
    assert everyone in of_matchers(none=[dead, {"any": [dead, dead]}])
    assert everyone not in of_matchers(none=[{"any": [dead, US_ONLY]}])
    assert everyone not in of_matchers(none=[dead, US_ONLY])


def covering(name: str, **fields: Any) -> Campaign:
    """Return a campaign for everyone in the group of `shadowed()`, ahead of it."""
    return a_campaign(name, **{"group": "offers", "priority": 2, "matchers": {}, **fields})


def shadowed(*others: Campaign, **fields: Any) -> list[tuple[str, str]]:
    """Return the warnings about a campaign of priority 1 that stands beside others."""
    linter = Linter(NOW)
    campaign = a_campaign("Offer", **{"group": "offers", "priority": 1, **fields})
    for each in (campaign, *others):
        linter.add(each)
    return found(linter.warnings(campaign))


@pytest.mark.parametrize(
    ("fields", "own"),
    [
        ({}, {}),
        ({"priority": 1, "name": "First"}, {}),
        ({"start_date": NOW.isoformat()}, {}),
        ({"end_date": "2023-01-01T00:00:00Z"}, {"end_date": "2023-01-01T00:00:00Z"}),
        ({"start_date": "2022-03-01T00:00:00Z"}, {"start_date": "2022-03-01T00:00:00Z"}),
        ({}, {"stage": "draft"}),
    ],
)
def test_a_campaign_that_another_one_hides(fields: dict[str, Any], own: dict[str, Any]) -> None:
    """One of its group that matches everyone comes first whenever it is active."""
    assert shadowed(covering(**{"name": "All", **fields}), **own) == [("shadowed", "group")]


@pytest.mark.parametrize(
    ("fields", "own"),
    [
        ({"priority": 0}, {}),
        ({"priority": 1, "name": "Zzz"}, {}),
        ({"group": "banners"}, {}),
        ({"group": None}, {"group": None}),
        ({"game": "other"}, {}),
        ({"enabled": False}, {}),
        ({"stage": "draft"}, {}),
        ({"matchers": {"level": {"min": 1}}}, {}),
        ({"end_date": "2022-01-01T00:00:00Z"}, {}),
        ({"end_date": "2023-01-01T00:00:00Z"}, {}),
        ({"end_date": "2023-01-01T00:00:00Z"}, {"end_date": "2023-01-02T00:00:00Z"}),
        ({"start_date": "2022-03-01T00:00:00Z"}, {}),
    ],
)
def test_a_campaign_that_no_other_one_hides(fields: dict[str, Any], own: dict[str, Any]) -> None:
    """One that comes later, is for some, or is not active all the time leaves players to it."""
    assert shadowed(covering(**{"name": "All", **fields}), **own) == []


def test_a_campaign_does_not_hide_itself() -> None:
    """The campaign as it is stored is no other one."""
    campaign = covering("All")
    linter = Linter(NOW)
    linter.add(campaign)
    assert found(linter.warnings(campaign)) == [("matches_everyone", "matchers")]


@pytest.mark.parametrize("name", ["summer event", "Summer-Event", "Summer_Event", "SUMMEREVENT"])
def test_a_name_that_looks_like_another(name: str) -> None:
    """In case, spaces, hyphens, or characters of the same look."""
    linter = Linter(NOW)
    for stored in (name, "Winter Event"):
        linter.add(a_campaign(stored))
    assert found(linter.warnings(a_campaign("Summer Event"))) == [("similar_name", "name")]
    assert linter.warnings(a_campaign(name)) == []


def test_matchers_of_a_later_version_are_left_alone() -> None:
    """What is not understood is no reason for a warning, and hides no other campaign."""
    unknown = UnknownMatchers(source={"moon": "full"})
    assert matcher_warnings(unknown, NOW) == []
    assert not matches_everyone(unknown)


# Values that valid profiles have, of those that the tests compare with.
TEXTS = ("US", "us", "", "\u00e9t\u00e9", "1.10.0", "1.9", "2024.1", "2022-01-31T23:30:00Z")
INSTANTS = instant_texts() | moments().map(format_instant)
ANYTHING = st.sampled_from((*TEXTS, *range(6), 2.5, 3.0, True, False, None)) | INSTANTS
VALID = st.fixed_dictionaries(
    {"player_id": st.sampled_from(("a", "b", "c"))},
    optional={
        "level": st.integers(0, 5),
        "xp": st.integers(0, 5),
        "country": st.sampled_from(TEXTS),
        "inventory": st.dictionaries(st.sampled_from(ITEMS), st.sampled_from((0, 1, 2.5, 3))),
        "clan": st.fixed_dictionaries({}, optional={"id": st.sampled_from((*TEXTS, 0, 1, 3))}),
        "devices": st.lists(
            st.fixed_dictionaries({}, optional={"model": st.sampled_from(TEXTS)}), max_size=3
        ),
        "_custom": ANYTHING | st.lists(ANYTHING, max_size=3),
        "last_session": INSTANTS,
    },
)
LATER = st.timedeltas(timedelta(0), 1000 * DAY)


@given(VALID)
def test_the_profiles_of_these_tests_are_valid(profile: dict[str, Any]) -> None:
    """They could be stored."""
    assert Profile.model_validate(profile)


@given(
    st.sampled_from([path for path in PATHS if path != "lists"]),
    field_tests(),
    VALID,
    moments(),
    LATER,
)
def test_tests_that_are_said_to_be_at_odds_hold_for_nobody(
    path: str, test: FieldTest, profile: dict[str, Any], now: datetime, later: timedelta
) -> None:
    """No valid profile meets them, now or later; and none without a list those of the others."""
    assume(now.year < 9990)
    where = Matchers(where={path: test})
    if not (warnings := matcher_warnings(where, now)):
        return
    [warned] = warnings
    if warned.code is Code.NO_SINGLE_VALUE:
        assume(not isinstance(profile.get(path), list))
    assert not matches(where, profile, now + later)


@given(matchers(names=()), VALID, moments(), LATER)
def test_who_is_said_to_match_nobody_matches_nobody(
    written: Matchers, profile: dict[str, Any], now: datetime, later: timedelta
) -> None:
    """No valid profile matches, now or later; and everyone matches what is said to be for all."""
    assume(now.year < 9990)
    warnings = matcher_warnings(written, now)
    is_for_all = any(warned.code is Code.MATCHES_EVERYONE for warned in warnings)
    is_for_nobody = any(
        warned.code is Code.MATCHES_NOBODY and not {"any", "none"} & {*warned.loc}
        for warned in warnings
    )
    found = matches(written, profile, now + later, name="mycampaign")
    assert not (found and is_for_nobody)
    assert found or not is_for_all
