"""The whole language of matchers: the index, the evaluator, and what each operator means."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import Code, Decimal128, Int64
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.campaign import Campaign
from contracts.matchers import Matchers, UnknownMatchers
from contracts.segment import Segment
from contracts.where import FieldTest
from profile_service.matching.compiled import CompiledCampaigns
from profile_service.matching.evaluator import matches
from profile_service.matching.overrides import overrides_of
from profile_service.matching.player import Player
from profile_service.matching.rules import Rule, rule_of
from testbed.builders import NOW, a_campaign, a_profile
from tests.language import (
    matchers,
    odd_profiles,
    overrides,
    sets_of_segments,
    targeted_campaigns,
)
from tests.strategies import moments

Profile = dict[str, Any]


def _sets_of_campaigns() -> st.SearchStrategy[list[Campaign]]:
    """A few campaigns, each as often as an index needs to look its paths up."""
    found = st.lists(
        targeted_campaigns(names=st.sampled_from("abcdef")),
        max_size=6,
        unique_by=lambda campaign: campaign.name,
    )
    return st.builds(_repeated, found, st.sampled_from((1, 1, 30)))


def _repeated(found: list[Campaign], times: int) -> list[Campaign]:
    return [
        campaign.model_copy(update={"name": f"{campaign.name}{number:02}"})
        for campaign in found
        for number in range(times)
    ]


def in_order(campaigns: list[Campaign]) -> list[Campaign]:
    """Return campaigns in the order of an answer."""
    return sorted(campaigns, key=lambda campaign: (-campaign.priority, campaign.name))


def expected_names(
    campaigns: list[Campaign], segments: list[Segment], profile: Profile, at: datetime
) -> list[str]:
    """Return what the evaluator, the groups and the overrides make the answer be."""
    known = {segment.name: segment.matchers for segment in segments}
    decided = overrides_of(profile, at)
    groups: set[str] = set()
    names: list[str] = []
    for each in in_order(campaigns):
        if each.name in decided:
            names += [each.name] * decided[each.name].is_on
            continue
        if not each.is_active(at):
            continue
        if not matches(each.matchers, profile, at, name=each.name, segments=known):
            continue
        if each.group is None or each.group not in groups:
            names.append(each.name)
        if each.group is not None:
            groups.add(each.group)
    return names


@given(
    _sets_of_campaigns(),
    sets_of_segments(),
    odd_profiles(),
    st.none() | overrides(("a00", "b00", "c00")),
    st.lists(moments(), min_size=1, max_size=2),
)
def test_the_index_answers_as_the_evaluator_does(
    campaigns: list[Campaign],
    segments: list[Segment],
    profile: Profile,
    decided: Any,
    at: list[datetime],
) -> None:
    """Whatever matchers, segments, groups, drafts and overrides there are, at every time."""
    compiled = CompiledCampaigns.of(campaigns, segments)
    if decided is not None:
        profile = {**profile, "overrides": decided}
    for moment in at:
        expected = expected_names(campaigns, segments, profile, moment)
        assert compiled.matching(profile, moment) == expected


@given(_sets_of_campaigns(), _sets_of_campaigns(), sets_of_segments(), odd_profiles(), moments())
async def test_what_was_compiled_before_does_not_show(
    before: list[Campaign],
    after: list[Campaign],
    segments: list[Segment],
    profile: Profile,
    at: datetime,
) -> None:
    """Lookups that are taken over from the last snapshot answer as new ones would."""

    def sources(campaigns: list[Campaign]) -> dict[bytes, Rule]:
        return {repr(each).encode(): rule_of(each) for each in campaigns}

    old = sources(before)
    held = await CompiledCampaigns.from_sources(old, None, segments[:1])
    held.matching(profile, at)
    new = {source: old.get(source, rule) for source, rule in sources(after).items()}
    read = await CompiledCampaigns.from_sources(new, held, segments)
    assert read.matching(profile, at) == CompiledCampaigns.of(after, segments).matching(profile, at)


@given(matchers(), matchers(), sets_of_segments(), odd_profiles(), moments())
def test_the_language_is_boolean(
    one: Matchers, other: Matchers, segments: list[Segment], profile: Profile, at: datetime
) -> None:
    """`all` is and, `any` is or, `none` is neither."""
    known = {segment.name: segment.matchers for segment in segments}

    def holds(each: Matchers) -> bool:
        return matches(each, profile, at, name="it", segments=known)

    either, both = holds(one) or holds(other), holds(one) and holds(other)
    assert holds(Matchers(all=(one, other))) is both
    assert holds(Matchers(any=(one, other))) is either
    assert holds(Matchers(none=(one, other))) is not either


@given(
    st.sampled_from((("eq", "ne"), ("in", "not_in"))),
    st.sampled_from(("US", "us", 0, 1, 2.5, True, False, "")),
    odd_profiles(),
    st.sampled_from(("_custom", "clan.id", "devices.model", "level", "missing")),
)
def test_ne_and_not_in_negate(
    operators: tuple[str, str], value: Any, profile: Profile, path: str
) -> None:
    """Over lists, missing fields and odd types alike: exactly one of the two holds."""
    positive, negative = (
        passes(path, {operator: [value] if "in" in operator else value}, profile)
        for operator in operators
    )
    assert positive is not negative


def passes(path: str, test: dict[str, Any], profile: Profile, at: datetime = NOW) -> bool:
    """Return what the evaluator says of one test, which the index must say, too."""
    matcher = Matchers.model_validate({"where": {path: test}})
    verdict = matches(matcher, profile, at)
    campaign = a_campaign("it").model_copy(update={"matchers": matcher})
    for times in (1, 30):
        compiled = CompiledCampaigns.of(_repeated([campaign], times))
        assert compiled.matching(profile, at) == [f"it{n:02}" for n in range(times)] * verdict
    return verdict


E_ACUTE, E_AND_ACCENT = "\u00e9", "e\u0301"
HOLDS: list[tuple[dict[str, Any], Any]] = [
    ({"eq": "US"}, "US"),
    ({"eq": "US"}, ["RO", "US"]),
    ({"eq": 1}, 1.0),
    ({"eq": 1.0}, Int64(1)),
    ({"eq": True}, True),
    ({"eq": ""}, ""),
    ({"eq": E_AND_ACCENT}, E_ACUTE),
    ({"eq": E_ACUTE}, E_AND_ACCENT),
    ({"in": ["RO", 5]}, 5),
    ({"ne": "US"}, "us"),
    ({"ne": 1}, True),
    ({"ne": "US"}, None),
    ({"not_in": ["US", 1]}, ["RO", 2]),
    ({"gt": 1}, 1.5),
    ({"gte": 100, "lt": 500}, 100),
    ({"gte": 100, "lt": 500}, [50, 600]),  # each operator by an element of its own
    ({"lte": -1}, -1),
    ({"starts_with": "apple"}, "apple iphone8-plus"),
    ({"ends_with": "PLUS", "ignore_case": True}, "apple iphone8-plus"),
    ({"contains": "IPHONE", "ignore_case": True}, "apple iphone8-plus"),
    ({"contains": "STRASSE", "ignore_case": True}, "Stra\u00dfe 5"),
    ({"contains": E_ACUTE}, f"F{E_AND_ACCENT}te"),
    ({"exists": True}, 0),
    ({"exists": True}, []),
    ({"exists": True}, {}),
    ({"exists": False}, None),
    ({"before": "2022-01-01T00:00:00Z"}, "2021-12-31 23:59:59Z"),
    ({"after": "2022-01-01T00:00:00Z"}, datetime(2022, 1, 1, 0, 0, 1, tzinfo=UTC)),
    ({"after": "2022-01-01T00:00:00+01:00"}, "2021-12-31T23:30:00Z"),
    ({"within": "P7D"}, NOW - timedelta(days=7)),
    ({"within": "P7D"}, NOW),
    ({"older_than": "P7D"}, NOW - timedelta(days=7, microseconds=1)),
    ({"older_than": "P36500D"}, "0001-01-01T00:00:00Z"),
    ({"version_gte": "1.10.0"}, "1.10.0"),
    ({"version_gt": "1.9"}, "1.10.0"),
    ({"version_lt": "1.2.3"}, "1.2.3-beta"),
    ({"version_lte": "2024.1"}, "2023.12"),
    ({"version_eq": "1.10"}, "1.10.0"),
]
FAILS: list[tuple[dict[str, Any], Any]] = [
    ({"eq": "US"}, "us"),
    ({"eq": 1}, True),
    ({"eq": True}, 1),
    ({"eq": 1}, "1"),
    ({"eq": 1}, Decimal128("1")),
    ({"eq": "US"}, Code("US")),
    ({"eq": "US"}, [["US"]]),
    ({"eq": "US"}, {"US": 1}),
    ({"eq": 2**53 + 1}, 2.0**53),
    ({"ne": "US"}, ["RO", "US"]),
    ({"not_in": ["US"]}, "US"),
    ({"gt": 1}, 1),
    ({"gt": 1}, True),
    ({"gt": 1}, "2"),
    ({"gte": 1}, float("nan")),
    ({"lt": 1}, []),
    ({"lt": 1}, None),
    ({"starts_with": "e"}, E_AND_ACCENT),
    ({"starts_with": "apple"}, "Apple"),
    ({"contains": "1"}, 1),
    ({"exists": True}, None),
    ({"exists": False}, [None]),
    ({"before": "2022-01-01T00:00:00Z"}, "2022-01-01T00:00:00Z"),
    ({"before": "2022-01-01T00:00:00Z"}, "1 January 2020"),
    ({"before": "2022-01-01T00:00:00Z"}, 1),
    ({"within": "P7D"}, NOW + timedelta(microseconds=1)),
    ({"within": "P7D"}, NOW - timedelta(days=7, microseconds=1)),
    ({"older_than": "P7D"}, NOW - timedelta(days=7)),
    ({"older_than": "P7D"}, NOW + timedelta(days=30)),
    ({"version_gte": "1.10.0"}, "1.9.9"),
    ({"version_gte": "1.10.0"}, 2.0),
    ({"version_gte": "1.10.0"}, "new"),
    ({"version_gte": "1.10.0"}, "9" * 300),
]


@pytest.mark.parametrize(("test", "value"), HOLDS)
def test_holds(test: dict[str, Any], value: Any) -> None:
    """The operator holds for a value, alone, in an object, and as an element of a list."""
    assert passes("_custom", test, {"_custom": value})
    assert passes("_custom.inner", test, {"_custom": {"inner": value}})
    if not isinstance(value, list) and value is not None:
        assert passes("_custom", test, {"_custom": [value]})
        assert passes("_custom.inner", test, {"_custom": [{"inner": value}]})


@pytest.mark.parametrize(("test", "value"), FAILS)
def test_fails(test: dict[str, Any], value: Any) -> None:
    """The operator fails for a value, wherever it stands."""
    assert not passes("_custom", test, {"_custom": value})
    assert not passes("_custom.inner", test, {"_custom": {"inner": value}})


@pytest.mark.parametrize("operator", sorted({name for test, _ in HOLDS for name in test}))
def test_a_missing_field(operator: str) -> None:
    """It fails every operator but `exists: false`, `ne` and `not_in`."""
    test = next(test for test, _ in HOLDS if operator in test and test.get("exists") is not False)
    assert passes("_missing", test, {}) is (operator in {"ne", "not_in"})


def test_every_operator_is_tested() -> None:
    """No operator of the language is missing above."""
    aliases = {field.alias or name for name, field in FieldTest.model_fields.items()}
    assert aliases == {name for test, _ in HOLDS for name in test}


@pytest.mark.parametrize(
    ("path", "profile", "found"),
    [
        ("clan.id", {"clan": {"id": "it"}}, True),
        ("devices.model", {"devices": [{"model": "no"}, {"model": "it"}]}, True),
        ("devices.model", {"devices": [[{"model": "it"}]]}, False),
        ("devices.0.model", {"devices": [{"model": "it"}]}, False),
        ("devices.0", {"devices": {"0": "it"}}, True),
        ("a.b.c", {"a": [{"b": [{"c": ["it"]}]}]}, True),
        ("clan.id", {"clan": "it"}, False),
        ("clan.id", {"clan.id": "it"}, False),
        ("clan", {"clan": {"id": "it"}}, False),
    ],
)
def test_paths(path: str, profile: Profile, found: bool) -> None:  # noqa: FBT001
    """A path leads through objects and lists of objects; no list in a list is entered."""
    assert passes(path, {"eq": "it"}, profile) is found


def test_two_lists_may_be_met_by_two_elements() -> None:
    """`eq` and `in` hold each for itself over a list."""
    test = {"eq": "a", "in": ["b", "c"]}
    assert passes("_custom", test, {"_custom": ["a", "c"]})
    assert not passes("_custom", test, {"_custom": ["a"]})


@pytest.mark.parametrize(
    "segments",
    [
        [],
        [Segment.model_construct(name="s", matchers=UnknownMatchers(source={}))],
        [Segment.model_validate({"name": "s", "matchers": {"segment": {"any": ["s"]}}})],
        [Segment.model_validate({"name": "s", "matchers": {"segment": {"none": ["gone"]}}})],
    ],
)
@pytest.mark.parametrize("reference", [{"any": ["s"]}, {"none": ["s"]}])
def test_a_segment_that_cannot_be_judged(segments: list[Segment], reference: Any) -> None:
    """A campaign that refers to it, even by `none`, is nobody's and is named."""
    matcher = Matchers.model_validate({"any": [{"segment": reference}, {}]})
    campaign = a_campaign("it").model_copy(update={"matchers": matcher})
    compiled = CompiledCampaigns.of([campaign, a_campaign("other")], segments)
    assert compiled.matching(a_profile(), NOW) == ["other"]
    assert compiled.unreadable == ("it",)
    known = {segment.name: segment.matchers for segment in segments}
    assert not matches(matcher, a_profile(), NOW, segments=known)


