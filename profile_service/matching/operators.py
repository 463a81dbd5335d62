"""The operators of `where`, each made ready for what it compares with."""

import operator
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from contracts.where import FieldTest, parse_duration, parse_version
from profile_service.matching.comparing import (
    folded,
    instant_of,
    is_number,
    key_of,
    text_of,
    version_of,
)

# Whether one value holds, at an instant; a missing one is None.
Holds = Callable[[Any, datetime], bool]
_Compare = Callable[[Any, Any], bool]

_EARLIEST = datetime.min.replace(tzinfo=UTC)


class Operator(NamedTuple):
    """An operator with what it compares with.

    It is met when any value `holds`, and of a list any element; where `is_negated`, when none
    does. Where `is_of_whole`, a list is a value itself.
    """

    holds: Holds
    is_negated: bool = False
    is_of_whole: bool = False

    def meets(self, values: Sequence[Any], at: datetime) -> bool:
        """Return whether values, as `values_at` gives them, meet the operator at an instant."""
        holds = self.holds
        for value in values:
            if isinstance(value, list) and not self.is_of_whole:
                for element in value:
                    if holds(element, at):
                        return not self.is_negated
            elif holds(value, at):
                return not self.is_negated
        return self.is_negated


def operators_of(test: FieldTest) -> list[tuple[str, Operator]]:
    """Return each operator that is named; all of them must be met."""
    ignore_case = bool(test.ignore_case)
    return [
        (name, operator_of(name, expected, ignore_case=ignore_case))
        for name, expected in test.operators()
    ]


def operator_of(name: str, expected: Any, *, ignore_case: bool = False) -> Operator:
    """Return the operator of that name for what it compares with."""
    if name in TEXT_COMPARISONS:
        return Operator(_text(TEXT_COMPARISONS[name], expected, ignore_case=ignore_case))
    return _OPERATORS[name](expected)


def earlier(at: datetime, duration: timedelta) -> datetime:
    """Return the instant a duration before another one, as far as the calendar goes back."""
    try:
        return at - duration
    except OverflowError:
        return _EARLIEST


# The tests of one value are asked for every candidate of every player: what they have in
# common is written out in each, as a call costs as much as all else.


def _one_of(expected: Sequence[Any]) -> Holds:
    keys = frozenset(key for key in map(key_of, expected) if key is not None)

    def holds(value: Any, _: datetime) -> bool:
        key = value if type(value) is str and value.isascii() else key_of(value)
        return key in keys

    return holds


def _is_not_null(value: Any, _: datetime) -> bool:
    return value is not None


def _ordering(compare: _Compare) -> Callable[[float], Operator]:
    def of(bound: float) -> Operator:
        def holds(value: Any, _: datetime) -> bool:
            return (type(value) is int or is_number(value)) and compare(value, bound)

        return Operator(holds)

    return of


def _text(compare: _Compare, part: str, *, ignore_case: bool) -> Holds:
    if ignore_case:
        wanted = folded(part)

        def holds_folded(value: Any, _: datetime) -> bool:
            text = text_of(value)
            return text is not None and compare(folded(text), wanted)

        return holds_folded

    def holds(value: Any, _: datetime) -> bool:
        text = value if type(value) is str and value.isascii() else text_of(value)
        return text is not None and compare(text, part)

    return holds


def _dates(compare: _Compare) -> Callable[[datetime], Operator]:
    def of(bound: datetime) -> Operator:
        def holds(value: Any, _: datetime) -> bool:
            instant = instant_of(value)
            return instant is not None and compare(instant, bound)

        return Operator(holds)

    return of


def _within(duration: str) -> Operator:
    length = parse_duration(duration)

    def holds(value: Any, at: datetime) -> bool:
        instant = instant_of(value)
        return instant is not None and earlier(at, length) <= instant <= at

    return Operator(holds)


def _older_than(duration: str) -> Operator:
    length = parse_duration(duration)

    def holds(value: Any, at: datetime) -> bool:
        instant = instant_of(value)
        return instant is not None and instant < earlier(at, length)

    return Operator(holds)


def _versions(compare: _Compare) -> Callable[[str], Operator]:
    def of(bound: str) -> Operator:
        wanted = parse_version(bound)

        def holds(value: Any, _: datetime) -> bool:
            version = version_of(value)
            return version is not None and compare(version, wanted)

        return Operator(holds)

    return of


TEXT_COMPARISONS: dict[str, _Compare] = {
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": operator.contains,
}
_OPERATORS: dict[str, Callable[[Any], Operator]] = {
    "eq": lambda expected: Operator(_one_of([expected])),
    "ne": lambda expected: Operator(_one_of([expected]), is_negated=True),
    "in": lambda expected: Operator(_one_of(expected)),
    "not_in": lambda expected: Operator(_one_of(expected), is_negated=True),
    "gt": _ordering(operator.gt),
    "gte": _ordering(operator.ge),
    "lt": _ordering(operator.lt),
    "lte": _ordering(operator.le),
    "exists": lambda wanted: Operator(_is_not_null, is_negated=not wanted, is_of_whole=True),
    "before": _dates(operator.lt),
    "after": _dates(operator.gt),
    "within": _within,
    "older_than": _older_than,
    "version_gt": _versions(operator.gt),
    "version_gte": _versions(operator.ge),
    "version_lt": _versions(operator.lt),
    "version_lte": _versions(operator.le),
    "version_eq": _versions(operator.eq),
}
