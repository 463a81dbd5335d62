"""CampaignState: campaigns and segments as of one change, folded from the changes up to it."""

from collections.abc import AsyncIterable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from campaign_publisher.log.change import Change
from contracts.campaign import LoggedCampaign
from contracts.segment import LoggedSegment
from contracts.snapshot import MAX_RENEWALS, LogPosition
from foundation.slices import in_slices


class BrokenLog(ValueError):
    """The changes do not form a chain, or the first one creates no store."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The revision of the last change of something, and its JSON in snapshots.

    The JSON is made once, when it changes: a snapshot only joins it.
    """

    revision: int
    json: bytes

    @property
    def plain_json(self) -> bytes:
        """Its own JSON, which can be sent back in a PUT."""
        return self.json[: -len(_tail(self.revision))] + b"}"


@dataclass(frozen=True, slots=True)
class StoredCampaign(Stored):
    """A campaign as of a revision; the JSON is a PublishedCampaign's."""

    campaign: LoggedCampaign

    @classmethod
    def of(cls, campaign: LoggedCampaign, revision: int) -> Self:
        """Return the campaign as last changed at `revision`."""
        return cls(revision, _published(campaign, revision), campaign)


@dataclass(frozen=True, slots=True)
class StoredSegment(Stored):
    """A segment as of a revision; the JSON is a PublishedSegment's."""

    segment: LoggedSegment

    @classmethod
    def of(cls, segment: LoggedSegment, revision: int) -> Self:
        """Return the segment as last changed at `revision`."""
        return cls(revision, _published(segment, revision), segment)


def _published(thing: LoggedCampaign | LoggedSegment, revision: int) -> bytes:
    return thing.model_dump_json(exclude_none=True).encode()[:-1] + _tail(revision)


def _tail(revision: int) -> bytes:
    return b',"revision":%d}' % revision


@dataclass(frozen=True, slots=True)
class CampaignState:
    """All campaigns and segments by name, and the position in the log that this is the state of.

    `renewed_from` are the stores that the log continues, newest first.
    """

    store_id: UUID
    renewed_from: tuple[UUID, ...]
    revision: int
    head: UUID
    campaigns: Mapping[str, StoredCampaign]
    segments: Mapping[str, StoredSegment]

    @property
    def position(self) -> LogPosition:
        """The place in the log."""
        return LogPosition(store_id=self.store_id, revision=self.revision, head=self.head)

    @property
    def exists(self) -> bool:
        """Whether there is a log that this is the state of."""
        return self.revision >= 0


# The state before the first change of a log.
EMPTY = CampaignState(
    store_id=UUID(int=0), renewed_from=(), revision=-1, head=UUID(int=0), campaigns={}, segments={}
)


async def fold(
    state: CampaignState,
    changes: Iterable[Change] | AsyncIterable[Change],
    *,
    strict_after: int = -1,
) -> CampaignState:
    """Return the state after `changes`; `state` itself stays as it is.

    Works in slices: other tasks run meanwhile. Holds one change at a time. Up to the revision
    `strict_after` the changes need not form a chain: a renewal takes the log as it is.

    Raises:
        BrokenLog: a revision is missing, a change does not follow the one before it, or the
            first change of a log names no store.
    """
    campaigns: dict[str, StoredCampaign] | None = None
    segments: dict[str, StoredSegment] = {}
    async with aclosing(in_slices(changes)) as slices:
        async for change in slices:
            if campaigns is None:
                campaigns, segments = dict(state.campaigns), dict(state.segments)
            if change.revision > strict_after:
                _check_chain(state, change)
            state = _moved(state, change, campaigns, segments)
            for name in change.deleted:
                campaigns.pop(name, None)
            async for campaign in in_slices(change.put):
                campaigns[campaign.name] = StoredCampaign.of(campaign, change.revision)
            for name in change.deleted_segments:
                segments.pop(name, None)
            async for segment in in_slices(change.put_segments):
                segments[segment.name] = StoredSegment.of(segment, change.revision)
    return state


def _check_chain(state: CampaignState, change: Change) -> None:
    if change.revision != state.revision + 1:
        raise BrokenLog(f"revision {state.revision + 1} is missing")
    # The chain of ids shows what revisions alone cannot: two histories that were mixed.
    if state.exists and change.previous != state.head:
        raise BrokenLog(f"revision {change.revision} does not follow the change before it")
    if not state.exists and change.store_id is None:
        raise BrokenLog("the first change of the log names no store")


def _moved(
    state: CampaignState,
    change: Change,
    campaigns: Mapping[str, StoredCampaign],
    segments: Mapping[str, StoredSegment],
) -> CampaignState:
    store_id, renewed_from = state.store_id, state.renewed_from
    if change.store_id is not None:
        store_id = change.store_id
    if change.renewed_from is not None:
        renewed_from = (change.renewed_from, *renewed_from)[:MAX_RENEWALS]
    return CampaignState(store_id, renewed_from, change.revision, change.id, campaigns, segments)
