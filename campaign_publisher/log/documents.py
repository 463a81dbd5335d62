"""A change as a document of JSON values, as logs keep it: dates are RFC 3339 text.

A database's own dates may hold less than a campaign's: BSON's end at the millisecond.
"""

from collections.abc import Mapping
from typing import Any

from campaign_publisher.log.change import Change
from contracts.campaign import LoggedCampaign
from foundation.slices import in_slices


async def to_document(change: Change) -> dict[str, Any]:
    """Return the change as JSON values, without what is null."""
    document = change.model_dump(mode="json", exclude={"put"}, exclude_none=True)
    document["put"] = [
        campaign.model_dump(mode="json", exclude_none=True)
        async for campaign in in_slices(change.put)
    ]
    return document


async def from_document(document: Mapping[str, Any]) -> Change:
    """Return the change of a document that `to_document` made.

    Raises:
        ValueError: the document is no change that this version can read.
    """
    stored = document.get("put", [])
    if not isinstance(stored, list):
        raise ValueError("put is no list")  # noqa: TRY004 - like all that can be wrong with it
    put = [LoggedCampaign.model_validate(campaign) async for campaign in in_slices(stored)]
    return Change.model_validate({**document, "put": tuple(put)})
