"""The fold of the log into a state, and the snapshot of it."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from operator import attrgetter
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_publisher.log.change import Change
from campaign_publisher.log.checkpoints import from_checkpoint, to_checkpoint
from campaign_publisher.log.snapshot_json import snapshot_bytes
from campaign_publisher.log.state import (
    EMPTY,
    BrokenLog,
    CampaignState,
    StoredCampaign,
    StoredSegment,
    fold,
)
from contracts.campaign import Campaign, LoggedCampaign
from contracts.segment import LoggedSegment, Segment
from contracts.snapshot import CampaignSnapshot, PublishedSegment
from testbed.builders import (
    NOW,
    OTHER_STORE_ID,
    STORE_ID,
    a_campaign,
    a_head,
    a_segment,
    as_published,
    golden,
)
from tests.campaign_publisher.replicas import a_change, a_state

NAMES = st.sampled_from(("a", "b", "Summer Event", "Fête d'été"))

ENDS = (None, NOW, NOW + timedelta(days=1))
# Fields enough for the fold to confuse two campaigns of one name.
CAMPAIGNS = st.builds(
    a_campaign,
    NAMES,
    priority=st.sampled_from((0.0, 10.5)),
    end=st.sampled_from(ENDS),
    enabled=st.booleans(),
)
SEGMENTS = st.builds(
    lambda name, level: a_segment(name, level={"min": level}), NAMES, st.integers(1, 2)
)
TIMES = st.sampled_from([end + timedelta(microseconds=by) for end in ENDS if end for by in (-1, 0)])


@st.composite
def logs(draw: st.DrawFn) -> list[Change]:
    """Whole logs: puts, deletions of what may not be there, imports and renewals, mixed.

    Campaigns and segments have the same names.
    """
    changes = [a_change(0)]
    store_id = STORE_ID
    for revision in range(1, draw(st.integers(1, 5))):
        put = draw(
            st.lists(
                CAMPAIGNS,
                max_size=2,
                unique_by=lambda campaign: campaign.name,
            )
        )
        kept = {campaign.name for campaign in put}
        deleted = draw(st.lists(NAMES, max_size=2, unique=True))
        put_segments = draw(st.lists(SEGMENTS, max_size=2, unique_by=lambda segment: segment.name))
        kept_segments = {segment.name for segment in put_segments}
        deleted_segments = draw(st.lists(NAMES, max_size=2, unique=True))
        renewed_from, store_id = store_id, draw(st.just(store_id) | st.uuids())
        is_renewal = renewed_from != store_id
        changes.append(
            a_change(
                revision,
                *put,
                deleted=[name for name in deleted if name not in kept],
                store_id=store_id if is_renewal else None,
                renewed_from=renewed_from if is_renewal else None,
                put_segments=put_segments,
                deleted_segments=[name for name in deleted_segments if name not in kept_segments],
            )
        )
    return changes


def naive(changes: list[Change]) -> dict[str, tuple[Campaign, int]]:
    """Fold a log the plain way: each campaign with the revision of its last change."""
    campaigns: dict[str, tuple[Campaign, int]] = {}
    for change in changes:
        for name in change.deleted:
            campaigns.pop(name, None)
        campaigns |= {campaign.name: (campaign, change.revision) for campaign in change.put}
    return campaigns


def naive_segments(changes: list[Change]) -> dict[str, tuple[Segment, int]]:
    """Fold a log the plain way: each segment with the revision of its last change."""
    segments: dict[str, tuple[Segment, int]] = {}
    for change in changes:
        for name in change.deleted_segments:
            segments.pop(name, None)
        segments |= {segment.name: (segment, change.revision) for segment in change.put_segments}
    return segments


def plain(state: CampaignState) -> Mapping[str, tuple[Campaign, int]]:
    """Return the campaigns of a state, in the form of `naive`."""
    return {name: (held.campaign, held.revision) for name, held in state.campaigns.items()}


@given(changes=logs())
async def test_fold_is_the_plain_reading_of_the_log(changes: list[Change]) -> None:
    """Whatever the changes, the state holds what a naive model does, and is at the last one."""
    state = await fold(EMPTY, changes)
    assert plain(state) == naive(changes)
    segments = {name: (held.segment, held.revision) for name, held in state.segments.items()}
    assert segments == naive_segments(changes)
    assert (state.revision, state.head) == (changes[-1].revision, changes[-1].id)
    named = [change for change in changes if change.store_id is not None]
    left = tuple(change.renewed_from for change in reversed(named) if change.renewed_from)
    assert (state.store_id, state.renewed_from) == (named[-1].store_id, left)


@given(changes=logs(), data=st.data())
async def test_folding_in_parts_is_folding_at_once(
    changes: list[Change], data: st.DataObject
) -> None:
    """Wherever a log is cut, folding both parts gives the same; the first part stays as it was."""
    cut = data.draw(st.integers(0, len(changes)))
    first = await fold(EMPTY, changes[:cut])
    before = (dict(first.campaigns), dict(first.segments))
    assert await fold(first, changes[cut:]) == await fold(EMPTY, changes)
    assert (first.campaigns, first.segments) == before


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([a_change(0), a_change(2)], id="a gap"),
        pytest.param([a_change(0), a_change(1), a_change(1)], id="a revision twice"),
        pytest.param([a_change(1)], id="no beginning"),
        pytest.param([a_change(0), a_change(1), a_change(2, previous=a_head(9))], id="a fork"),
    ],
)
async def test_changes_that_do_not_follow_each_other_are_no_log(changes: list[Change]) -> None:
    """A missing or doubled revision, or a change of another history, is an error, no state."""
    with pytest.raises(BrokenLog):
        await fold(EMPTY, changes)


async def test_a_log_begins_with_a_store() -> None:
    """A first change that names no store is an error."""
    founding = Change.model_validate({**dict(a_change(0)), "store_id": None})
    with pytest.raises(BrokenLog):
        await fold(EMPTY, [founding])


async def test_a_renewal_changes_the_store_and_no_campaign() -> None:
    """After a renewal the same campaigns are of a store that names the one it continues."""
    before = await a_state(a_campaign("a"), segments=[a_segment("a")])
    renewal = a_change(2, store_id=OTHER_STORE_ID, renewed_from=STORE_ID)
    after = await fold(before, [renewal])
    assert (after.store_id, after.renewed_from) == (OTHER_STORE_ID, (STORE_ID,))
    assert after.campaigns == before.campaigns
    assert after.segments == before.segments


async def test_the_newest_hundred_renewals_are_named() -> None:
    """A snapshot names the stores that its log continues, newest first, at most 100."""
    stores = [UUID(int=number) for number in range(1, 104)]
    renewals = [
        a_change(number, store_id=store, renewed_from=left)
        for number, (left, store) in enumerate(pairwise(stores), 1)
    ]
    first = Change.model_validate({**dict(a_change(0)), "store_id": stores[0]})
    state = await fold(EMPTY, [first, *renewals])
    assert state.renewed_from == tuple(reversed(stores[:-1]))[:100]
    assert snapshot_of(state).renewed_from == state.renewed_from


def snapshot_of(state: CampaignState) -> CampaignSnapshot:
    """Parse a state's snapshot as a profile service does."""
    return CampaignSnapshot.model_validate_json(snapshot_bytes(state))


