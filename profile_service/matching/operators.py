"""The operators of `where`, each made ready for what it compares with."""

import operator
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.where import FieldTest, parse_duration, parse_version
from profile_service.matching.comparing import (
    folded,
    instant_of,
    is_number,
    key_of,
    text_of,
    version_of,
)
from profile_service.matching.paths import elements

# Whether the values at a path hold, at an instant. The values are as `values_at` gives them.
Test = Callable[[Sequence[Any], datetime], bool]
_Compare = Callable[[Any, Any], bool]

_EARLIEST = datetime.min.replace(tzinfo=UTC)


def tests_of(test: FieldTest) -> list[tuple[str, Test]]:
    """Return each operator that is named with its test; all of them must hold."""
    ignore_case = bool(test.ignore_case)
    return [
        (name, operator_test(name, expected, ignore_case=ignore_case))
        for name, expected in test.operators()
    ]


def operator_test(name: str, expected: Any, *, ignore_case: bool = False) -> Test:
    """Return the test of one operator."""
    if name in _TEXT:
        return _text_test(_TEXT[name], expected, ignore_case=ignore_case)
    return _TESTS[name](expected)


def earlier(at: datetime, duration: timedelta) -> datetime:
    """Return the instant a duration before another one, as far as the calendar goes back."""
    try:
        return at - duration
    except OverflowError:
        return _EARLIEST


def _one_of(expected: Sequence[Any]) -> Test:
    keys = frozenset(map(key_of, expected))
    return lambda values, _: any(key_of(each) in keys for each in elements(values))


def _none_of(expected: Sequence[Any]) -> Test:
    holds = _one_of(expected)
    return lambda values, at: not holds(values, at)


def _existence(wanted: bool) -> Test:  # noqa: FBT001 - the value that the operator compares with
    return lambda values, _: any(value is not None for value in values) is wanted


def _ordering(compare: _Compare) -> Callable[[float], Test]:
    def test(bound: float) -> Test:
        return lambda values, _: any(
            is_number(each) and compare(each, bound) for each in elements(values)
        )

    return test


def _text_test(compare: _Compare, part: str, *, ignore_case: bool) -> Test:
    wanted = folded(part) if ignore_case else part

    def holds(values: Sequence[Any], _: datetime) -> bool:
        for each in elements(values):
            text = text_of(each)
            if text is not None and compare(folded(text) if ignore_case else text, wanted):
                return True
        return False

    return holds


def _date_test(compare: _Compare) -> Callable[[datetime], Test]:
    def test(bound: datetime) -> Test:
        return lambda values, _: any(compare(instant, bound) for instant in _instants(values))

    return test


def _within(duration: str) -> Test:
    length = parse_duration(duration)

    def holds(values: Sequence[Any], at: datetime) -> bool:
        begin = earlier(at, length)
        return any(begin <= instant <= at for instant in _instants(values))

    return holds


def _older_than(duration: str) -> Test:
    length = parse_duration(duration)

    def holds(values: Sequence[Any], at: datetime) -> bool:
        begin = earlier(at, length)
        return any(instant < begin for instant in _instants(values))

    return holds


def _instants(values: Sequence[Any]) -> Iterable[datetime]:
    return (instant for each in elements(values) if (instant := instant_of(each)) is not None)


def _version_test(compare: _Compare) -> Callable[[str], Test]:
    def test(bound: str) -> Test:
        wanted = parse_version(bound)
        return lambda values, _: any(
            compare(version, wanted)
            for each in elements(values)
            if (version := version_of(each)) is not None
        )

    return test


_TEXT: dict[str, _Compare] = {
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": operator.contains,
}
_TESTS: dict[str, Callable[[Any], Test]] = {
    "eq": lambda expected: _one_of([expected]),
    "ne": lambda expected: _none_of([expected]),
    "in": _one_of,
    "not_in": _none_of,
    "gt": _ordering(operator.gt),
    "gte": _ordering(operator.ge),
    "lt": _ordering(operator.lt),
    "lte": _ordering(operator.le),
    "exists": _existence,
    "before": _date_test(operator.lt),
    "after": _date_test(operator.gt),
    "within": _within,
    "older_than": _older_than,
    "version_gt": _version_test(operator.gt),
    "version_gte": _version_test(operator.ge),
    "version_lt": _version_test(operator.lt),
    "version_lte": _version_test(operator.le),
    "version_eq": _version_test(operator.eq),
}
