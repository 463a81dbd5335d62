"""Edits: the change that each write proposes on a state."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_publisher.campaigns import edits
from campaign_publisher.campaigns.edits import ProposedChange
from campaign_publisher.log.change import Operation
from campaign_publisher.log.state import CampaignState, fold
from contracts.campaign import Campaign, LoggedCampaign
from contracts.wire import snapshot_etag
from foundation.errors import Invalid, NotFound, PreconditionFailed
from foundation.preconditions import Preconditions
from testbed.builders import NOW, a_campaign
from tests import strategies
from tests.campaign_publisher.replicas import a_state

ANY = Preconditions()


async def after(state: CampaignState, proposed: ProposedChange | None) -> CampaignState:
    """Return the state after a proposed change was committed."""
    assert proposed is not None
    return await fold(state, [await proposed.to_change(state, actor="me", now=NOW)])


async def test_put_replaces_a_campaign_whole() -> None:
    """What is not sent again is gone."""
    state = await a_state(a_campaign("a", has={"country": ["US"]}))
    proposed = await edits.put(state, a_campaign("a", level=None), ANY)
    stored = (await after(state, proposed)).campaigns["a"]
    assert stored.campaign.matchers.has is None
    assert stored.revision == 2


async def test_put_ignores_the_last_update() -> None:
    """A campaign that differs in last_updated only is no change."""
    state = await a_state(a_campaign("a"))
    again = a_campaign("a").model_copy(update={"last_updated": NOW})
    assert await edits.put(state, again, ANY) is None


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"enabled": False}, {"enabled": False}),
        ({"priority": 2}, {"priority": 2.0}),
        ({"start_date": None}, {"start_date": None}),
        ({"matchers": {"level": None}}, {"matchers": {"has": {"country": ["US"]}}}),
        ({"matchers": None}, {"matchers": {}}),
        ({"matchers": {"level": {"max": None}}}, None),
        ({"name": "a"}, None),
        ({"last_updated": "2030-01-01T00:00:00Z"}, None),
        ({}, None),
    ],
)
async def test_patch_changes_what_is_sent(
    patch: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    """What is sent replaces, null removes, all else stays; what changes nothing is no change."""
    campaign = a_campaign("a", level=(1, None), has={"country": ["US"]}, start=NOW)
    state = await a_state(campaign)
    proposed = await edits.patch(state, "a", patch, ANY)
    if expected is None:
        assert proposed is None
        return
    assert proposed is not None
    assert proposed.op is Operation.PATCH
    document = campaign.model_dump(exclude_none=True, exclude={"last_updated"})
    assert proposed.put == (LoggedCampaign.model_validate({**document, **expected}),)


@pytest.mark.parametrize(
    ("patch", "loc"),
    [
        ({"name": "b"}, ["name"]),
        ({"game": None}, ["game"]),
        ({"nonsense": 1}, ["nonsense"]),
        ({"matchers": {"level": {"min": 9}}}, ["matchers", "level"]),
        ({"matchers": {"has": {"country": []}}}, ["matchers", "has", "country"]),
    ],
)
async def test_a_patch_must_leave_a_campaign(patch: dict[str, Any], loc: list[str]) -> None:
    """A result that is no campaign, or has another name, is refused and says where."""
    state = await a_state(a_campaign("a"))
    with pytest.raises(Invalid) as caught:
        await edits.patch(state, "a", patch, ANY)
    assert [each["loc"] for each in caught.value.detail if isinstance(each, dict)] == [loc]


async def test_what_is_not_there_is_not_found() -> None:
    """Patch and delete need a campaign."""
    state = await a_state()
    with pytest.raises(NotFound):
        await edits.patch(state, "a", {}, ANY)
    with pytest.raises(NotFound):
        await edits.delete(state, "a", ANY)


async def test_each_write_checks_its_conditions_first() -> None:
    """A condition that does not hold ends every write, before anything else is judged."""
    state = await a_state(a_campaign("a"))
    moved = Preconditions(if_match='"moved"')
    for name in ("a", "nothing"):
        with pytest.raises(PreconditionFailed):
            await edits.put(state, a_campaign(name), moved)
        with pytest.raises(PreconditionFailed):
            await edits.patch(state, name, {"name": "wrong"}, moved)
        with pytest.raises(PreconditionFailed):
            await edits.delete(state, name, moved)
    with pytest.raises(PreconditionFailed):
        await edits.replace_all(state, {}, moved)
    seen = Preconditions(if_match=edits.etag(state, state.campaigns["a"]))
    assert await edits.delete(state, "a", seen) == ProposedChange(Operation.DELETE, deleted=("a",))
    all_seen = Preconditions(if_match=snapshot_etag(state.position))
    assert await edits.replace_all(state, {}, all_seen) is not None


async def test_an_etag_changes_with_its_campaign_only() -> None:
    """A change of one campaign leaves the ETags of all others as they were."""
    state = await a_state(a_campaign("a"), a_campaign("b"))
    later = await after(state, await edits.put(state, a_campaign("a", priority=5), ANY))
    assert edits.etag(later, later.campaigns["b"]) == edits.etag(state, state.campaigns["b"])
    assert edits.etag(later, later.campaigns["a"]) != edits.etag(state, state.campaigns["a"])


NAMES = st.sampled_from(("a", "b", "c", "d"))
LISTS = st.lists(strategies.campaigns(names=NAMES), max_size=4, unique_by=lambda each: each.name)


@given(old=LISTS, new=LISTS)
async def test_an_import_leaves_exactly_its_list(old: list[Campaign], new: list[Campaign]) -> None:
    """Whatever was there, afterwards there is the list; what it does not change keeps its ETag."""
    state = await a_state(*old)
    proposed = await edits.replace_all(state, {each.name: each for each in new}, ANY)
    before = {each.name: as_sent(LoggedCampaign.of(each)) for each in old}
    wanted = {each.name: as_sent(LoggedCampaign.of(each)) for each in new}
    assert (proposed is None) is (before == wanted)
    result = state if proposed is None else await after(state, proposed)
    assert {name: as_sent(held.campaign) for name, held in result.campaigns.items()} == wanted
    for name, held in result.campaigns.items():
        assert held.revision == (1 if before.get(name) == wanted[name] else 2)


def as_sent(campaign: LoggedCampaign) -> LoggedCampaign:
    """Return a campaign without what the service sets."""
    return campaign.model_copy(update={"last_updated": None})
