"""Contradictions: tests on one field that no player can meet together."""

import math
import operator
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from campaign_publisher.campaigns.fields import Field
from contracts.instants import parse_instant
from contracts.where import TEXT_OPERATORS, parse_duration, parse_version

MAX_TRIED = 100  # values of a list, each by all other operators

_NUMBERS = (int, float)
_LOWEST = {"gt": True, "gte": False}  # whether the bound itself is left out
_HIGHEST = {"lt": True, "lte": False}
_EARLIEST = {"after": True}
_LATEST = {"before": True}
_OLDEST_VERSION = {"version_gt": True, "version_gte": False, "version_eq": False}
_NEWEST_VERSION = {"version_lt": True, "version_lte": False, "version_eq": False}
_VERSIONS = (*_OLDEST_VERSION, *_NEWEST_VERSION)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_DATES = ("before", "after", "within", "older_than")

# What the values that an operator compares are of.
_COMPARED: dict[str, tuple[type, ...]] = {
    **dict.fromkeys((*_LOWEST, *_HIGHEST), _NUMBERS),
    **dict.fromkeys((*TEXT_OPERATORS, *_DATES, *_VERSIONS), (str,)),
}


@dataclass(frozen=True, slots=True)
class Demand:
    """One operator that a field's value has to meet; `label` is how the campaign names it."""

    loc: tuple[str | int, ...]
    label: str
    operator: str
    expected: Any
    ignore_case: bool = False

    @property
    def needs_a_value(self) -> bool:
        """Whether a field that is missing fails it."""
        return self.operator not in {"ne", "not_in"} and (
            self.operator != "exists" or bool(self.expected)
        )

    @property
    def listed(self) -> Sequence[Any]:
        """The values of in and not_in, or the one of eq and ne."""
        return self.expected if self.operator in {"in", "not_in"} else (self.expected,)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Why no player meets the demands; `demand` is one of those that are at odds.

    One that is not `is_certain` holds unless the field is a list, whose elements may each meet
    another demand.
    """

    demand: Demand
    reason: str
    is_certain: bool = True


def contradiction(field: Field, demands: Sequence[Demand], now: datetime) -> Contradiction | None:
    """Return why no value of a field can meet all demands from `now` on, None when one may."""
    wanted = [each for each in demands if each.operator in {"eq", "in"}]
    return (
        _absence(demands)
        or _refusal(wanted, demands)
        or _wrong_type(field, demands)
        or (
            None
            if field.may_be_many and not field.is_custom
            else _of_one_value(field, wanted, demands, now)
        )
    )


def _absence(demands: Sequence[Demand]) -> Contradiction | None:
    absent = [each for each in demands if each.operator == "exists" and not each.expected]
    present = [each for each in demands if each.needs_a_value]
    for one, other in product(absent[:1], present[:1]):
        return Contradiction(one, f"exists: false and {other.label} cannot both hold")
    return None


def _refusal(wanted: Sequence[Demand], demands: Sequence[Demand]) -> Contradiction | None:
    """Find a list all of whose values are refused; it needs them over a list as well."""
    refusing = [each for each in demands if each.operator in {"ne", "not_in"}]
    refused = {_key(value) for each in refusing for value in each.listed}
    for each in wanted:
        if refused.issuperset(map(_key, each.listed)):
            labels = " and ".join(other.label for other in refusing)
            return Contradiction(each, f"{labels} refuse all that {each.label} wants")
    return None


def _wrong_type(field: Field, demands: Sequence[Demand]) -> Contradiction | None:
    for each in demands:
        if each.operator in {"eq", "in"}:
            if not any(_is_possible(field, value) for value in each.listed):
                return Contradiction(each, f"it is {_noun(field)}, and {each.label} names none")
        elif field.types.isdisjoint(_COMPARED.get(each.operator, tuple(field.types))):
            return Contradiction(each, f"it is {_noun(field)}, which {each.label} does not compare")
    return None


def _of_one_value(
    field: Field, wanted: Sequence[Demand], demands: Sequence[Demand], now: datetime
) -> Contradiction | None:
    found = _no_candidate(field, wanted, demands) or _empty_range(field, demands, now)
    if found is None or not field.may_be_many:
        return found
    return Contradiction(found.demand, found.reason, is_certain=False)


def _no_candidate(
    field: Field, wanted: Sequence[Demand], demands: Sequence[Demand]
) -> Contradiction | None:
    """Try all values that eq and in allow."""
    fewest = min(wanted, key=lambda each: len(each.listed), default=None)
    if fewest is None or len(fewest.listed) > MAX_TRIED:
        return None
    others = [each for each in demands if each is not fewest]
    keys = [frozenset(map(_key, each.listed)) for each in wanted if each is not fewest]
    refused = {
        _key(value)
        for each in demands
        if each.operator in {"ne", "not_in"}
        for value in each.listed
    }
    for value in fewest.listed:
        key = _key(value)
        if (
            _is_possible(field, value)
            and key not in refused
            and all(key in each for each in keys)
            and all(_may_hold(each, value) for each in others)
        ):
            return None
    labels = " and ".join(dict.fromkeys(each.label for each in others))
    return Contradiction(fewest, f"no value that {fewest.label} allows meets {labels}")


def _empty_range(field: Field, demands: Sequence[Demand], now: datetime) -> Contradiction | None:
    ranges: list[tuple[dict[str, bool], dict[str, bool], Callable[[Any], Any]]] = [
        (_LOWEST, _HIGHEST, _itself),
        (_EARLIEST, _LATEST, _itself),
        (_OLDEST_VERSION, _NEWEST_VERSION, parse_version),
    ]
    for lowest, highest, read in ranges:
        lows = [(each, read(each.expected)) for each in demands if each.operator in lowest]
        highs = [(each, read(each.expected)) for each in demands if each.operator in highest]
        for (low, bottom), (high, top) in product(lows, highs):
            is_open = lowest[low.operator] or highest[high.operator]
            whole = lowest is _LOWEST and field.is_whole
            if _is_empty_whole(low, high) if whole else bottom > top or (bottom == top and is_open):
                return Contradiction(high, f"{low.label} and {high.label} leave no value")
    return _no_time(demands, now)


def _no_time(demands: Sequence[Demand], now: datetime) -> Contradiction | None:
    for recent in demands:
        if recent.operator != "within":
            continue
        length = parse_duration(recent.expected)
        for each in demands:
            if (each.operator == "older_than" and parse_duration(each.expected) >= length) or (
                # Later there is even less time between the two.
                each.operator == "before" and now - each.expected >= length
            ):
                return Contradiction(each, f"{recent.label} and {each.label} leave no time")
    return None


def _is_empty_whole(low: Demand, high: Demand) -> bool:
    first: int = math.floor(low.expected) + 1 if low.operator == "gt" else math.ceil(low.expected)
    last: int = math.ceil(high.expected) - 1 if high.operator == "lt" else math.floor(high.expected)
    return first > last


def _may_hold(demand: Demand, value: Any) -> bool:
    """Return whether a value that eq or in allows can meet another demand."""
    name, expected = demand.operator, demand.expected
    if name in _COMPARED and not (
        isinstance(value, _COMPARED[name]) and not isinstance(value, bool)
    ):
        return False
    if name in _COMPARE:
        return bool(_COMPARE[name](value, expected))
    if name in TEXT_OPERATORS:
        return _has_text(demand, value)
    if name in _DATES:
        return _has_date(name, expected, value)
    if name in _VERSIONS:
        version = _read(parse_version, value)
        compare = _COMPARE[name.removeprefix("version_")]
        return version is not None and bool(compare(version, parse_version(expected)))
    return True


def _has_text(demand: Demand, value: str) -> bool:
    part: str = demand.expected
    if demand.ignore_case:
        value, part = _folded(value), _folded(part)
    if demand.operator == "starts_with":
        return value.startswith(part)
    return value.endswith(part) if demand.operator == "ends_with" else part in value


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


def _has_date(name: str, expected: Any, value: str) -> bool:
    instant = _read(parse_instant, value)
    if instant is None:
        return False
    if name == "before":
        return bool(instant < expected)
    return name != "after" or bool(instant > expected)


def _read(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        return None


def _is_possible(field: Field, value: Any) -> bool:
    """Return whether a field can hold a value that equals this one."""
    if isinstance(value, bool):
        return bool in field.types
    if isinstance(value, float) and float not in field.types:
        return int in field.types and value.is_integer()
    return isinstance(value, tuple(field.types))


def _key(value: Any) -> Hashable:
    # True equals 1 in Python, and is no number to a campaign.
    return ("boolean", value) if isinstance(value, bool) else value


def _noun(field: Field) -> str:
    nouns = {str: "text", int: "a number", float: "a number", dict: "an object"}
    names: Iterable[str] = (name for kind, name in nouns.items() if kind in field.types)
    return " or ".join(dict.fromkeys(names))


def _itself(value: Any) -> Any:
    return value
