"""Draft: a change that is wanted, before it is one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from campaign_publisher.changes import Change, Operation
from campaign_publisher.state import CampaignState
from contracts.campaign import Campaign
from foundation.slices import in_slices


@dataclass(frozen=True)
class Draft:
    """What an operator did to which campaigns, without a place in the log."""

    op: Operation
    put: tuple[Campaign, ...] = ()
    deleted: tuple[str, ...] = ()
    store_id: UUID | None = None
    renewed_from: UUID | None = None

    async def to_change(self, before: CampaignState, *, actor: str, now: datetime) -> Change:
        """Give the change that follows `before`; it is a new one at every call.

        Works in slices.
        """
        # Milliseconds are what every store and client of dates can hold.
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        put = [
            campaign.model_copy(update={"last_updated": at})
            async for campaign in in_slices(self.put)
        ]
        return Change(
            revision=before.revision + 1,
            id=uuid4(),
            at=at,
            actor=actor,
            op=self.op,
            put=tuple(put),
            deleted=self.deleted,
            store_id=self.store_id,
            renewed_from=self.renewed_from,
        )


def renewal(store_id: UUID) -> Draft:
    """Give the log a new store id, which continues `store_id`."""
    return Draft(Operation.RENEW, store_id=uuid4(), renewed_from=store_id)
