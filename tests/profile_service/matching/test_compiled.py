"""The campaigns of a snapshot, asked for a player."""

from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts.campaign import Campaign
from contracts.snapshot import PublishedCampaign
from profile_service.matching.compiled import CompiledCampaigns
from profile_service.matching.evaluator import matches
from tests.builders import NOW, a_profile, a_published_campaign, as_published
from tests.strategies import campaigns, moments, profiles

MICROSECOND = timedelta(microseconds=1)


def _sets_of_campaigns() -> st.SearchStrategy[list[PublishedCampaign]]:
    found: st.SearchStrategy[list[Campaign]] = st.lists(
        campaigns(names=st.sampled_from("abcdefgh")),
        max_size=8,
        unique_by=lambda campaign: campaign.name,
    )
    return found.map(lambda each: [as_published(campaign, revision=1) for campaign in each])


def _is_active(campaign: Campaign, at: datetime) -> bool:
    has_started = campaign.start_date is None or not at < campaign.start_date
    has_ended = campaign.end_date is not None and not at < campaign.end_date
    return campaign.enabled and has_started and not has_ended


@given(_sets_of_campaigns(), profiles(), moments())
def test_those_that_are_active_and_match_are_named(
    published: list[PublishedCampaign], profile: dict[str, Any], at: datetime
) -> None:
    """The answer names each campaign that is active then and matches, and no other."""
    named = CompiledCampaigns(published).matching(profile, at)
    assert sorted(named) == sorted(
        each.name for each in published if _is_active(each, at) and matches(each.matchers, profile)
    )


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from((-1.0, -0.0, 0.0, 2.0, 10.5))),
    st.randoms(),
)
def test_the_highest_priority_comes_first(priorities: dict[str, float], order: Random) -> None:
    """The order is by priority, highest first, then by name; never that of the snapshot."""
    published = [a_published_campaign(name, priority=each) for name, each in priorities.items()]
    order.shuffle(published)
    named = CompiledCampaigns(published).matching(a_profile(), NOW)
    assert len(named) == len(priorities)
    for first, second in pairwise(named):
        assert priorities[first] > priorities[second] or (
            priorities[first] == priorities[second] and first < second
        )


def test_a_campaign_runs_from_its_start_to_just_before_its_end() -> None:
    """The start date belongs to the campaign, the end date does not."""
    end = NOW + timedelta(days=1)
    compiled = CompiledCampaigns([a_published_campaign("it", start=NOW, end=end)])
    profile = a_profile()
    assert compiled.matching(profile, NOW - MICROSECOND) == []
    assert compiled.matching(profile, NOW) == ["it"]
    assert compiled.matching(profile, end - MICROSECOND) == ["it"]
    assert compiled.matching(profile, end) == []


def test_a_scheduled_campaign_needs_no_event_to_start() -> None:
    """The same set of campaigns gives another answer when a start date has come."""
    later = NOW + timedelta(hours=1)
    compiled = CompiledCampaigns(
        [a_published_campaign("now"), a_published_campaign("later", start=later)]
    )
    assert compiled.matching(a_profile(), NOW) == ["now"]
    assert compiled.matching(a_profile(), later) == ["later", "now"]


def test_a_disabled_campaign_is_never_named() -> None:
    """A campaign that is not enabled is active at no time."""
    compiled = CompiledCampaigns([a_published_campaign("off", enabled=False)])
    assert compiled.matching(a_profile(), NOW) == []


def test_a_campaign_is_found_by_its_name() -> None:
    """`get` gives the very campaign, or None."""
    one, other = a_published_campaign("one"), a_published_campaign("other")
    compiled = CompiledCampaigns([one, other])
    assert len(compiled) == 2
    assert compiled.get("one") is one
    assert compiled.get("none") is None
