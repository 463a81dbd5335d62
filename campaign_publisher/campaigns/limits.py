"""Size limits of campaigns, segments and snapshots."""

from itertools import chain

from campaign_publisher.log.change import Change
from campaign_publisher.log.snapshot_json import snapshot_bytes
from campaign_publisher.log.state import CampaignState, Stored
from contracts.wire import MAX_SNAPSHOT_BYTES
from foundation.errors import TooLarge

MAX_CAMPAIGN_BYTES = 1024 * 1024  # of a segment, too
MAX_SEGMENTS = 1_000
MAX_IMPORT_BYTES = 16 * 1024 * 1024


def check_sizes(after: CampaignState, change: Change) -> None:
    """Refuse a change if something in `after`, the state that it makes, is too large.

    A campaign can pass its limit although no body did: as one of an import, or patched.

    Raises:
        TooLarge: a campaign or a segment of the change, the number of segments, or a snapshot
            with it; the message says which.
    """
    stored: dict[str, Stored] = {
        **{f"campaign {each.name!r}": after.campaigns[each.name] for each in change.put},
        **{f"segment {each.name!r}": after.segments[each.name] for each in change.put_segments},
    }
    for what, each in stored.items():
        if len(each.plain_json) > MAX_CAMPAIGN_BYTES:
            raise TooLarge(f"{what} must not be over {MAX_CAMPAIGN_BYTES} bytes")
    if change.put_segments and len(after.segments) > MAX_SEGMENTS:
        raise TooLarge(f"there must not be more than {MAX_SEGMENTS:,} segments")
    if stored and not _is_small(after) and len(snapshot_bytes(after)) > MAX_SNAPSHOT_BYTES:
        raise TooLarge(
            f"a snapshot of all campaigns and segments must not be over {MAX_SNAPSHOT_BYTES} "
            "bytes; ended campaigns count until they are archived"
        )


def _is_small(state: CampaignState) -> bool:
    """Return whether the snapshot is certainly small, at a tenth of the cost of measuring it."""
    stored = chain(state.campaigns.values(), state.segments.values())
    return sum(len(each.json) for each in stored) < MAX_SNAPSHOT_BYTES // 2
