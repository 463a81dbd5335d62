"""The campaigns of a snapshot, asked for a player."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise, product
from math import inf, nan
from random import Random
from typing import Any

import pytest
from bson import Decimal128, Int64
from hypothesis import given
from hypothesis import strategies as st

from contracts.campaign import Campaign
from profile_service.matching.compiled import CompiledCampaigns
from profile_service.matching.evaluator import matches
from profile_service.matching.rules import rule_of
from testbed.builders import NOW, Lists, a_campaign, a_profile
from tests.profile_service.matching.definition import plainly_active, plainly_matches
from tests.strategies import campaigns, instants, moments, profiles

MICROSECOND = timedelta(microseconds=1)


def _sets_of_campaigns() -> st.SearchStrategy[list[Campaign]]:
    """A few campaigns, each as often as an index needs to use all of its ways."""
    found: st.SearchStrategy[list[Campaign]] = st.lists(
        campaigns(names=st.sampled_from("abcdefgh")),
        max_size=8,
        unique_by=lambda campaign: campaign.name,
    )
    return st.builds(_repeated, found, st.sampled_from((1, 1, 20)))


def _repeated(found: list[Campaign], times: int) -> list[Campaign]:
    return [
        campaign.model_copy(update={"name": f"{campaign.name}{number}"})
        for campaign in found
        for number in range(times)
    ]


@given(_sets_of_campaigns(), profiles(), st.lists(moments(), min_size=1, max_size=4))
def test_those_that_are_active_and_match_are_named(
    published: list[Campaign], profile: dict[str, Any], at: list[datetime]
) -> None:
    """The answer names each campaign that is active then and matches, and no other.

    It is that of the evaluator and of the definition, in whatever order times are asked.
    """
    compiled = CompiledCampaigns.of(published)
    for moment in at:
        named = compiled.matching(profile, moment)
        assert sorted(named) == sorted(
            each.name
            for each in published
            if each.is_active(moment) and matches(each.matchers, profile, moment)
        )
        assert sorted(named) == sorted(
            each.name
            for each in published
            if plainly_active(each, moment) and plainly_matches(each.matchers, profile)
        )


_PARTS = (("matchers",), ("enabled",), ("start_date", "end_date"), ("priority",))


@given(
    _sets_of_campaigns(),
    _sets_of_campaigns(),
    st.sampled_from(((), *_PARTS, ("matchers", "enabled"))),
    st.lists(profiles(), min_size=1, max_size=2),
    moments(),
)
async def test_what_came_before_does_not_show(
    before: list[Campaign],
    others: list[Campaign],
    parts: tuple[str, ...],
    asked: list[dict[str, Any]],
    at: datetime,
) -> None:
    """Compiled from some others, of which much is kept, campaigns answer as they do alone.

    Some are changed in a part, or else others take their places or come beside them.
    """
    after = {each.name: each for each in before}
    for other in others:
        old = after.get(other.name)
        if old is None or not parts:
            after[other.name] = other
        else:
            changes = {part: getattr(other, part) for part in parts}
            after[other.name] = old.model_copy(update=changes)
    rules = {each.name: rule_of(each) for each in before}
    old_sources = {name.encode(): rule for name, rule in rules.items()}
    new_sources = {
        name.encode(): rules[name] if rules.get(name) == rule_of(each) else rule_of(each)
        for name, each in after.items()
    }
    held = await CompiledCampaigns.from_sources(old_sources, None)
    held.matching(asked[0], at)
    read = await CompiledCampaigns.from_sources(new_sources, held)
    alone = CompiledCampaigns.of(after.values())
    assert len(read) == len(alone)
    assert all(read.matching(each, at) == alone.matching(each, at) for each in asked)


_BOUNDS = (None, 0, 1, 2, 3)
_LISTS: tuple[Lists | None, ...] = (
    None,
    {"country": ["a"]},
    {"country": ["a", "b"], "gender": ["a"]},
)
_ITEMS: tuple[Lists | None, ...] = (
    None,
    {"items": ["a"]},
    {"items": ["a", "b"]},
    {"items": ["a", "b", "d"]},
)
_ODD = (None, True, "2", "", [2], ["a"], {"a": 1}, nan, Int64(1), Decimal128("1"), 2**70, inf, -inf)


def _corners() -> Iterator[Campaign]:
    for low, high in product(_BOUNDS, _BOUNDS):
        if (low, high) != (None, None) and (low is None or high is None or low <= high):
            yield a_campaign(f"level {low} {high}", level=(low, high))
    for lists in (_LISTS, _ITEMS):
        for has, has_not in product(lists, lists):
            yield a_campaign(f"{has} {has_not}", level=None, has=has, does_not_have=has_not)


@pytest.mark.parametrize(("times", "others"), [(1, 0), (20, 0), (1, 5000)])
def test_every_corner_is_as_the_evaluator_has_it(times: int, others: int) -> None:
    """Bounds, lists and odd values, among few campaigns, among many alike, among many others."""
    published = _repeated([*_corners()], times)
    filling = _repeated([a_campaign("other", level=(7, 7), has={"country": ["c"]})], others)
    compiled = CompiledCampaigns.of([*published, *filling])
    profiles: list[dict[str, Any]] = [
        {field: value}
        for field in ("level", "country", "gender", "inventory")
        for value in (*_ODD, -1, 0, 1, 1.5, 2, 3, 3.5, 4, "a", "b", "c", "d")
    ]
    profiles += [
        {"inventory": {"a": owned, "b": more, "c": 1, "d": last}}
        for owned, more, last in product((*_ODD, 0, 1, -1, 0.5), (None, 0, 1), (0, 1))
    ]
    for profile in profiles:
        expected = [each.name for each in published if matches(each.matchers, profile, NOW)]
        assert sorted(compiled.matching(profile, NOW)) == sorted(expected)


def _a_large_game(size: int) -> list[Campaign]:
    """Campaigns for few players each: values that many list, values that hardly any does."""
    chance = Random(size)  # noqa: S311 - always the same one
    items = [f"item_{number}" for number in range(200)]
    countries = [f"country {number}" for number in range(50)]

    def lists(most: int) -> Lists | None:
        chosen = {
            "items": chance.sample(items, chance.randint(0, most)),
            "country": chance.sample(countries, chance.choice((0, 0, 0, 20, 45))),
            "language": [f"language {chance.randrange(size)}"] * (chance.random() < 0.1),
        }
        return {field: values for field, values in chosen.items() if values} or None

    def level() -> tuple[int | None, int | None] | None:
        low = chance.randrange(3000)
        return chance.choice((None, (low, None), (None, low), (low, low + chance.randrange(3000))))

    def date() -> datetime | None:
        return NOW + timedelta(minutes=chance.randint(-30, 30)) if chance.random() < 0.7 else None

    def campaign(number: int) -> Campaign:
        start, end = date(), date()
        return a_campaign(
            f"campaign {number}",
            priority=float(chance.randrange(20)),
            level=level(),
            has=lists(4),
            does_not_have=lists(1),
            start=start,
            end=None if start and end and end <= start else end,
        )

    return [campaign(number) for number in range(size)]


def test_a_large_game_is_answered_as_a_small_one() -> None:
    """Among 10,000 campaigns, any player is in those that the evaluator names, in order."""
    published = _a_large_game(10_000)
    in_order = sorted(published, key=lambda each: (-each.priority, each.name))
    compiled = CompiledCampaigns.of(published)
    assert len(compiled) == 10_000
    for number in range(8):
        profile = a_profile(
            level=(number * 700, None)[number == 7],
            country=f"country {number}",
            language=f"language {number}",
            inventory={f"item_{each}": each % 3 for each in range(number * 25)},
        )
        at = NOW + timedelta(minutes=number * (-1) ** number)
        expected = [
            each.name
            for each in in_order
            if each.is_active(at) and matches(each.matchers, profile, at)
        ]
        assert compiled.matching(profile, at) == expected


def test_no_campaigns_is_an_answer() -> None:
    """In a snapshot without campaigns nobody is in one."""
    compiled = CompiledCampaigns.of([])
    assert len(compiled) == 0
    assert compiled.matching(a_profile(), NOW) == []


@pytest.mark.parametrize(
    ("has", "does_not_have", "matching"),
    [
        ({"country": ("US", "RO", "US")}, None, True),
        ({"country": ("US",)}, {"country": ("US",)}, False),
        ({"country": ("US",)}, {"country": ("RO",)}, True),
        ({"items": ("item_1", "item_1")}, None, True),
        ({"items": ("item_1", "item_2")}, None, False),
        ({"items": ("item_1",)}, {"items": ("item_1",)}, False),
        (None, {"items": ("item_2", "item_2")}, True),
    ],
)
@pytest.mark.parametrize("copies", [1, 30, 3000])
def test_lists_may_repeat_and_contradict(
    has: Lists | None, does_not_have: Lists | None, copies: int, *, matching: bool
) -> None:
    """A value that is listed twice counts once, and one that is wanted and refused is refused."""
    listed = a_campaign("0", has=has, does_not_have=does_not_have)
    published = _repeated([listed], copies)
    assert len(CompiledCampaigns.of(published).matching(a_profile(), NOW)) == copies * matching


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from((-1.0, -0.0, 0.0, 2.0, 10.5))),
    st.randoms(),
)
def test_the_highest_priority_comes_first(priorities: dict[str, float], order: Random) -> None:
    """The order is by priority, highest first, then by name; never that of the snapshot."""
    published = [a_campaign(name, priority=each) for name, each in priorities.items()]
    order.shuffle(published)
    named = CompiledCampaigns.of(published).matching(a_profile(), NOW)
    assert len(named) == len(priorities)
    for first, second in pairwise(named):
        assert priorities[first] > priorities[second] or (
            priorities[first] == priorities[second] and first < second
        )


@st.composite
def _periods_and_moments(draw: st.DrawFn) -> tuple[datetime, datetime, list[datetime]]:
    """A start, a later end, and moments: often an end of the period, or a microsecond from it."""
    start, end = sorted(draw(st.lists(instants(), min_size=2, max_size=2, unique=True)))
    if draw(st.booleans()):
        end = start + draw(st.integers(1, 3)) * MICROSECOND
    near = st.builds(
        lambda date, off: date + off * MICROSECOND,
        st.sampled_from((start, end)),
        st.integers(-1, 1),
    )
    return start, end, draw(st.lists(near | instants(), min_size=1, max_size=6))


def test_a_campaign_runs_from_its_start_to_just_before_its_end() -> None:
    """The start date belongs to the campaign, the end date does not."""
    end = NOW + timedelta(days=1)
    compiled = CompiledCampaigns.of([a_campaign("it", start=NOW, end=end)])
    profile = a_profile()
    there_and_back = (NOW - MICROSECOND, NOW, end - MICROSECOND, end)
    for at in (*there_and_back, *reversed(there_and_back)):
        assert compiled.matching(profile, at) == (["it"] if NOW <= at < end else [])


@given(_periods_and_moments())
def test_activity_is_half_open(found: tuple[datetime, datetime, list[datetime]]) -> None:
    """For any start and end, a campaign is active from the one until just before the other.

    The index says so as the campaign does, in whatever order times are asked.
    """
    start, end, at = found
    campaign = a_campaign("it", start=start, end=end)
    compiled = CompiledCampaigns.of([campaign])
    for moment in at:
        is_within = start <= moment < end
        assert campaign.is_active(moment) is is_within
        assert compiled.matching(a_profile(), moment) == ["it"] * is_within


def test_a_scheduled_campaign_needs_no_event_to_start() -> None:
    """The same set of campaigns gives another answer when a start date has come."""
    later = NOW + timedelta(hours=1)
    compiled = CompiledCampaigns.of([a_campaign("now"), a_campaign("later", start=later)])
    assert compiled.matching(a_profile(), NOW) == ["now"]
    assert compiled.matching(a_profile(), later) == ["later", "now"]


def test_a_disabled_campaign_is_never_named() -> None:
    """A campaign that is not enabled is active at no time."""
    compiled = CompiledCampaigns.of([a_campaign("off", enabled=False)])
    assert compiled.matching(a_profile(), NOW) == []


def test_a_campaign_is_found_by_its_name() -> None:
    """`get` gives what is compiled of the campaign, or None."""
    one, other = a_campaign("one"), a_campaign("other")
    compiled = CompiledCampaigns.of([one, other])
    assert len(compiled) == 2
    assert compiled.get("one") == rule_of(one)
    assert compiled.get("none") is None
