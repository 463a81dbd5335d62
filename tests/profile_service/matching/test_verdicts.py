"""Why a player is in a campaign: the verdicts agree with the answers, and say why."""

from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.campaign import Campaign, CampaignStatus
from contracts.segment import Segment
from foundation.slices import at_once
from profile_service.matching.compiled import CompiledCampaigns
from profile_service.matching.evaluator import matches
from profile_service.matching.verdicts import ACTIVE, Verdict, judged
from testbed.builders import NOW, a_campaign, a_profile, a_segment
from tests.language import odd_profiles, overrides, sets_of_segments, targeted_campaigns
from tests.strategies import moments

HOUR = timedelta(hours=1)


def verdicts(
    campaigns: list[Campaign],
    profile: dict[str, Any],
    at: datetime = NOW,
    segments: list[Segment] | None = None,
    draft: Campaign | None = None,
) -> list[Verdict]:
    """Return what is said of campaigns, in the order of the answer."""
    compiled = CompiledCampaigns.of(campaigns, segments or ())
    found = at_once(judged(compiled, profile, at, draft))
    by_name = {each.name: each for each in (*campaigns, *filter(None, [draft]))}
    return [at_once(found.of(by_name[name])) for name in found.names]


@given(
    st.lists(
        targeted_campaigns(names=st.sampled_from("abcdef")),
        max_size=6,
        unique_by=lambda campaign: campaign.name,
    ),
    st.none() | targeted_campaigns(names=st.sampled_from("abcdef")),
    sets_of_segments(),
    odd_profiles(),
    st.none() | overrides(("a", "b", "c")),
    moments(),
    st.integers(0, 3),
)
def test_a_player_is_told_what_a_client_is(
    campaigns: list[Campaign],
    draft: Campaign | None,
    segments: list[Segment],
    profile: dict[str, Any],
    decided: Any,
    at: datetime,
    known: int,
) -> None:
    """Active are exactly the campaigns of the client's answer, in its order, at every time.

    Whatever matchers, segments (some of them missing), groups and overrides there are; with a
    draft it is the answer after its PUT. Status, matchers, group and override agree with it.
    """
    if decided is not None:
        profile = {**profile, "overrides": decided}
    segments = segments[:known]
    found = verdicts(campaigns, profile, at, segments, draft)
    after = {each.name: each for each in campaigns}
    if draft is not None:
        after[draft.name] = draft
        if not draft.enabled:  # it would be in no snapshot
            del after[draft.name]
    compiled = CompiledCampaigns.of(after.values(), segments)
    matched = compiled.matched(profile, at)
    assert [each.campaign.name for each in found if each.is_active] == matched.names
    for each in found:
        campaign, override = each.campaign, each.override
        assert campaign is (draft if draft and draft.name == campaign.name else campaign)
        assert each.matchers.verdict is matches(
            campaign.matchers, profile, at, name=campaign.name, segments=compiled.segments
        )
        assert each.status is campaign.status(at)
        is_first = campaign.group is None or each.group_winner == campaign.name
        runs = each.status is CampaignStatus.ACTIVE and each.matchers.verdict and is_first
        if campaign.name in after:
            assert each.is_active is (override.is_on if override else runs)
            assert override == matched.overrides.get(campaign.name)
            wanted = override.variant if override else None
            assert each.variant == compiled.offer(campaign.name).variant(profile, wanted)
        assert (each.reason == ACTIVE) is (each.is_active and override is None)
        assert orjson.dumps(each.content())


def the(campaign: Campaign, *others: Campaign, **fields: Any) -> Verdict:
    """Return what is said of the first of some campaigns."""
    found = verdicts([campaign, *others], a_profile(**fields))
    return next(each for each in found if each.campaign is campaign)


def grouped(name: str, **fields: Any) -> Campaign:
    """Return a campaign of the group banner."""
    return a_campaign(name, **fields).model_copy(update={"group": "banner"})


def an_override(state: str, **fields: Any) -> list[dict[str, Any]]:
    """Return overrides of the campaign `it`, for an hour."""
    until = (NOW + HOUR).isoformat()
    return [{"campaign": "it", "state": state, "until": until, "actor": "anna", **fields}]