def test_matched_fields_are_all_that_is_read() -> None:
    """They hold the fields of `where`, however deep, and those of the segments."""
    matcher = Matchers.model_validate(
        {"any": [{"where": {"clan.id": {"exists": True}}}], "segment": {"all": ["s"]}}
    )
    campaign = a_campaign("it").model_copy(update={"matchers": matcher})
    segment = Segment.model_validate(
        {"name": "s", "matchers": {"none": [{"where": {"xp": {"gt": 1}}}]}}
    )
    fields = CompiledCampaigns.of([campaign], [segment]).matched_fields
    assert {"clan", "xp", "level", "country", "overrides"} <= {*fields}


@given(targeted_campaigns(), sets_of_segments(), odd_profiles(), moments(), st.data())
@example(a_campaign(), [], {}, NOW, None)
def test_fields_that_are_not_matched_do_not_count(
    campaign: Campaign, segments: list[Segment], profile: Profile, at: datetime, data: Any
) -> None:
    """While the matched fields and the id stay, the same campaigns match."""
    compiled = CompiledCampaigns.of([campaign], segments)
    kept = {"player_id", *compiled.matched_fields}
    other = {} if data is None else data.draw(odd_profiles())
    changed = {field: value for field, value in profile.items() if field in kept}
    changed |= {field: value for field, value in other.items() if field not in kept}
    assert compiled.matching(changed, at) == compiled.matching(profile, at)


def test_a_segment_is_evaluated_once_a_request() -> None:
    """However many campaigns and segments refer to it."""
    asked: list[str] = []

    def whale(player: Player) -> bool:
        asked.append("whale")
        return bool(player.profile["whale"])

    def other(player: Player) -> bool:
        return not player.is_in("whale")

    player = Player({"whale": True}, NOW, {"whale": whale, "other": other})
    assert [player.is_in(name) for name in ("other", "whale", "whale", "other")] == [
        False,
        True,
        True,
        False,
    ]
    assert asked == ["whale"]
