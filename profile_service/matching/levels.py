"""LevelLookup: the campaigns that match a player's level."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence

from foundation.slices import Steps
from profile_service.matching.bits import bits_of, pack
from profile_service.matching.evaluator import is_number
from profile_service.matching.rules import Rule


class Bounds:
    """Levels in order, and the set that holds before the first and from each of them on.

    Where levels are many and change little each, a set is the nearest whole one before,
    and the places that differ from it.
    """

    def __init__(
        self, levels: Sequence[int], sets: Sequence[tuple[int, tuple[int, ...]]], size: int
    ) -> None:
        self.levels = levels
        self._sets = sets
        self._size = size

    def past(self, count: int) -> int:
        """Return the set that holds past the first `count` levels."""
        whole, differing = self._sets[count]
        return whole ^ bits_of(differing, self._size) if differing else whole


class LevelLookup:
    """A campaign comes in at its least level, and goes out past its greatest."""

    def __init__(self, unlevelled: int, least: Bounds, greatest: Bounds) -> None:
        self._unlevelled = unlevelled
        self._least = least
        self._greatest = greatest

    def matching(self, level: object) -> int:
        """Return the campaigns that a player of this level matches; only a number is a level."""
        if not is_number(level) or level != level:  # NaN  # noqa: PLR0124
            return self._unlevelled
        come_in = self._least.past(bisect_right(self._least.levels, level))
        gone_out = self._greatest.past(bisect_left(self._greatest.levels, level))
        return come_in ^ gone_out


def level_lookup(rules: Sequence[Rule]) -> Steps[LevelLookup]:
    """Build the lookup from the rules by place."""
    size = len(rules)
    unlevelled: list[int] = []
    unbounded: list[int] = []
    least: defaultdict[int, list[int]] = defaultdict(list)
    greatest: defaultdict[int, list[int]] = defaultdict(list)
    for place, rule in enumerate(rules):
        if not rule.is_levelled:
            unlevelled.append(place)
        if rule.min_level is None:
            unbounded.append(place)
        else:
            least[rule.min_level].append(place)
        if rule.max_level is not None:
            greatest[rule.max_level].append(place)
        yield
    return LevelLookup(
        bits_of(unlevelled, size),
        (yield from _bounds(bits_of(unbounded, size), least, size)),
        (yield from _bounds(0, greatest, size)),
    )


def _bounds(first: int, turned: Mapping[int, Sequence[int]], size: int) -> Steps[Bounds]:
    """Build bounds; each level turns its places over, from out to in or from in to out."""
    levels = sorted(turned)
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
