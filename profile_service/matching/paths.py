"""Paths: the values that stand at a dotted path of a profile."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

Parts = tuple[str, ...]


@lru_cache(maxsize=4096)
def parts_of(path: str) -> Parts:
    """Return the keys that lead to a field; a key that holds a dot cannot be reached."""
    return tuple(path.split("."))


def values_at(profile: Mapping[str, Any], parts: Parts) -> Sequence[Any]:
    """Return what stands at a path, a list as a whole.

    A list on the way is entered one level: there may be several values then. A list in a list
    is not entered.
    """
    found: Any = profile
    for depth, part in enumerate(parts):
        if isinstance(found, list):
            return _values_in(found, parts[depth:])
        if not isinstance(found, dict) or part not in found:
            return ()
        found = found[part]
    return (found,)


def _values_in(listed: Sequence[Any], parts: Parts) -> Sequence[Any]:
    """Return what stands at a path of the elements of a list."""
    part, *rest = parts
    found = [each[part] for each in listed if isinstance(each, dict) and part in each]
    if not rest:
        return found
    return [value for each in found for value in _values_from(each, tuple(rest))]


def _values_from(value: Any, parts: Parts) -> Sequence[Any]:
    return _values_in(value, parts) if isinstance(value, list) else values_at(value, parts)


def elements(values: Sequence[Any]) -> Sequence[Any]:
    """Return the values, with the elements of a list in its place."""
    for value in values:
        if isinstance(value, list):
            break
    else:
        return values
    if len(values) == 1:
        listed: list[Any] = values[0]
        return listed
    found: list[Any] = []
    for value in values:
        if isinstance(value, list):
            found += value
        else:
            found.append(value)
    return found
