"""Campaigns as operators send them: checked, or refused with what is wrong."""

from collections.abc import Mapping
from typing import Any

import orjson

from campaign_publisher.campaigns.limits import MAX_CAMPAIGN_BYTES
from contracts.campaign import Campaign
from foundation.errors import Invalid, TooLarge
from foundation.slices import in_slices
from foundation.validation import parse_as

MAX_PATCH_DEPTH = 16


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
        TooLarge: one is over 1 MiB.
    """
    if not isinstance(values, list):
        raise Invalid.at(msg="must be a JSON array of campaigns")
    campaigns: dict[str, Campaign] = {}
    async for index, value in in_slices(enumerate(values)):
        # Before it is validated: what is wrong with one of 16 MiB takes seconds to tell.
        if len(orjson.dumps(value)) > MAX_CAMPAIGN_BYTES:
            raise TooLarge(f"campaign {index} must not be over {MAX_CAMPAIGN_BYTES} bytes")
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
