"""What the paths of `where` lead to in a valid profile."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from contracts.profile import CUSTOM_PREFIX, RESERVED_KEY, Profile

_TYPES = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class Field:
    """The types of the values at a path, and whether there may be several in one profile.

    A type is str, int, float, bool, or dict for an object. A custom field may hold anything.
    """

    types: frozenset[type]
    may_be_many: bool
    is_custom: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether its numbers are whole."""
        return float not in self.types


CUSTOM = Field(frozenset({*_TYPES, dict}), may_be_many=True, is_custom=True)


@dataclass(frozen=True, slots=True)
class NoField:
    """A path that no valid profile has: `inside`, a part of it, has only the fields `known`."""

    inside: str
    known: tuple[str, ...]
    in_list: bool


@lru_cache(maxsize=1024)
def field_at(path: str) -> Field | NoField:
    """Return what stands at a path."""
    kinds: list[Any] = [Profile]
    may_be_many = False
    reached: list[str] = []
    for part in path.split("."):
        found = [inner for kind in kinds for inner in _inside(kind, part)]
        if CUSTOM in found:
            return CUSTOM
        if not found:
            known = (name for kind in kinds if _is_model(kind) for name in kind.model_fields)
            return NoField(".".join(reached), tuple(known), may_be_many)
        reached.append(part)
        whole = [kind for inner in found for kind in _plain(inner)]
        may_be_many = may_be_many or any(get_origin(kind) is list for kind in whole)
        kinds = [each for kind in whole for each in _elements(kind)]
    types = frozenset(kind if kind in _TYPES else dict for kind in kinds)
    return Field(types, may_be_many)


def _inside(kind: Any, part: str) -> Iterator[Any]:
    """Yield the type of what stands at a key of a type, CUSTOM for a custom field."""
    if _is_model(kind):
        if part in kind.model_fields:
            yield kind.model_fields[part].annotation
        elif (
            kind.model_config.get("extra") == "allow"
            and part.startswith(CUSTOM_PREFIX)
            and part != RESERVED_KEY
        ):
            yield CUSTOM
    elif get_origin(kind) is dict:
        yield get_args(kind)[1]


def _plain(kind: Any) -> Iterator[Any]:
    """Yield the members of a union, without annotations and None."""
    if get_origin(kind) is Annotated:
        yield from _plain(get_args(kind)[0])
    elif get_origin(kind) in {Union, UnionType}:
        for each in get_args(kind):
            yield from _plain(each)
    elif kind is not type(None):
        yield kind


def _elements(kind: Any) -> Iterator[Any]:
    """Yield the types of a list's elements in its place."""
    if get_origin(kind) in {list, tuple}:
        yield from _plain(get_args(kind)[0])
    else:
        yield kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
