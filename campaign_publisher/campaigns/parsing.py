"""Campaigns, segments and merge patches as operators send them: validated, or refused by field."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson

from campaign_publisher.campaigns.limits import MAX_CAMPAIGN_BYTES, MAX_SEGMENTS
from contracts.campaign import Campaign, LoggedCampaign
from contracts.matchers import UnknownMatchers
from contracts.segment import Segment
from foundation.errors import Invalid, TooLarge
from foundation.slices import in_slices
from foundation.validation import parse_as

MAX_PATCH_DEPTH = 16

Named = TypeVar("Named", Campaign, Segment)


def parse_campaign(value: object, name: str | None = None, *loc: str | int) -> Campaign:
    """Return a campaign as it was sent, validated; `last_updated` is ignored: the service sets it.

    With `name`, the campaign's name must be that one.

    Raises:
        Invalid: naming each field that is wrong.
    """
    campaign = parse_as(Campaign, _without_last_updated(value), *loc)
    _check_name(campaign.name, name, *loc)
    return campaign


def parse_segment(value: object, name: str | None = None, *loc: str | int) -> Segment:
    """Return a segment as it was sent, validated; `last_updated` is ignored: the service sets it.

    With `name`, the segment's name is that one, and need not stand in the value.

    Raises:
        Invalid: naming each field that is wrong.
    """
    value = _without_last_updated(value)
    if isinstance(value, dict) and name is not None:
        value = {"name": name, **value}
    segment = parse_as(Segment, value, *loc)
    _check_name(segment.name, name, *loc)
    return segment


def _without_last_updated(value: object) -> object:
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if key != "last_updated"}
    return value


def _check_name(name: str, expected: str | None, *loc: str | int) -> None:
    if expected is not None and name != expected:
        raise Invalid.at(*loc, "name", msg="must be the name in the path; names do not change")


async def parse_campaigns(values: object) -> dict[str, Campaign]:
    """Return the campaigns of a list by their names, validated in slices.

    Raises:
        Invalid: naming the first that is wrong, by its index, and each of its fields
            that is, or the first that has the name of an earlier one or is nested too deeply.
        TooLarge: one is over 1 MiB.
    """
    return await _parse_list(values, "campaign", parse_campaign)


async def parse_segments(values: object) -> dict[str, Segment]:
    """Return the segments of a list by their names, validated in slices.

    Raises:
        Invalid: as `parse_campaigns`.
        TooLarge: one is over 1 MiB, or they are over 1,000.
    """
    if isinstance(values, list) and len(values) > MAX_SEGMENTS:
        raise TooLarge(f"there must not be more than {MAX_SEGMENTS:,} segments")
    return await _parse_list(values, "segment", parse_segment)


async def _parse_list(
    values: object, what: str, parse: Callable[[object, None, int], Named]
) -> dict[str, Named]:
    if not isinstance(values, list):
        raise Invalid.at(msg=f"must be a JSON array of {what}s")
    parsed: dict[str, Named] = {}
    async for index, value in in_slices(enumerate(values)):
        # Before it is validated: to find all problems of one of 16 MiB takes seconds.
        if written_size(value, index) > MAX_CAMPAIGN_BYTES:
            raise TooLarge(f"{what} {index} must not be over {MAX_CAMPAIGN_BYTES} bytes")
        named = parse(value, None, index)
        if named.name in parsed:
            raise Invalid.at(index, "name", msg=f"is the name of an earlier {what} in the list")
        parsed[named.name] = named
    return parsed


def written_size(value: object, *loc: str | int) -> int:
    """Return how many bytes of JSON a value takes.

    Raises:
        Invalid: it is nested too deeply to be written.
    """
    try:
        return len(orjson.dumps(value))
    except orjson.JSONEncodeError:  # it may be read deeper than that
        raise Invalid.at(*loc, msg="is nested too deeply") from None


def patched(stored: LoggedCampaign, changes: Mapping[str, Any]) -> LoggedCampaign:
    """Return the stored campaign after a JSON merge patch (RFC 7396).

    Keys of a later version that the patch does not name are kept, and so are matchers that
    this version cannot read; a patch that names what this version does not know is refused.

    Raises:
        Invalid: the result is no campaign, or one of another name.
    """
    document = orjson.loads(stored.model_dump_json(exclude_none=True))
    kept = {key: document.pop(key) for key in stored.unknown if key not in changes}
    # A null removes an unknown key; any other value for one is refused by the validation.
    removed = {key for key in stored.unknown if changes.get(key, ...) is None}
    matchers = stored.matchers
    keeps_matchers = isinstance(matchers, UnknownMatchers) and "matchers" not in changes
    if keeps_matchers:
        document.pop("matchers", None)
    for key in removed:
        document.pop(key)
    known = {key: value for key, value in changes.items() if key not in removed}
    campaign = LoggedCampaign.of(parse_campaign(merged(document, known), stored.name))
    if keeps_matchers:
        campaign = campaign.model_copy(update={"matchers": matchers})
    return campaign.model_copy(update=kept) if kept else campaign


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
