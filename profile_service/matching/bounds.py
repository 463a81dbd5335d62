"""Bounds: the sets of campaigns that hold between the bounds of what they compare with."""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from foundation.slices import Steps
from profile_service.matching.bits import bits_of, pack

Level = TypeVar("Level", int, tuple[float, int])


class Bounds(Generic[Level]):
    """Levels in order, and the set that holds before the first and from each of them on.

    Where levels are many and change little each, a set is the nearest whole one before,
    and the places that differ from it.
    """

    def __init__(
        self, levels: Sequence[Level], sets: Sequence[tuple[int, tuple[int, ...]]], size: int
    ) -> None:
        self.levels: Sequence[Level] = levels
        self._sets = sets
        self._size = size

    def past(self, count: int) -> int:
        """Return the set that holds past the first `count` levels."""
        whole, differing = self._sets[count]
        return whole ^ bits_of(differing, self._size) if differing else whole


def bounds(first: int, turned: Mapping[Level, Sequence[int]], size: int) -> Steps[Bounds[Level]]:
    """Build bounds; each level turns its places over, from out to in or from in to out."""
    levels: list[Level] = sorted(turned)
    sets: list[tuple[int, tuple[int, ...]]] = [(first, ())]
    whole = first
    differing: list[int] = []
    for level in levels:
        differing += turned[level]
        packed = pack(differing, size)
        if isinstance(packed, int):
            whole ^= packed
            packed = ()
            differing.clear()
        sets.append((whole, packed))
        yield
    return Bounds(levels, sets, size)