@pytest.mark.parametrize(
    ("campaign", "reason"),
    [
        (a_campaign("it"), "the campaign is active, and the player matches"),
        (a_campaign("it", level=(5, None)), "level is 2, and must be at least 5"),
        (a_campaign("it", enabled=False), "the campaign is disabled"),
        (a_campaign("it", start=NOW + HOUR), "the campaign starts at 2022-02-01T13:00:00Z"),
        (a_campaign("it", end=NOW), "the campaign ended at 2022-02-01T12:00:00Z"),
        (
            Campaign.model_validate({"name": "it", "game": "g", "stage": "draft"}),
            "the campaign is a draft, which is for players with an override only",
        ),
    ],
)
def test_the_reason_is_the_first_that_decides(campaign: Campaign, reason: str) -> None:
    """Whether it runs comes before whom it is for."""
    assert the(campaign).reason == reason


def test_the_winner_of_a_group_is_named() -> None:
    """The first by priority; those that do not match do not compete."""
    other = grouped("spring", priority=1)
    lost = the(grouped("it"), other)
    assert (lost.is_active, lost.group_winner) == (False, "spring")
    assert lost.matchers.verdict
    assert lost.reason == '"spring" comes before it in the group "banner"'
    won = the(grouped("it"), grouped("spring", priority=1, level=(9, None)))
    assert (won.is_active, won.group_winner) == (True, "it")
    none = the(grouped("it", level=(9, None)))
    assert (none.is_active, none.group_winner) == (False, None)


@pytest.mark.parametrize(("priority", "winner"), [(2, "draft"), (0, "spring")])
def test_a_draft_competes_in_its_group(priority: float, winner: str) -> None:
    """It takes the place of the winner where it comes before it, and else gives way."""
    stored = [grouped("spring", priority=1), a_campaign("other")]
    found = verdicts(stored, a_profile(), draft=grouped("draft", priority=priority))
    assert {each.campaign.name: each.is_active for each in found} == {
        "draft": winner == "draft",
        "spring": winner == "spring",
        "other": True,
    }
    assert {each.group_winner for each in found} == {winner, None}


def test_an_override_decides() -> None:
    """Over matchers, dates, drafts and groups; it says until when, and by whom."""
    missed = a_campaign("it", level=(9, None))
    on = the(missed, overrides=an_override("on", variant="b"))
    assert on.is_active
    assert not on.matchers.verdict
    assert on.reason == 'an override by "anna" turns it on until 2022-02-01T13:00:00Z'
    assert on.content()["override"] == {
        "state": "on",
        "variant": "b",
        "until": "2022-02-01T13:00:00Z",
        "actor": "anna",
    }
    off = the(a_campaign("it"), overrides=an_override("off", actor=None))
    assert not off.is_active
    assert off.reason == "an override turns it off until 2022-02-01T13:00:00Z"
    disabled = a_campaign("it", enabled=False)
    for stored in ([], [a_campaign("it")]):
        [draft] = verdicts(stored, a_profile(overrides=an_override("on")), draft=disabled)
        assert (draft.is_active, draft.reason) == (False, "the campaign is disabled")


def test_an_override_leaves_the_group_to_the_others() -> None:
    """One that is on stands beside the winner, one that is off gives way to the next."""
    other = grouped("spring", priority=1)
    names = ["it", *(f"it{number}" for number in range(9))]
    beside = [an_override("on", campaign=name)[0] for name in names]
    on = verdicts([*map(grouped, names), other], a_profile(overrides=beside))
    assert [(each.is_active, each.group_winner) for each in on] == [(True, "spring")] * 11
    first = grouped("it", priority=2)
    off = verdicts([first, other], a_profile(overrides=an_override("off")))
    assert [(each.is_active, each.group_winner) for each in off] == [
        (False, "spring"),
        (True, "spring"),
    ]


def test_a_segment_of_the_snapshot_is_known() -> None:
    """What a campaign refers to has its tree beside the campaign's own matchers."""
    campaign = Campaign.model_validate(
        {"name": "it", "game": "g", "matchers": {"segment": {"all": ["whales"]}}}
    )
    found = verdicts([campaign], a_profile(), segments=[a_segment("whales", level={"min": 1})])
    assert found[0].is_active
    assert b'"segment":"whales"' in orjson.dumps(found[0].content())
    assert found[0].content(with_tree=False)["matchers"] is None
