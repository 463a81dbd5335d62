"""Edits of segments: pure decisions on a state, as those of campaigns are.

Each leaves a state in which every reference names a segment, and none leads back to itself.
"""

from collections.abc import Mapping

from campaign_publisher.campaigns.edits import ProposedChange, etag
from campaign_publisher.campaigns.references import check_known, check_nesting, check_unused
from campaign_publisher.log.change import Operation
from campaign_publisher.log.state import CampaignState
from contracts.segment import LoggedSegment, Segment
from contracts.wire import snapshot_etag
from foundation.errors import NotFound
from foundation.preconditions import Preconditions
from foundation.slices import in_slices


async def put(
    state: CampaignState, segment: Segment, conditions: Preconditions
) -> ProposedChange | None:
    """Create or replace a segment; None when that would change nothing. Works in slices.

    Raises:
        PreconditionFailed: a condition does not hold.
        Invalid: it refers to a segment that does not exist, or back to itself, or segments are
            nested too deep with it.
    """
    conditions.check(_etag_of(state, segment.name))
    stored = {name: each.segment for name, each in state.segments.items()}
    after = {**stored, segment.name: segment}
    check_known(segment.matchers, after)
    await check_nesting(after, {segment.name: ()})
    logged = LoggedSegment.of(segment)
    if not _changes(state, logged):
        return None
    return ProposedChange(Operation.PUT_SEGMENT, put_segments=(logged,))


async def delete(state: CampaignState, name: str, conditions: Preconditions) -> ProposedChange:
    """Remove a segment. Works in slices.

    Raises:
        PreconditionFailed: a condition does not hold.
        NotFound: there is no segment of that name.
        Conflict: a campaign or another segment refers to it; it is named.
    """
    conditions.check(_etag_of(state, name))
    if name not in state.segments:
        raise not_found()
    await check_unused({name}, state.campaigns.values(), state.segments.values())
    return ProposedChange(Operation.DELETE_SEGMENT, deleted_segments=(name,))


async def replace_all(
    state: CampaignState, segments: Mapping[str, Segment], conditions: Preconditions
) -> ProposedChange | None:
    """Replace all segments with `segments`, given by name; None when they are the same.

    The conditions are about the ETag of the snapshot, as in an import of campaigns. Works in
    slices.

    Raises:
        PreconditionFailed: a condition does not hold.
        Invalid: as `put`; the segment is named by its place.
        Conflict: a campaign refers to one that would be removed; it is named.
    """
    conditions.check(snapshot_etag(state.position), strongly=False)
    async for index, segment in in_slices(enumerate(segments.values())):
        check_known(segment.matchers, segments, index)
    places = {name: (index,) for index, name in enumerate(segments)}
    await check_nesting(segments, places)
    deleted = tuple(name for name in state.segments if name not in segments)
    await check_unused({*deleted}, state.campaigns.values())
    logged = (LoggedSegment.of(segment) for segment in segments.values())
    changed = tuple([each async for each in in_slices(logged) if _changes(state, each)])
    if not changed and not deleted:
        return None
    return ProposedChange(Operation.IMPORT_SEGMENTS, put_segments=changed, deleted_segments=deleted)


def not_found() -> NotFound:
    """Return the error for a name that no segment has."""
    return NotFound("Segment not found")


def _etag_of(state: CampaignState, name: str) -> str | None:
    stored = state.segments.get(name)
    return None if stored is None else etag(state, stored)


def _changes(state: CampaignState, segment: LoggedSegment) -> bool:
    """Return whether the segment differs from the stored one in more than its last update."""
    stored = state.segments.get(segment.name)
    if stored is None:
        return True
    updated = {"last_updated": stored.segment.last_updated}
    return segment.model_copy(update=updated) != stored.segment