@given(changes=logs())
async def test_a_snapshot_holds_all_enabled_campaigns(changes: list[Change]) -> None:
    """It parses as a CampaignSnapshot of the enabled campaigns and all segments, by name.

    Parsed and written again it is the same.
    """
    state = await fold(EMPTY, changes)
    snapshot = snapshot_of(state)
    expected = [
        as_published(campaign, revision=revision)
        for campaign, revision in naive(changes).values()
        if campaign.enabled
    ]
    assert list(snapshot.campaigns) == sorted(expected, key=attrgetter("name"))
    segments = [
        PublishedSegment(**dict(segment), revision=revision)
        for segment, revision in naive_segments(changes).values()
    ]
    assert list(snapshot.segments) == sorted(segments, key=attrgetter("name"))
    assert snapshot.position == state.position
    assert snapshot.renewed_from == state.renewed_from
    again = snapshot.model_dump_json(by_alias=True)
    assert CampaignSnapshot.model_validate_json(again) == snapshot


@given(changes=logs(), data=st.data())
async def test_a_snapshot_of_a_revision_is_the_same_bytes(
    changes: list[Change], data: st.DataObject
) -> None:
    """However a replica came to a change, from the whole log or from any checkpoint."""
    cut = data.draw(st.integers(1, len(changes)))
    checkpointed = await from_checkpoint(to_checkpoint(await fold(EMPTY, changes[:cut])))
    by_checkpoint = await fold(checkpointed.state, changes[cut:])
    assert snapshot_bytes(by_checkpoint) == snapshot_bytes(await fold(EMPTY, changes))


async def test_an_ended_campaign_stays_until_a_change_removes_it() -> None:
    """No clock decides what a snapshot holds: an end date that has come takes nothing out."""
    state = await a_state(a_campaign("long ago", end=NOW - timedelta(days=900)))
    assert [campaign.name for campaign in snapshot_of(state).campaigns] == ["long ago"]
    archived = await fold(state, [a_change(2, deleted=["long ago"])])
    assert snapshot_of(archived).campaigns == ()


async def test_a_stored_campaign_can_be_sent_back() -> None:
    """Its own JSON is the campaign without nulls; in snapshots the revision is added to it."""
    campaign = Campaign.model_validate(golden("campaign"))
    stored = (await a_state(campaign)).campaigns[campaign.name]
    assert Campaign.model_validate_json(stored.plain_json) == campaign
    assert b"null" not in stored.plain_json
    assert orjson.loads(stored.json) == {**orjson.loads(stored.plain_json), "revision": 1}


def test_nothing_is_at_no_place_in_a_log() -> None:
    """What a log is folded into is before its first change."""
    assert not EMPTY.exists
    assert UUID(int=0) == EMPTY.head != a_head(0)


async def test_a_snapshot_without_segments_has_the_form_of_before() -> None:
    """Its keys are those that it had before there were segments."""
    document = orjson.loads(snapshot_bytes(await a_state(a_campaign())))
    assert [*document] == ["schema", "store_id", "renewed_from", "revision", "head", "campaigns"]


async def test_the_golden_snapshot_of_targeting_is_written() -> None:
    """Segments and campaigns are published in the bytes of the golden file, by name."""
    document = golden("snapshot_targeting")
    state = CampaignState(
        STORE_ID,
        (OTHER_STORE_ID,),
        document["revision"],
        UUID(document["head"]),
        {
            each["name"]: StoredCampaign.of(LoggedCampaign.model_validate(each), revision)
            for each in reversed(document["campaigns"])
            for revision in [each.pop("revision")]
        },
        {
            each["name"]: StoredSegment.of(LoggedSegment.model_validate(each), revision)
            for each in reversed(document["segments"])
            for revision in [each.pop("revision")]
        },
    )
    assert snapshot_bytes(state) == orjson.dumps(golden("snapshot_targeting"))
