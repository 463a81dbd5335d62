"""Size limits of campaigns and snapshots."""

from campaign_publisher.log.change import Change
from campaign_publisher.log.snapshot_json import snapshot_bytes
from campaign_publisher.log.state import CampaignState
from contracts.wire import MAX_SNAPSHOT_BYTES
from foundation.errors import TooLarge

MAX_CAMPAIGN_BYTES = 1024 * 1024
MAX_IMPORT_BYTES = 16 * 1024 * 1024


def check_sizes(after: CampaignState, change: Change) -> None:
    """Refuse a change if a campaign or the snapshot in `after`, the state it makes, is too large.

    A campaign can pass its limit although no body did: as one of an import, or patched.

    Raises:
        TooLarge: a campaign of the change, or a snapshot with it; the message says which.
    """
    for campaign in change.put:
        if len(after.campaigns[campaign.name].plain_json) > MAX_CAMPAIGN_BYTES:
            raise TooLarge(
                f"campaign {campaign.name!r} must not be over {MAX_CAMPAIGN_BYTES} bytes"
            )
    if change.put and not _is_small(after) and len(snapshot_bytes(after)) > MAX_SNAPSHOT_BYTES:
        raise TooLarge(
            f"a snapshot of all campaigns must not be over {MAX_SNAPSHOT_BYTES} bytes; "
            "ended campaigns count until they are archived"
        )


def _is_small(state: CampaignState) -> bool:
    """Return whether the snapshot is certainly small, at a tenth of the cost of measuring it."""
    return sum(len(stored.json) for stored in state.campaigns.values()) < MAX_SNAPSHOT_BYTES // 2
