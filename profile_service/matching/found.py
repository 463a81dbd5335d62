"""FoundValues: what stands at a path of a profile, in the forms in which it is compared."""

from collections.abc import Collection, Hashable, Sequence
from datetime import datetime
from typing import Any

from packaging.version import Version

from profile_service.matching.comparing import (
    folded,
    instant_of,
    is_number,
    key_of,
    text_of,
    version_of,
)
from profile_service.matching.paths import elements

_FEW = 2

# The least and the greatest of some numbers or instants; empty where there are none.
Extent = tuple[Any, ...]


class FoundValues:
    """The values at a path, as `values_at` gives them; each form is made when it is asked for.

    Many campaigns ask the same of one player: each value is converted once.
    """

    # Not by functools.cached_property, which takes a lock in Python 3.11. Of the class until they
    # are made: most are never asked for.
    _extent: Extent | None = None
    _folded: Sequence[str] | None = None
    _instants: Sequence[datetime] | None = None
    _keys: Collection[Hashable] | None = None
    _period: Extent | None = None
    _texts: Sequence[str] | None = None
    _versions: Sequence[Version] | None = None

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values
        self._elements = elements(values)

    def exist(self) -> bool:
        """Return whether anything but null stands there."""
        return any(value is not None for value in self._values)

    def keys(self) -> Collection[Hashable]:
        """Return a key for each value that may be equal to another one."""
        keys = self._keys
        if keys is None:
            # The usual key is written out: a call for each value would cost as much as the rest.
            found = [
                key
                for value in self._elements
                if (key := value if type(value) is str and value.isascii() else key_of(value))
                is not None
            ]
            # Of a few, a set is not worth its making.
            keys = self._keys = found if len(found) <= _FEW else frozenset(found)
        return keys

    def extent(self) -> Extent:
        """Return the least and the greatest number."""
        extent = self._extent
        if extent is None:
            numbers = [value for value in self._elements if type(value) is int or is_number(value)]
            extent = self._extent = _extent(numbers)
        return extent

    def texts(self) -> Sequence[str]:
        """Return the texts, in Unicode NFC."""
        texts = self._texts
        if texts is None:
            texts = self._texts = [
                text for value in self._elements if (text := text_of(value)) is not None
            ]
        return texts

    def folded_texts(self) -> Sequence[str]:
        """Return the texts without regard to case."""
        texts = self._folded
        if texts is None:
            texts = self._folded = [*map(folded, self.texts())]
        return texts

    def instants(self) -> Sequence[datetime]:
        """Return the dates."""
        instants = self._instants
        if instants is None:
            instants = self._instants = [
                instant for value in self._elements if (instant := instant_of(value)) is not None
            ]
        return instants

    def period(self) -> Extent:
        """Return the earliest and the latest date."""
        period = self._period
        if period is None:
            period = self._period = _extent(self.instants())
        return period

    def versions(self) -> Sequence[Version]:
        """Return the versions."""
        versions = self._versions
        if versions is None:
            versions = self._versions = [
                version for value in self._elements if (version := version_of(value)) is not None
            ]
        return versions


def _extent(values: Sequence[Any]) -> Extent:
    if len(values) == 1:
        return (values[0], values[0])
    return (min(values), max(values)) if values else ()
