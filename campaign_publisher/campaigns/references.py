"""References to segments: what they must name, how deep they may go, and who uses a segment."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from campaign_publisher.log.state import StoredCampaign, StoredSegment
from contracts.matchers import Matchers
from contracts.segment import MAX_SEGMENT_NESTING, Segment
from foundation.errors import Conflict, Invalid, Problem
from foundation.slices import in_slices
from foundation.validation import MAX_PROBLEMS

MAX_NAMED = 20  # users that an error names

Place = tuple[str | int, ...]


def missing_segments(matchers: Matchers, known: Container[str], *loc: str | int) -> list[Problem]:
    """Return a problem for each reference to a segment that is not among the known ones.

    The matchers stand in what is at `loc`.
    """
    return [
        {"loc": [*place], "msg": f"there is no segment {name!r}"}
        for place, name in _references(matchers, *loc, "matchers")
        if name not in known
    ]


def check_known(matchers: Matchers, known: Container[str], *loc: str | int) -> None:
    """Check that the segments exist that the matchers of what is at `loc` refer to.

    Raises:
        Invalid: naming the first 100 that do not, each by its place.
    """
    problems = missing_segments(matchers, known, *loc)
    if problems:
        raise Invalid(problems[:MAX_PROBLEMS])


async def check_nesting(segments: Mapping[str, Segment], written: Mapping[str, Place]) -> None:
    """Check that no segment refers back to itself, nor over more than MAX_SEGMENT_NESTING.

    `written` are the names of those that are written, with where each stands in what was sent.
    Works in slices.

    Raises:
        Invalid: naming the segments on the way, and the reference of the first one written.
    """
    references = {
        name: segment.matchers.segments() async for name, segment in in_slices(segments.items())
    }
    try:
        ordered = [*TopologicalSorter(references).static_order()]
    except CycleError as error:
        # Each is followed there by one that refers to it, and the first one is the last, too.
        way = _from_first([*reversed(error.args[1][1:])], written)
        message = f"must not lead back to the segment itself: {_chain(way)}"
    else:
        way = _longest_way(references, ordered)
        if len(way) <= MAX_SEGMENT_NESTING:
            return
        message = f"segments must not be nested more than {MAX_SEGMENT_NESTING} deep: {_chain(way)}"
    raise Invalid.at(*_place_on(way, segments, written), msg=message)


def _from_first(cycle: Sequence[str], written: Mapping[str, Place]) -> list[str]:
    """Return a cycle from the first one on that is written, and back to it."""
    first = next((cycle.index(name) for name in written if name in cycle), 0)
    return [*cycle[first:], *cycle[: first + 1]]


def _longest_way(references: Mapping[str, Iterable[str]], ordered: Iterable[str]) -> list[str]:
    """Return the segments on the longest way; in `ordered` each follows those it refers to."""
    ways: dict[str, list[str]] = {}
    for name in ordered:
        further = (ways[each] for each in sorted(references.get(name, ())))
        ways[name] = [name, *max(further, key=len, default=[])]
        if len(ways[name]) > MAX_SEGMENT_NESTING:
            return ways[name]
    return max(ways.values(), key=len, default=[])


def _chain(names: Iterable[str]) -> str:
    return " -> ".join(names)


def _place_on(
    way: Sequence[str], segments: Mapping[str, Segment], written: Mapping[str, Place]
) -> Place:
    """Return where the first segment on the way that is written refers to the next one."""
    for name, following in pairwise(way):
        if name in written:
            places = _references(segments[name].matchers, *written[name], "matchers")
            return next(place for place, named in places if named == following)
    return (*next(iter(written.values())), "matchers")


def _references(matchers: Matchers, *loc: str | int) -> Iterator[tuple[Place, str]]:
    """Yield the place and the name of every reference of matchers that stand at `loc`."""
    for key in ("any", "all", "none"):
        for index, name in enumerate(getattr(matchers.segment, key, None) or ()):
            yield (*loc, "segment", key, index), name
    for key in ("any", "all", "none"):
        for index, each in enumerate(getattr(matchers, key) or ()):
            yield from _references(each, *loc, key, index)


async def check_unused(
    gone: AbstractSet[str],
    campaigns: Iterable[StoredCampaign],
    segments: Iterable[StoredSegment] = (),
) -> None:
    """Check that none of these campaigns and segments refers to a segment of `gone`.

    Campaigns that are disabled, drafts or ended count until they are gone: they may come back.
    Works in slices.

    Raises:
        Conflict: naming the first segment that is in use, and by what.
    """
    users: dict[str, list[str]] = {}
    async for stored in in_slices(campaigns):
        for name in gone & stored.campaign.matchers.segments():
            users.setdefault(name, []).append(f"campaign {stored.campaign.name!r}")
    async for each in in_slices(segments):
        for name in gone & each.segment.matchers.segments():
            users.setdefault(name, []).append(f"segment {each.segment.name!r}")
    for name, found in sorted(users.items()):
        shown = ", ".join(sorted(found)[:MAX_NAMED])
        more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
        raise Conflict(f"segment {name!r} is in use by {len(found)}: {shown}{more}")
