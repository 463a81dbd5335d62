"""Reading a snapshot's bytes without keeping requests waiting."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from contracts.snapshot import PublishedCampaign, PublishedSegment, SnapshotHeader
from foundation.slices import Steps, sliced
from profile_service.matching.compiled import CompiledCampaigns
from profile_service.matching.rules import Rule, rule_of

# Over what a publisher may send, as its limit leaves out the header.
MAX_BYTES = 16 * 1024 * 1024

# As the campaign service writes them: the campaigns come last, each with "game" first. In
# JSON none of these texts can stand inside a string, where its quotes would be escaped. Where
# one stands elsewhere, in a payload or a segment, the first piece that it cuts is no JSON.
_OPENING = b'"campaigns":['
_CLOSING = b"]}"
_FIRST = b'{"game":'
_BETWEEN = b'},{"game":'
_LAST = b"}"

# Cut in one go: some hundred campaigns.
_CUT_BYTES = 64 * 1024

_Read = Steps[tuple[SnapshotHeader, dict[bytes, Rule]]]


class UnreadableSnapshot(Exception):
    """The bytes are no snapshot that can be served; the message says why, without them."""


async def read_snapshot(
    body: bytes, held: CompiledCampaigns | None, *, game: str | None = None
) -> tuple[SnapshotHeader, CompiledCampaigns]:
    """Parse, validate and compile a snapshot; with `game`, only the campaigns of that game.

    A campaign whose bytes are held, its revision among them, is taken from there and not
    even parsed, so that a change of one among many costs little more than that one. One
    campaign that is invalid makes the whole unreadable: half a snapshot is not served.

    Raises:
        UnreadableSnapshot: it is too long, no JSON, of another schema, or has invalid content.
    """
    if len(body) > MAX_BYTES:
        raise UnreadableSnapshot(f"over {MAX_BYTES} bytes")
    try:
        header, rules = await sliced(_in_pieces(body, held.sources if held else {}))
    except ValueError:
        # Written in another way, or broken: parsed whole, it shows which.
        header, rules = await sliced(_as_a_whole(body))
    return header, await CompiledCampaigns.from_sources(rules, held, header.segments, game=game)


def campaigns_in(
    held: CompiledCampaigns, wanted: Callable[[Rule], bool]
) -> Steps[list[PublishedCampaign]]:
    """Read the held campaigns whose rules are wanted once more, in no particular order.

    The index keeps the bytes that they were read from, and no more of them than it needs.
    """
    found: list[PublishedCampaign] = []
    for source, rule in held.sources.items():
        # Campaigns of other games are kept and not compiled.
        if wanted(rule) and held.get(rule.name) is rule:
            # Both forms that a source has: a whole object, or a piece as `_pieces` cuts it.
            whole = source if source.startswith(b"{") else _FIRST + source + _LAST
            found.append(PublishedCampaign.model_validate(orjson.loads(whole)))
        yield
    return found


def _in_pieces(body: bytes, known: Mapping[bytes, Rule]) -> _Read:
    """Read a body campaign by campaign.

    When each piece is JSON by itself, then so is the list of them, and the same.

    Raises:
        ValueError: it is not written like that, or a piece is no JSON.
    """
    begin, end = body.index(_OPENING) + len(_OPENING), len(body) - len(_CLOSING)
    if not body.endswith(_CLOSING):
        raise ValueError("the campaigns do not come last")
    header, _ = yield from _header_and_campaigns(orjson.loads(body[:begin] + _CLOSING))
    rules: list[Rule] = []
    sources: list[bytes] = []
    for pieces in _pieces(body, begin, end):
        sources += pieces
        for piece in pieces:
            rule = known.get(piece)
            if rule is None:
                rule = _rule(orjson.loads(_FIRST + piece + _LAST), len(rules))
                yield
            rules.append(rule)
        yield
    return header, _by_source(sources, rules)


def _pieces(body: bytes, begin: int, end: int) -> Iterator[list[bytes]]:
    """Cut out the campaigns, each without how all of them begin and end.

    Raises:
        ValueError: they are not written like that.
    """
    if begin == end:
        return
    if not (body.startswith(_FIRST, begin) and body.endswith(_LAST, begin, end)):
        raise ValueError("the campaigns do not begin or end as expected")
    begin, end = begin + len(_FIRST), end - len(_LAST)
    while begin <= end:
        found = body.find(_BETWEEN, begin + _CUT_BYTES, end)
        stop = end if found < 0 else found
        yield body[begin:stop].split(_BETWEEN)
        begin = stop + len(_BETWEEN)


def _as_a_whole(body: bytes) -> _Read:
    try:
        document = orjson.loads(body)
    except ValueError:
        raise UnreadableSnapshot(_NO_SNAPSHOT) from None
    header, campaigns = yield from _header_and_campaigns(document)
    rules: list[Rule] = []
    sources: list[bytes] = []
    for campaign in campaigns:
        rules.append(_rule(campaign, len(rules)))
        sources.append(orjson.dumps(campaign))
        yield
    return header, _by_source(sources, rules)


_NO_SNAPSHOT = "no JSON object with campaigns"


def _header_and_campaigns(document: Any) -> Steps[tuple[SnapshotHeader, list[Any]]]:
    try:
        campaigns = document.pop("campaigns")
        segments = document.pop("segments", [])
        header = SnapshotHeader.model_validate(document)
    except ValidationError as error:
        raise UnreadableSnapshot(_reason(error)) from None
    except (AttributeError, KeyError, TypeError):
        raise UnreadableSnapshot(_NO_SNAPSHOT) from None
    for name, listed in (("campaigns", campaigns), ("segments", segments)):
        if not isinstance(listed, list):
            raise UnreadableSnapshot(f"{name}: must be a list")
    read: list[PublishedSegment] = []
    for number, segment in enumerate(segments):
        read.append(_segment(segment, number))
        yield
    if len({segment.name for segment in read}) < len(read):
        raise UnreadableSnapshot("segments: two have the same name")
    return header.model_copy(update={"segments": tuple(read)}), campaigns


def _segment(document: Any, number: int) -> PublishedSegment:
    try:
        return PublishedSegment.model_validate(document)
    except ValidationError as error:
        raise UnreadableSnapshot(_reason(error, "segments", number)) from None


def _rule(document: Any, number: int) -> Rule:
    try:
        return rule_of(PublishedCampaign.model_validate(document))
    except ValidationError as error:
        raise UnreadableSnapshot(_reason(error, "campaigns", number)) from None


def _by_source(sources: Sequence[bytes], rules: Sequence[Rule]) -> dict[bytes, Rule]:
    if len({rule.name for rule in rules}) < len(rules):
        raise UnreadableSnapshot("campaigns: two have the same name")
    return dict(zip(sources, rules, strict=True))


def _reason(error: ValidationError, *loc: str | int) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(step)[:64] for step in (*loc, *first["loc"]))
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"[:512]
