"""Edits of campaigns: pure decisions on a state, each a change that a commit then makes.

Those of segments are in `segments.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from campaign_publisher.campaigns.parsing import patched
from campaign_publisher.campaigns.references import check_known
from campaign_publisher.log.change import Change, Operation
from campaign_publisher.log.state import CampaignState, Stored
from contracts.campaign import Campaign, LoggedCampaign
from contracts.segment import LoggedSegment
from contracts.wire import snapshot_etag
from foundation.errors import NotFound
from foundation.preconditions import Preconditions
from foundation.slices import in_slices


@dataclass(frozen=True)
class ProposedChange:
    """An operation on campaigns or segments, before it has a place in the log."""

    op: Operation
    put: tuple[LoggedCampaign, ...] = ()
    deleted: tuple[str, ...] = ()
    store_id: UUID | None = None
    renewed_from: UUID | None = None
    put_segments: tuple[LoggedSegment, ...] = ()
    deleted_segments: tuple[str, ...] = ()

    async def to_change(self, before: CampaignState, *, actor: str, now: datetime) -> Change:
        """Return the change that follows `before`; a new one at every call.

        Works in slices.
        """
        # Milliseconds are what every store and client of dates can hold.
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        updated = {"last_updated": at}
        put = [each.model_copy(update=updated) async for each in in_slices(self.put)]
        put_segments = [
            each.model_copy(update=updated) async for each in in_slices(self.put_segments)
        ]
        return Change(
            revision=before.revision + 1,
            id=uuid4(),
            previous=before.head if before.exists else None,
            at=at,
            actor=actor,
            op=self.op,
            put=tuple(put),
            deleted=self.deleted,
            store_id=self.store_id,
            renewed_from=self.renewed_from,
            put_segments=tuple(put_segments),
            deleted_segments=self.deleted_segments,
        )


def etag(state: CampaignState, stored: Stored) -> str:
    """Return the ETag of a campaign or a segment: the store, and the revision of its change."""
    return f'"{state.store_id}-{stored.revision}"'


async def put(
    state: CampaignState, campaign: Campaign, conditions: Preconditions
) -> ProposedChange | None:
    """Create or replace a campaign; None when that would change nothing.

    Raises:
        PreconditionFailed: a condition does not hold.
        Invalid: it refers to a segment that does not exist.
    """
    conditions.check(_etag_of(state, campaign.name))
    check_known(campaign.matchers, state.segments)
    return _replacing(state, LoggedCampaign.of(campaign), Operation.PUT)


async def patch(
    state: CampaignState, name: str, changes: Mapping[str, Any], conditions: Preconditions
) -> ProposedChange | None:
    """Apply a JSON merge patch (RFC 7396); None when that would change nothing.

    Raises:
        PreconditionFailed: a condition does not hold.
        NotFound: there is no campaign of that name.
        Invalid: the result is no campaign, or one of another name, or refers to a segment
            that does not exist.
    """
    conditions.check(_etag_of(state, name))
    stored = state.campaigns.get(name)
    if stored is None:
        raise not_found()
    campaign = patched(stored.campaign, changes)
    check_known(campaign.matchers, state.segments)
    return _replacing(state, campaign, Operation.PATCH)


async def delete(state: CampaignState, name: str, conditions: Preconditions) -> ProposedChange:
    """Remove a campaign.

    Raises:
        PreconditionFailed: a condition does not hold.
        NotFound: there is no campaign of that name.
    """
    conditions.check(_etag_of(state, name))
    if name not in state.campaigns:
        raise not_found()
    return ProposedChange(Operation.DELETE, deleted=(name,))


async def replace_all(
    state: CampaignState, campaigns: Mapping[str, Campaign], conditions: Preconditions
) -> ProposedChange | None:
    """Replace all campaigns with `campaigns`, given by name; None when they are the same.

    The conditions are about the ETag of the snapshot, which is compared weakly: it
    names the revision that all campaigns are as of. Works in slices.

    Raises:
        PreconditionFailed: a condition does not hold.
        Invalid: one refers to a segment that does not exist; it is named by its place.
    """
    conditions.check(snapshot_etag(state.position), strongly=False)
    async for index, campaign in in_slices(enumerate(campaigns.values())):
        check_known(campaign.matchers, state.segments, index)
    logged = (LoggedCampaign.of(campaign) for campaign in campaigns.values())
    changed = tuple([c async for c in in_slices(logged) if _changes(state, c)])
    deleted = tuple(name for name in state.campaigns if name not in campaigns)
    if not changed and not deleted:
        return None
    return ProposedChange(Operation.IMPORT, put=changed, deleted=deleted)


def not_found() -> NotFound:
    """Return the error for a name that no campaign has."""
    return NotFound("Campaign not found")


def _etag_of(state: CampaignState, name: str) -> str | None:
    stored = state.campaigns.get(name)
    return None if stored is None else etag(state, stored)


def _replacing(
    state: CampaignState, campaign: LoggedCampaign, op: Operation
) -> ProposedChange | None:
    return ProposedChange(op, put=(campaign,)) if _changes(state, campaign) else None


def _changes(state: CampaignState, campaign: LoggedCampaign) -> bool:
    """Return whether the campaign differs from the stored one in more than its last update."""
    stored = state.campaigns.get(campaign.name)
    if stored is None:
        return True
    updated = {"last_updated": stored.campaign.last_updated}
    return campaign.model_copy(update=updated) != stored.campaign


def renewal(store_id: UUID) -> ProposedChange:
    """Return the change that gives the log a new store id, which continues `store_id`."""
    return ProposedChange(Operation.RENEW, store_id=uuid4(), renewed_from=store_id)


def archiving(state: CampaignState, ended_before: datetime) -> ProposedChange | None:
    """Return the change that archives all campaigns that ended before an instant, if any did.

    An archived campaign is in no state, snapshot or checkpoint any more; the history keeps it.
    """
    ended = [
        name for name, stored in state.campaigns.items() if stored.campaign.has_ended(ended_before)
    ]
    return ProposedChange(Operation.ARCHIVE, deleted=tuple(sorted(ended))) if ended else None
