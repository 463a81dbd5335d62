"""A change as a document of JSON values, as logs keep it: dates are RFC 3339 text.

A database's own dates may hold less than a campaign's: BSON's end at the millisecond.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from campaign_publisher.log.change import Change
from contracts.campaign import LoggedCampaign
from contracts.segment import LoggedSegment
from foundation.slices import in_slices

Model = TypeVar("Model", LoggedCampaign, LoggedSegment)


async def to_document(change: Change) -> dict[str, Any]:
    """Return the change as JSON values, without what is null."""
    named = {"put": change.put, "put_segments": change.put_segments}
    document = change.model_dump(mode="json", exclude={*named}, exclude_none=True)
    for key, stored in named.items():
        if stored or key == "put":
            document[key] = [
                each.model_dump(mode="json", exclude_none=True) async for each in in_slices(stored)
            ]
    return document


async def from_document(document: Mapping[str, Any]) -> Change:
    """Return the change of a document that `to_document` made.

    Raises:
        ValueError: the document is no change that this version can read.
    """
    read = {
        "put": await _read(LoggedCampaign, document, "put"),
        "put_segments": await _read(LoggedSegment, document, "put_segments"),
    }
    return Change.model_validate({**document, **read})


async def _read(model: type[Model], document: Mapping[str, Any], key: str) -> tuple[Model, ...]:
    stored = document.get(key, [])
    if not isinstance(stored, list):
        raise ValueError(f"{key} is no list")  # noqa: TRY004 - like all that can be wrong with it
    return tuple([model.model_validate(each) async for each in in_slices(stored)])
