"""Paths: the values that stand at a dotted path of a profile."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Parts = tuple[str, ...]


def parts_of(path: str) -> Parts:
    """Return the keys that lead to a field; a key that holds a dot cannot be reached."""
    return tuple(path.split("."))


def values_at(profile: Mapping[str, Any], parts: Parts) -> Sequence[Any]:
    """Return what stands at a path, a list as a whole.

    A list on the way is entered one level: there may be several values then. A list in a list
    is not entered.
    """
    found: list[Any] = [profile]
    for part in parts:
        inner: list[Any] = []
        for each in found:
            if isinstance(each, dict):
                if part in each:
                    inner.append(each[part])
            elif isinstance(each, list):
                inner += [
                    element[part]
                    for element in each
                    if isinstance(element, dict) and part in element
                ]
        found = inner
    return found


def elements(values: Iterable[Any]) -> list[Any]:
    """Return the values, with the elements of a list in its place."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, list):
            found += value
        else:
            found.append(value)
    return found
