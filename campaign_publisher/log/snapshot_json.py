"""A campaign state as the JSON of a CampaignSnapshot."""

from collections.abc import Iterator
from datetime import datetime

from campaign_publisher.log.state import CampaignState
from contracts.snapshot import SCHEMA, SnapshotHeader, SnapshotReason


def snapshot_bytes(
    state: CampaignState, *, now: datetime, log_age: float, reason: SnapshotReason
) -> bytes:
    """Give the JSON of the CampaignSnapshot of `state`, published at `now`."""
    header = SnapshotHeader.model_validate(
        {
            "schema": SCHEMA,
            **dict(state.position),
            "renewed_from": state.renewed_from,
            "published_at": now,
            "log_age": log_age,
            "reason": reason,
        }
    )
    opening = header.model_dump_json(by_alias=True).encode()[:-1]
    return b'%b,"campaigns":[%b]}' % (opening, b",".join(_published(state, now)))


def snapshot_size(state: CampaignState, now: datetime) -> int:
    """Give the bytes of a snapshot published at `now`."""
    return len(snapshot_bytes(state, now=now, log_age=0.0, reason=SnapshotReason.STARTUP))


def _published(state: CampaignState, now: datetime) -> Iterator[bytes]:
    for stored in state.campaigns.values():
        if stored.campaign.enabled and not stored.campaign.has_ended(now):
            yield stored.json
