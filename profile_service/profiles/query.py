"""Query: matchers as filters of MongoDB, for counting the players whom they match.

Two filters enclose the players: all who match meet `possible`, and all who meet `sure` match.
Whoever meets the first alone is decided by the evaluator. So a negation exchanges the two.

`possible` and `sure` hold for other servers of MongoDB's protocol, too, which enter lists in
lists, or read numbers as text: what they decide differently is left to the evaluator.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from contracts.matchers import BUCKETS, Conditions, LevelRange, Matchers, Rollout, SegmentReference
from contracts.profile import PLAYER_ID_FIELD, RESERVED_KEY
from contracts.where import FieldTest, parse_duration
from profile_service.matching.evaluator import (
    SCALAR_FIELDS,
    Segments,
    is_known,
    known_segments,
)
from profile_service.matching.operators import earlier
from profile_service.matching.paths import parts_of
from profile_service.matching.player import Player
from profile_service.matching.predicates import predicate_of, read_fields

Filter = dict[str, Any]

EVERYONE: Filter = {}
NOBODY: Filter = {"$nor": [{}]}

# Characters of both filters, as Python writes them: MongoDB takes 16 MiB, with each up to thrice.
MAX_LENGTH = 1_000_000
# Documents and lists in each other; MongoDB stops at 100.
MAX_DEPTH = 80

_NAN = float("nan")
# MongoDB's numbers of types: what they are called is not the same in all servers.
_NUMBERS = [1, 16, 18]  # double, int and long
_DECIMAL, _TEXT, _LIST, _OBJECT = 19, 2, 4, 3
_OTHERS = [5, 7, 8, 9, 11, 17, -1, 127]
_NO_LIST: Filter = {"$not": {"$type": _LIST}}
# A number, and no list of them.
_ONE_NUMBER: Filter = {"$type": _NUMBERS, "$ne": _NAN, **_NO_LIST}

# The server compares bytes. Texts of ASCII are equal when these are; all others may be.
_NON_ASCII: Filter = {"$regex": r"[^\x00-\x7F]"}
# The only characters beyond ASCII that are a character of ASCII after NFC.
_TWINS = {";": "\u037e", "`": "\u1fef", "K": "\u212a"}
_A_TWIN: Filter = {"$regex": r"[\x{37E}\x{1FEF}\x{212A}]"}

# Dates beyond are none that datetime can hold, and compare with nothing.
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)


@dataclass(frozen=True)
class Query:
    """The players whom matchers match at an instant.

    `matches` decides on a profile that has at least the `fields`. All who match meet the filter
    `possible`, and all who meet `sure` match.
    """

    matches: Callable[[Mapping[str, Any]], bool]
    possible: Filter
    sure: Filter
    fields: tuple[str, ...]

    @property
    def in_doubt(self) -> Filter:
        """The filter for those whom `matches` decides on; NOBODY where there are none."""
        if self.possible == self.sure:
            return NOBODY
        return _and([self.possible, _nor([self.sure])])


class _Bounds(NamedTuple):
    possible: Filter
    sure: Filter
    length: int = 0


_ALL = _Bounds(EVERYONE, EVERYONE)
_NONE = _Bounds(NOBODY, NOBODY)
_IN_DOUBT = _Bounds(EVERYONE, NOBODY)

_InSegment = Callable[[str], _Bounds]


def query_of(
    matchers: Matchers, at: datetime, *, name: str = "", segments: Segments | None = None
) -> Query:
    """Return the query for the players whom `evaluator.matches` finds with the same arguments."""
    segments = segments or {}
    if not is_known(matchers, segments):
        return Query(lambda _: False, NOBODY, NOBODY, ())
    used = _used(matchers, segments)
    predicate = predicate_of(matchers, name)
    members = {each: predicate_of(segments[each], each) for each in used}

    @cache
    def in_segment(segment: str) -> _Bounds:
        return _bounds(segments[segment], at, segment, in_segment)

    bounds = _bounds(matchers, at, name, in_segment)
    if max(_depth(bounds.possible), _depth(bounds.sure)) > MAX_DEPTH:
        bounds = _IN_DOUBT
    fields = {PLAYER_ID_FIELD}.union(
        *(_fields(each) for each in (matchers, *(segments[name] for name in used)))
    )
    return Query(
        matches=lambda profile: predicate(Player(profile, at, members)),
        possible=bounds.possible,
        sure=bounds.sure,
        fields=tuple(sorted(fields - {RESERVED_KEY})),
    )


def _used(matchers: Matchers, segments: Segments) -> frozenset[str]:
    """Return the names of the segments that are referred to, by other segments too."""
    used: set[str] = set()
    found = matchers.segments()
    while found:
        used |= found
        found = {name for each in found for name in segments[each].segments()} - used
    return known_segments(segments) & used


def _fields(matchers: Matchers) -> set[str]:
    """Return the top-level fields that the matchers read, segments left out."""
    fields = read_fields(matchers)
    for each in matchers.within():
        if each.level is not None:
            fields.add("level")
        for conditions in (each.has, each.does_not_have):
            if conditions is not None:
                fields |= {field for field in SCALAR_FIELDS if getattr(conditions, field)}
                fields |= {"inventory"} if conditions.items else set()
    return fields


def _bounds(matchers: Matchers, at: datetime, name: str, in_segment: _InSegment) -> _Bounds:
    def inner(listed: Iterable[Matchers]) -> list[_Bounds]:
        return [_bounds(each, at, name, in_segment) for each in listed]

    found: list[_Bounds] = []
    if matchers.level is not None:
        found.append(_level(matchers.level))
    if matchers.has is not None:
        found += _owned(matchers.has)
    if matchers.does_not_have is not None:
        found.append(_not(_some(_owned(matchers.does_not_have))))
    for path, test in (matchers.where or {}).items():
        found += _tests(path, test, at)
    if matchers.any is not None:
        found.append(_some(inner(matchers.any)))
    found += inner(matchers.all or ())
    if matchers.none is not None:
        found.append(_not(_some(inner(matchers.none))))
    if matchers.segment is not None:
        found += _references(matchers.segment, in_segment)
    if matchers.rollout is not None:
        found.append(_rollout(matchers.rollout))
    return _every(found)


def _references(reference: SegmentReference, in_segment: _InSegment) -> Iterable[_Bounds]:
    if reference.any is not None:
        yield _some([*map(in_segment, reference.any)])
    yield from map(in_segment, reference.all or ())
    if reference.none is not None:
        yield _not(_some([*map(in_segment, reference.none)]))


def _level(level: LevelRange) -> _Bounds:
    least = {} if level.min is None else {"$gte": level.min}
    most = {} if level.max is None else {"$lte": level.max}
    return _exactly({"level": {**least, **most, **_ONE_NUMBER}})


def _owned(conditions: Conditions) -> list[_Bounds]:
    """Return the bounds for each of the lists of values, and for each of the items."""
    fields = [
        _exactly({field: {"$in": [*listed], **_NO_LIST}})
        for field in SCALAR_FIELDS
        if (listed := getattr(conditions, field)) is not None
    ]
    return [*fields, *map(_item, conditions.items or ())]


def _item(item: str) -> _Bounds:
    if "\0" in item:
        return _NONE  # BSON has no such key
    if "." in item or item.startswith("$"):
        return _leaf({"inventory": {"$type": _OBJECT}}, NOBODY)  # no path leads there
    return _exactly({"inventory": _NO_LIST, f"inventory.{item}": {"$gt": 0, **_ONE_NUMBER}})


def _rollout(rollout: Rollout) -> _Bounds:
    if rollout.bound == 0:
        return _NONE
    has_id = {PLAYER_ID_FIELD: {"$gte": "", **_NO_LIST}}  # all texts are
    return _leaf(has_id, has_id if rollout.bound == BUCKETS else NOBODY)


def _tests(path: str, test: FieldTest, at: datetime) -> Iterable[_Bounds]:
    ignore_case = bool(test.ignore_case)
    for name, expected in test.operators():
        if name in _PATTERNS:
            yield _text(path, _PATTERNS[name], expected, ignore_case=ignore_case)
        elif name in _VERSIONS:
            yield _found(path, NOBODY, beside={path: {"$gte": ""}})  # any text
        elif name in _DATES:
            yield _DATES[name](path, expected, at)
        else:
            yield _OTHER_TESTS[name](path, expected)


def _one_of(path: str, values: Sequence[Any]) -> _Bounds:
    texts = [value for value in values if isinstance(value, str)]
    beside = NOBODY
    if not all(text.isascii() for text in texts):
        beside = {path: _NON_ASCII}
    elif any(twin in text for text in texts for twin in _TWINS):
        beside = {path: _A_TWIN}
    has_numbers = any(not isinstance(value, str | bool) for value in values)
    doubts: list[Filter] = [{path: {"$type": _DECIMAL}}] if has_numbers else []
    return _found(path, {path: {"$in": [*values]}}, beside=beside, doubts=doubts)


def _ordering(operator: str) -> Callable[[str, float], _Bounds]:
    def bounds(path: str, bound: float) -> _Bounds:
        doubts: list[Filter] = [{path: {"$type": _DECIMAL}}, {path: {"$eq": _NAN}}]
        return _found(path, {path: {operator: bound}}, doubts=doubts)

    return bounds


def _existence(path: str, wanted: bool) -> _Bounds:  # noqa: FBT001 - what the operator compares with
    types = [*_NUMBERS, _DECIMAL, _TEXT, _LIST, _OBJECT, *_OTHERS]
    # The rest are types that not all servers have a number for, such as JavaScript code.
    rest = {path: {"$exists": True, "$ne": None}}
    exists = _found(path, {path: {"$type": types}}, beside=rest)
    return exists if wanted else _not(exists)


def _text(path: str, pattern: str, part: str, *, ignore_case: bool) -> _Bounds:
    non_ascii = {path: _NON_ASCII}
    if not part.isascii():
        return _found(path, NOBODY, beside=non_ascii)
    found = {path: {"$regex": pattern % "".join(_character(each, ignore_case) for each in part)}}
    # An accent may make another letter of the "e" that is looked for.
    others = {path: {"$type": [*_NUMBERS, _DECIMAL, _OBJECT, *_OTHERS]}}
    doubts = [non_ascii, others, {path: {"$not": {"$type": _TEXT}}}]
    return _found(path, found, beside=non_ascii if ignore_case else NOBODY, doubts=doubts)


def _character(character: str, ignore_case: bool) -> str:  # noqa: FBT001 - of a text
    """Return the pattern of a character of ASCII."""
    if ignore_case and character.isalpha():
        return f"[{character.lower()}{character.upper()}]"
    plain = character if character.isalnum() else f"\\x{ord(character):02x}"
    return f"[{plain}\\x{{{ord(_TWINS[character]):X}}}]" if character in _TWINS else plain


def _before(path: str, bound: datetime, _: datetime) -> _Bounds:
    return _earlier_than(path, bound)


def _after(path: str, bound: datetime, _: datetime) -> _Bounds:
    return _found(
        path,
        {path: {"$gt": bound}},
        beside={path: {"$gte": _day(bound, -1)}},
        doubts=[{path: {"$gt": _LATEST}}],
    )


def _within(path: str, duration: str, at: datetime) -> _Bounds:
    begin = earlier(at, parse_duration(duration))
    least = "$gt" if begin.microsecond % 1000 else "$gte"
    return _found(
        path,
        _and([{path: {least: begin}}, {path: {"$lte": at}}]),
        beside={path: {"$gte": _day(begin, -1), "$lt": _day(at, 2)}},
        # Of several values each may be within one of the bounds.
        doubts=[{prefix: {"$type": _LIST}} for prefix in _prefixes(path)],
    )


def _older_than(path: str, duration: str, at: datetime) -> _Bounds:
    return _earlier_than(path, earlier(at, parse_duration(duration)))


def _earlier_than(path: str, bound: datetime) -> _Bounds:
    # Dates have whole milliseconds, and those of a bound are cut off.
    found = {path: {"$lte" if bound.microsecond % 1000 else "$lt": bound}}
    doubts = [{path: {"$lt": _EARLIEST}}]
    return _found(path, found, beside={path: {"$lt": _day(bound, 2)}}, doubts=doubts)


def _day(instant: datetime, days: int) -> str:
    """Return a text that bounds dates as texts, whose offsets are less than a day."""
    try:
        return (instant.astimezone(UTC) + timedelta(days=days)).date().isoformat()
    except OverflowError:
        return "" if days < 0 else ":"  # before and after all digits


_PATTERNS = {"starts_with": "^%s", "ends_with": r"%s\z", "contains": "%s"}
_VERSIONS = {"version_gt", "version_gte", "version_lt", "version_lte", "version_eq"}
_DATES: dict[str, Callable[[str, Any, datetime], _Bounds]] = {
    "before": _before,
    "after": _after,
    "within": _within,
    "older_than": _older_than,
}
_OTHER_TESTS: dict[str, Callable[[str, Any], _Bounds]] = {
    "eq": lambda path, value: _one_of(path, [value]),
    "ne": lambda path, value: _not(_one_of(path, [value])),
    "in": _one_of,
    "not_in": lambda path, values: _not(_one_of(path, values)),
    "gt": _ordering("$gt"),
    "gte": _ordering("$gte"),
    "lt": _ordering("$lt"),
    "lte": _ordering("$lte"),
    "exists": _existence,
}


def _found(
    path: str, found: Filter, *, beside: Filter = NOBODY, doubts: Sequence[Filter] = ()
) -> _Bounds:
    """Return the bounds of a test at a path.

    `found` are those of whom the server finds that they pass, `beside` others who may. Of
    neither it is sure where one of the `doubts` holds.
    """
    first, *others = parts_of(path)
    if first == RESERVED_KEY:
        return _NONE  # the store's own: no profile has it
    if any(part.isdecimal() for part in others):
        return _IN_DOUBT  # the server would take it for the number of an element
    lists = [{prefix: {"$elemMatch": {"$type": _LIST}}} for prefix in _prefixes(path)]
    return _leaf(_or([found, beside]), _and([found, _nor([*lists, *doubts])]))


def _prefixes(path: str) -> list[str]:
    parts = parts_of(path)
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _leaf(possible: Filter, sure: Filter) -> _Bounds:
    return _bounded(possible, sure, len(repr(possible)) + len(repr(sure)))


def _exactly(found: Filter) -> _Bounds:
    return _leaf(found, found)


def _every(bounds: Sequence[_Bounds]) -> _Bounds:
    return _bounded(
        _and([each.possible for each in bounds]),
        _and([each.sure for each in bounds]),
        sum(each.length for each in bounds),
    )


def _some(bounds: Sequence[_Bounds]) -> _Bounds:
    return _bounded(
        _or([each.possible for each in bounds]),
        _or([each.sure for each in bounds]),
        sum(each.length for each in bounds),
    )


def _not(bounds: _Bounds) -> _Bounds:
    return _Bounds(_nor([bounds.sure]), _nor([bounds.possible]), bounds.length)


def _bounded(possible: Filter, sure: Filter, length: int) -> _Bounds:
    """Return the bounds, or no bounds in place of such that are too long to be sent."""
    return _Bounds(possible, sure, length) if length <= MAX_LENGTH else _IN_DOUBT


def _and(filters: Iterable[Filter]) -> Filter:
    wanted = [each for each in filters if each != EVERYONE]
    if NOBODY in wanted:
        return NOBODY
    if len(wanted) <= 1:
        return wanted[0] if wanted else EVERYONE
    return {"$and": wanted}


def _or(filters: Iterable[Filter]) -> Filter:
    allowed = [each for each in filters if each != NOBODY]
    if EVERYONE in allowed:
        return EVERYONE
    if len(allowed) <= 1:
        return allowed[0] if allowed else NOBODY
    return {"$or": allowed}


def _nor(filters: Iterable[Filter]) -> Filter:
    refused = [each for each in filters if each != NOBODY]
    if EVERYONE in refused:
        return NOBODY
    return {"$nor": refused} if refused else EVERYONE


def _depth(value: Any) -> int:
    """Return how many documents and lists stand in each other."""
    depth, level = 0, [value]
    while level:
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        depth += 1
    return depth - 1
