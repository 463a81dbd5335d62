"""LevelLookup: the campaigns that match a player's level."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence

from foundation.slices import Steps
from profile_service.matching.bits import bits_of
from profile_service.matching.bounds import Bounds, bounds
from profile_service.matching.comparing import is_number
from profile_service.matching.rules import Rule


class LevelLookup:
    """A campaign comes in at its least level, and goes out past its greatest."""

    def __init__(self, unlevelled: int, least: Bounds[int], greatest: Bounds[int]) -> None:
        self._unlevelled = unlevelled
        self._least = least
        self._greatest = greatest

    def matching(self, level: object) -> int:
        """Return the campaigns that a player of this level matches; only a number is a level."""
        if not is_number(level):
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
        (yield from bounds(bits_of(unbounded, size), least, size)),
        (yield from bounds(0, greatest, size)),
    )
