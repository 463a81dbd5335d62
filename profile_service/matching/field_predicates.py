"""The operators of `where` as predicates, which read a player's values in converted form.

`operators` has their definition; the tests hold the two equal.
"""

import operator
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from contracts.where import parse_duration, parse_version
from profile_service.matching.comparing import folded, key_of
from profile_service.matching.operators import TEXT_COMPARISONS, earlier, operator_of
from profile_service.matching.player import Player, Predicate

_Compare = Callable[[Any, Any], bool]


def operator_predicate(
    path: str, name: str, expected: Any, *, ignore_case: bool = False
) -> Predicate:
    """Return the predicate of one operator on the values at a path."""
    found = _of_found(path, name, expected, ignore_case=ignore_case)
    if "." in path:
        return found
    holds, is_negated, is_of_whole = operator_of(name, expected, ignore_case=ignore_case)
    if is_of_whole:
        return found

    def of_field(player: Player) -> bool:
        # To convert a lone value takes longer than to compare it.
        value = player.profile.get(path)
        if type(value) is list:
            return found(player)
        return holds(value, player.at) is not is_negated

    return of_field


def _of_found(path: str, name: str, expected: Any, *, ignore_case: bool) -> Predicate:
    if name in _EXTENTS:
        return _bounded(path, *_EXTENTS[name], expected)
    if name in TEXT_COMPARISONS:
        return _text(path, TEXT_COMPARISONS[name], expected, ignore_case=ignore_case)
    if name in _VERSIONS:
        return _version(path, _VERSIONS[name], parse_version(expected))
    return _OTHERS[name](path, expected)


def _one_of(path: str, expected: Sequence[Any]) -> Predicate:
    keys = frozenset(map(key_of, expected))
    return lambda player: not keys.isdisjoint(player.found(path).keys())


def _none_of(path: str, expected: Sequence[Any]) -> Predicate:
    keys = frozenset(map(key_of, expected))
    return lambda player: keys.isdisjoint(player.found(path).keys())


def _existence(path: str, expected: bool) -> Predicate:  # noqa: FBT001 - the operator's value
    return lambda player: player.found(path).exist() is expected


def _bounded(path: str, compare: _Compare, end: int, bound: float) -> Predicate:
    def holds(player: Player) -> bool:
        extent = player.found(path).extent()
        return bool(extent) and compare(extent[end], bound)

    return holds


def _text(path: str, compare: _Compare, part: str, *, ignore_case: bool) -> Predicate:
    wanted = folded(part) if ignore_case else part

    def holds(player: Player) -> bool:
        found = player.found(path)
        for text in found.folded_texts() if ignore_case else found.texts():
            if compare(text, wanted):
                return True
        return False

    return holds


def _version(path: str, compare: _Compare, bound: Any) -> Predicate:
    return lambda player: any(compare(each, bound) for each in player.found(path).versions())


def _before(path: str, bound: datetime) -> Predicate:
    def holds(player: Player) -> bool:
        period = player.found(path).period()
        return bool(period) and bool(period[0] < bound)

    return holds


def _after(path: str, bound: datetime) -> Predicate:
    def holds(player: Player) -> bool:
        period = player.found(path).period()
        return bool(period) and bool(period[1] > bound)

    return holds


def _within(path: str, duration: str) -> Predicate:
    length = parse_duration(duration)

    def holds(player: Player) -> bool:
        instants = player.found(path).instants()
        if not instants:
            return False
        at = player.at
        begin = earlier(at, length)
        return any(begin <= instant <= at for instant in instants)

    return holds


def _older_than(path: str, duration: str) -> Predicate:
    length = parse_duration(duration)

    def holds(player: Player) -> bool:
        period = player.found(path).period()
        return bool(period) and bool(period[0] < earlier(player.at, length))

    return holds


# An operator of numbers, and which end of the extent decides whether any number holds.
_EXTENTS: dict[str, tuple[_Compare, int]] = {
    "gt": (operator.gt, 1),
    "gte": (operator.ge, 1),
    "lt": (operator.lt, 0),
    "lte": (operator.le, 0),
}
_VERSIONS: dict[str, _Compare] = {
    "version_gt": operator.gt,
    "version_gte": operator.ge,
    "version_lt": operator.lt,
    "version_lte": operator.le,
    "version_eq": operator.eq,
}
_OTHERS: dict[str, Callable[[str, Any], Predicate]] = {
    "eq": lambda path, expected: _one_of(path, [expected]),
    "ne": lambda path, expected: _none_of(path, [expected]),
    "in": _one_of,
    "not_in": _none_of,
    "exists": _existence,
    "before": _before,
    "after": _after,
    "within": _within,
    "older_than": _older_than,
}
