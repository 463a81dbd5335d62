"""Reading a snapshot's bytes without keeping requests waiting."""

from typing import Any

import orjson
from pydantic import ValidationError

from contracts.instants import format_instant
from contracts.snapshot import PublishedCampaign, SnapshotHeader
from foundation.slices import in_slices
from profile_service.matching.compiled import CompiledCampaigns

# Over what a publisher may send, as its limit leaves out the header.
MAX_BYTES = 16 * 1024 * 1024


class UnreadableSnapshot(Exception):
    """The bytes are no snapshot that can be served; the message says why, without them."""


async def read_snapshot(
    body: bytes, held: CompiledCampaigns | None
) -> tuple[SnapshotHeader, CompiledCampaigns]:
    """Parse, validate and compile a snapshot.

    A campaign whose name, revision and last_updated are held is taken from there, so
    that a change of one among many costs that one. One campaign that is invalid makes
    the whole unreadable: half a snapshot is not served.

    Raises:
        UnreadableSnapshot: it is too long, no JSON, of another schema, or has invalid content.
    """
    if len(body) > MAX_BYTES:
        raise UnreadableSnapshot(f"over {MAX_BYTES} bytes")
    try:
        document = orjson.loads(body)
        campaigns = document.pop("campaigns")
        header = SnapshotHeader.model_validate(document)
    except ValidationError as error:
        raise UnreadableSnapshot(_reason(error)) from None
    except (ValueError, AttributeError, KeyError, TypeError):
        raise UnreadableSnapshot("no JSON object with campaigns") from None
    if not isinstance(campaigns, list):
        raise UnreadableSnapshot("campaigns: must be a list")
    read = [_read_campaign(each, held) async for each in in_slices(campaigns)]
    if len({campaign.name for campaign in read}) != len(read):
        raise UnreadableSnapshot("campaigns: two have the same name")
    return header, CompiledCampaigns(read)


def _read_campaign(document: Any, held: CompiledCampaigns | None) -> PublishedCampaign:
    if held is not None and isinstance(document, dict):
        known = held.get(str(document.get("name")))
        if known is not None and _is(known, document):
            return known
    try:
        return PublishedCampaign.model_validate(document)
    except ValidationError as error:
        raise UnreadableSnapshot(_reason(error, "campaigns")) from None


def _is(known: PublishedCampaign, document: dict[str, Any]) -> bool:
    """Tell whether the document is the known campaign.

    Revisions alone are not enough: a log restored from a backup counts them again.
    """
    written = known.last_updated and format_instant(known.last_updated)
    return document.get("revision") == known.revision and document.get("last_updated") == written


def _reason(error: ValidationError, *loc: str) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(step)[:64] for step in (*loc, *first["loc"]))
    return f"{where}: {first['msg']}"[:512]
