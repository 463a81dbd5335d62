"""Snapshots as the campaign service sends them, and the next ones after a change."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from benchmarks.workload import NOW
from contracts.campaign import Campaign
from contracts.segment import Segment
from contracts.snapshot import CampaignSnapshot, PublishedCampaign, PublishedSegment
from contracts.wire import SnapshotEvent

STORE_ID = UUID("5bb1d3a4-0f7e-4f0e-9d3f-2f4f5d8c1a60")
HEARTBEAT_SECONDS = 60.0


def first_snapshot(
    campaigns: Sequence[Campaign], segments: Sequence[Segment] = ()
) -> CampaignSnapshot:
    """Return the snapshot at revision 1, the same bytes in every process."""
    published = tuple(_published(campaign, 1) for campaign in campaigns)
    snapshot = _snapshot(published, revision=1, head=UUID(int=1))
    if not segments:
        return snapshot
    named = tuple(PublishedSegment(**dict(segment), revision=1) for segment in segments)
    return snapshot.model_copy(update={"segments": named})


def changed(snapshot: CampaignSnapshot) -> CampaignSnapshot:
    """Return the next snapshot: one campaign has changed, its matchers have not."""
    revision = snapshot.revision + 1
    place = revision % len(snapshot.campaigns)
    campaign = snapshot.campaigns[place]
    newer = _published(campaign.model_copy(update={"game": f"game {revision}"}), revision)
    campaigns = (*snapshot.campaigns[:place], newer, *snapshot.campaigns[place + 1 :])
    return _snapshot(campaigns, revision=revision, head=uuid4())


def headers_of(snapshot: CampaignSnapshot) -> dict[str, str]:
    """Return the headers that travel with a snapshot."""
    return SnapshotEvent(
        store_id=snapshot.store_id,
        revision=snapshot.revision,
        head=snapshot.head,
        log_age=0.0,
        heartbeat_interval=HEARTBEAT_SECONDS,
    ).to_headers()


def body_of(snapshot: CampaignSnapshot) -> bytes:
    """Write a snapshot as it is sent."""
    return snapshot.model_dump_json(by_alias=True, exclude_none=True).encode()


def _published(campaign: Campaign, revision: int) -> PublishedCampaign:
    fields = {name: getattr(campaign, name) for name in Campaign.model_fields}
    fields["last_updated"] = NOW + timedelta(seconds=revision)
    return PublishedCampaign.model_construct(**fields, revision=revision)


def _snapshot(
    campaigns: tuple[PublishedCampaign, ...], *, revision: int, head: UUID
) -> CampaignSnapshot:
    return CampaignSnapshot.model_construct(
        schema_=1,
        store_id=STORE_ID,
        renewed_from=(),
        revision=revision,
        head=head,
        campaigns=campaigns,
    )
