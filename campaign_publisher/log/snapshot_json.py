"""A campaign state as the JSON of a CampaignSnapshot."""

from campaign_publisher.log.state import CampaignState
from contracts.snapshot import SCHEMA, SnapshotHeader


def snapshot_bytes(state: CampaignState) -> bytes:
    """Return the JSON of the CampaignSnapshot of `state`.

    The same bytes for the same change of the log, in every replica and at every time: no
    clock is read, and segments and campaigns are sorted by name, as the order in which a state
    was folded or read from a checkpoint differs between replicas. Without segments their key is
    left out.
    """
    header = SnapshotHeader.model_validate(
        {"schema": SCHEMA, **dict(state.position), "renewed_from": state.renewed_from}
    )
    opening = header.model_dump_json(by_alias=True).encode()[:-1]
    if state.segments:
        segments = (stored.json for _, stored in sorted(state.segments.items()))
        opening += b',"segments":[%b]' % b",".join(segments)
    # Last: a profile service reads them apart.
    campaigns = (
        stored.json for _, stored in sorted(state.campaigns.items()) if stored.campaign.enabled
    )
    return b'%b,"campaigns":[%b]}' % (opening, b",".join(campaigns))
