"""The campaigns as of one change of the log: what the changes up to it add up to."""

from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from campaign_publisher.log.change import Change
from contracts.campaign import Campaign
from contracts.snapshot import LogPosition
from foundation.slices import in_slices


class BrokenLog(ValueError):
    """The changes do not follow each other, or the first one founds no store."""


@dataclass(frozen=True, slots=True)
class StoredCampaign:
    """A campaign, the revision of its last change, and its JSON in snapshots.

    The JSON is made once, when the campaign changes: a snapshot only joins it.
    """

    campaign: Campaign
    revision: int
    json: bytes

    @classmethod
    def of(cls, campaign: Campaign, revision: int) -> Self:
        """Give the campaign as last changed at `revision`; the JSON is a PublishedCampaign's."""
        plain = campaign.model_dump_json(exclude_none=True).encode()
        return cls(campaign, revision, plain[:-1] + _tail(revision))

    @property
    def plain_json(self) -> bytes:
        """The campaign's own JSON, which can be sent back in a PUT."""
        return self.json[: -len(_tail(self.revision))] + b"}"


def _tail(revision: int) -> bytes:
    return b',"revision":%d}' % revision


@dataclass(frozen=True, slots=True)
class CampaignState:
    """Every campaign by its name, and where in which log this is."""

    store_id: UUID
    renewed_from: UUID | None
    revision: int
    head: UUID
    campaigns: Mapping[str, StoredCampaign]

    @property
    def position(self) -> LogPosition:
        """The place in the log."""
        return LogPosition(store_id=self.store_id, revision=self.revision, head=self.head)

    @property
    def exists(self) -> bool:
        """Whether there is a log that this is the state of."""
        return self.revision >= 0


# What the changes of a log are folded into: no campaign, before the change that founds a store.
EMPTY = CampaignState(
    store_id=UUID(int=0), renewed_from=None, revision=-1, head=UUID(int=0), campaigns={}
)


async def fold(
    state: CampaignState, changes: Iterable[Change] | AsyncIterable[Change]
) -> CampaignState:
    """Give the state after `changes`; the one that is given stays as it is.

    Works in slices: other tasks run meanwhile. Holds one change at a time.

    Raises:
        BrokenLog: a revision is missing, or the first change of a log names no store.
    """
    campaigns: dict[str, StoredCampaign] | None = None
    async for change in in_slices(changes):
        if campaigns is None:
            campaigns = dict(state.campaigns)
        state = _moved(state, change, campaigns)
        for name in change.deleted:
            campaigns.pop(name, None)
        async for campaign in in_slices(change.put):
            campaigns[campaign.name] = StoredCampaign.of(campaign, change.revision)
    return state


def _moved(
    state: CampaignState, change: Change, campaigns: Mapping[str, StoredCampaign]
) -> CampaignState:
    if change.revision != state.revision + 1:
        raise BrokenLog(f"revision {change.revision} does not follow {state.revision}")
    if change.store_id is not None:
        store_id, renewed_from = change.store_id, change.renewed_from
    elif state.exists:
        store_id, renewed_from = state.store_id, state.renewed_from
    else:
        raise BrokenLog("the first change of the log names no store")
    return CampaignState(store_id, renewed_from, change.revision, change.id, campaigns)
