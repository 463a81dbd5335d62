"""What each write asks for, judged on a state: pure decisions that a commit then makes true."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import orjson

from campaign_publisher.changes import Operation
from campaign_publisher.preconditions import Preconditions
from campaign_publisher.state import CampaignState, StoredCampaign
from contracts.campaign import Campaign
from contracts.wire import snapshot_etag
from foundation.errors import Invalid, NotFound
from foundation.slices import in_slices
from foundation.validation import parse_as

MAX_PATCH_DEPTH = 16


@dataclass(frozen=True)
class Draft:
    """A change that is wanted, before it has an id and a revision."""

    op: Operation
    put: tuple[Campaign, ...] = ()
    deleted: tuple[str, ...] = ()
    store_id: UUID | None = None
    renewed_from: UUID | None = None


def etag(state: CampaignState, stored: StoredCampaign) -> str:
    """Give the ETag of a campaign: the store, and the revision of its last change."""
    return f'"{state.store_id}-{stored.revision}"'


def put(state: CampaignState, campaign: Campaign, conditions: Preconditions) -> Draft | None:
    """Create or replace a campaign; None when that would change nothing.

    Raises:
        PreconditionFailed: a condition does not hold.
    """
    conditions.check(_etag_of(state, campaign.name))
    return _replacing(state, campaign, Operation.PUT)


def patch(
    state: CampaignState, name: str, changes: Mapping[str, Any], conditions: Preconditions
) -> Draft | None:
    """Apply a JSON merge patch (RFC 7396); None when that would change nothing.

    Raises:
        PreconditionFailed: a condition does not hold.
        NotFound: there is no campaign of that name.
        Invalid: the result is no campaign, or one of another name.
    """
    conditions.check(_etag_of(state, name))
    stored = state.campaigns.get(name)
    if stored is None:
        raise not_found(name)
    document = orjson.loads(stored.campaign.model_dump_json(exclude_none=True))
    campaign = parse_campaign(merged(document, changes), name)
    return _replacing(state, campaign, Operation.PATCH)


def delete(state: CampaignState, name: str, conditions: Preconditions) -> Draft:
    """Remove a campaign.

    Raises:
        PreconditionFailed: a condition does not hold.
        NotFound: there is no campaign of that name.
    """
    conditions.check(_etag_of(state, name))
    if name not in state.campaigns:
        raise not_found(name)
    return Draft(Operation.DELETE, deleted=(name,))


def replace_all(
    state: CampaignState, campaigns: Mapping[str, Campaign], conditions: Preconditions
) -> Draft | None:
    """Make `campaigns`, by their names, the only ones; None when they already are.

    The conditions are about the ETag of the snapshot, which is compared weakly: it
    names the revision that all campaigns are as of.

    Raises:
        PreconditionFailed: a condition does not hold.
    """
    conditions.check(snapshot_etag(state.position), strongly=False)
    changed = tuple(c for c in campaigns.values() if _changes(state, c))
    deleted = tuple(name for name in state.campaigns if name not in campaigns)
    if not changed and not deleted:
        return None
    return Draft(Operation.IMPORT, put=changed, deleted=deleted)


def renewal(store_id: UUID) -> Draft:
    """Give the log a new store id, which continues `store_id`."""
    return Draft(Operation.RENEW, store_id=uuid4(), renewed_from=store_id)


def parse_campaign(value: object, name: str | None = None, *loc: str | int) -> Campaign:
    """Validate a campaign as it was sent; a `last_updated` is ignored, the service sets it.

    With `name`, the campaign's name must be that one.

    Raises:
        Invalid: naming each field that is wrong.
    """
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if key != "last_updated"}
    campaign = parse_as(Campaign, value, *loc)
    if name is not None and campaign.name != name:
        raise Invalid.at(*loc, "name", msg="must be the name in the path; names do not change")
    return campaign


async def parse_campaigns(values: object) -> dict[str, Campaign]:
    """Validate a list of campaigns, in slices, and give them by their names.

    Raises:
        Invalid: naming the first that is wrong, by its index, and each of its fields
            that is, or the first that has the name of an earlier one.
    """
    if not isinstance(values, list):
        raise Invalid.at(msg="must be a JSON array of campaigns")
    campaigns: dict[str, Campaign] = {}
    async for index, value in in_slices(enumerate(values)):
        campaign = parse_campaign(value, None, index)
        if campaign.name in campaigns:
            raise Invalid.at(index, "name", msg="is the name of an earlier campaign in the list")
        campaigns[campaign.name] = campaign
    return campaigns


def merged(target: Any, changes: Any, depth: int = 0) -> Any:
    """Apply a JSON merge patch to a JSON value, after RFC 7396.

    Raises:
        Invalid: the patch is nested deeper than any campaign.
    """
    if not isinstance(changes, Mapping):
        return changes
    if depth > MAX_PATCH_DEPTH:
        raise Invalid.at(msg="is nested too deeply")
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value, depth + 1)
    return result


def not_found(name: str) -> NotFound:
    """Give the error for a name that no campaign has."""
    return NotFound(f"there is no campaign named {name!r}")


def _etag_of(state: CampaignState, name: str) -> str | None:
    stored = state.campaigns.get(name)
    return None if stored is None else etag(state, stored)


def _replacing(state: CampaignState, campaign: Campaign, op: Operation) -> Draft | None:
    return Draft(op, put=(campaign,)) if _changes(state, campaign) else None


def _changes(state: CampaignState, campaign: Campaign) -> bool:
    """Tell whether the campaign differs from the stored one in more than its last update."""
    stored = state.campaigns.get(campaign.name)
    if stored is None:
        return True
    updated = {"last_updated": stored.campaign.last_updated}
    return campaign.model_copy(update=updated) != stored.campaign
