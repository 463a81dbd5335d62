"""FieldLookup: the campaigns that match the values at one path of a profile."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from contracts.where import FieldTest
from foundation.slices import Steps
from profile_service.matching.bits import PackedSet, bits_of, pack, union
from profile_service.matching.bounds import Bounds, bounds
from profile_service.matching.combining import all_of
from profile_service.matching.comparing import key_of
from profile_service.matching.field_predicates import operator_predicate
from profile_service.matching.found import Extent
from profile_service.matching.player import Player, Predicate

# A bound, and 1 where the bound itself lies below it: for `gt` and `lte`.
Bound = tuple[float, int]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What a campaign asks of the values at one path, in the form that a lookup is built from.

    One of `listed` must be among them (None: anything may), none of `refused`, a number that
    is past `lower`, and one that is not past `upper`. `predicate` asks the same of a player.
    """

    listed: tuple[Hashable, ...] | None
    refused: tuple[Hashable, ...]
    lower: Bound | None
    upper: Bound | None
    predicate: Predicate = field(compare=False)


def field_rule(path: str, test: FieldTest) -> tuple[FieldRule | None, list[Predicate]]:
    """Return what a lookup decides of the tests on a field, and the predicates of the rest."""
    listed: tuple[Hashable, ...] | None = None
    refused: list[Hashable] = []
    lowers: list[Bound] = []
    uppers: list[Bound] = []
    decided: list[Predicate] = []
    rest: list[Predicate] = []
    for name, expected in test.operators():
        predicate = operator_predicate(path, name, expected, ignore_case=bool(test.ignore_case))
        if name in {"eq", "in"} and listed is None:
            listed = _keys([expected] if name == "eq" else expected)
        elif name in {"ne", "not_in"}:
            refused += _keys([expected] if name == "ne" else expected)
        elif name in _LOWER:
            lowers.append((expected, _LOWER[name]))
        elif name in _UPPER:
            uppers.append((expected, _UPPER[name]))
        else:
            # Over a list `eq` and `in` may be met by two elements: the second is verified, too.
            rest.append(predicate)
            continue
        decided.append(predicate)
    if not decided:
        return None, rest
    rule = FieldRule(
        listed,
        tuple(dict.fromkeys(refused)),
        max(lowers, default=None),
        min(uppers, default=None),
        all_of(decided),
    )
    return rule, rest


_LOWER = {"gte": 0, "gt": 1}
_UPPER = {"lt": 0, "lte": 1}


def _keys(values: Iterable[Any]) -> tuple[Hashable, ...]:
    keys = (key_of(value) for value in values)
    return tuple(dict.fromkeys(key for key in keys if key is not None))


class FieldLookup:
    """The campaigns by the values at a path.

    `unlisted` are those that no list of values keeps out, and `listed` those that a value lets
    in; `refused` are those that a value keeps out. A campaign comes in at the lower bound that
    the greatest number is past, and goes out past the upper bound by the least number;
    `unbounded_below` and `unbounded_above` have no such bound. `concerned` are those that ask
    for anything here.
    """

    def __init__(
        self,
        path: str,
        rules: Mapping[int, FieldRule],
        size: int,
        *,
        concerned: int,
        unlisted: int,
        listed: Mapping[Hashable, PackedSet],
        refused: Mapping[Hashable, PackedSet],
        unbounded_below: int,
        unbounded_above: int,
        lower: Bounds[Bound] | None,
        upper: Bounds[Bound] | None,
    ) -> None:
        self.rules = rules
        self.concerned = concerned
        self._path = path
        self._size = size
        self._unlisted = unlisted
        self._listed = listed
        self._refused = refused
        self._unbounded_below = unbounded_below
        self._unbounded_above = unbounded_above
        self._lower = lower
        self._upper = upper

    def matching(self, player: Player, candidates: int) -> int:
        """Return those of the candidates that the values at the path let in."""
        values = player.found(self._path)
        let_in = self._unlisted
        if self._listed:
            let_in |= self._union(self._listed, values.keys())
        found = candidates & let_in
        if self._refused:
            found ^= found & self._union(self._refused, values.keys())
        if self._lower is not None or self._upper is not None:
            found = self._within(values.extent(), found)
        return found

    def _union(self, sets: Mapping[Hashable, PackedSet], keys: Collection[Hashable]) -> int:
        return union([sets[key] for key in keys if key in sets], self._size)

    def _within(self, extent: Extent, found: int) -> int:
        lower, upper = self._lower, self._upper
        if not extent:
            return found & self._unbounded_below & self._unbounded_above
        least, greatest = extent
        if lower is not None:
            found &= lower.past(bisect_right(lower.levels, (greatest, 0)))
        if upper is not None:
            found &= upper.past(bisect_right(upper.levels, (least, 0)))
        return found


def field_lookup(path: str, size: int, rules: Mapping[int, FieldRule]) -> Steps[FieldLookup]:
    """Build the lookup of one path from the rules for it by place; other places ask for nothing."""
    listing: list[int] = []
    listed: defaultdict[Hashable, list[int]] = defaultdict(list)
    refused: defaultdict[Hashable, list[int]] = defaultdict(list)
    least: defaultdict[Bound, list[int]] = defaultdict(list)
    greatest: defaultdict[Bound, list[int]] = defaultdict(list)
    for place, rule in rules.items():
        if rule.listed is not None:
            listing.append(place)
        for key in rule.listed or ():
            listed[key].append(place)
        for key in rule.refused:
            refused[key].append(place)
        if rule.lower is not None:
            least[rule.lower].append(place)
        if rule.upper is not None:
            greatest[rule.upper].append(place)
        yield
    everyone = (1 << size) - 1
    below = everyone ^ bits_of([*chain(*least.values())], size)
    return FieldLookup(
        path,
        rules,
        size,
        concerned=bits_of([*rules], size),
        unlisted=everyone ^ bits_of(listing, size),
        listed=(yield from _packed(listed, size)),
        refused=(yield from _packed(refused, size)),
        unbounded_below=below,
        unbounded_above=everyone ^ bits_of([*chain(*greatest.values())], size),
        lower=(yield from bounds(below, least, size)) if least else None,
        upper=(yield from bounds(everyone, greatest, size)) if greatest else None,
    )


def _packed(
    places: Mapping[Hashable, Sequence[int]], size: int
) -> Steps[dict[Hashable, PackedSet]]:
    sets: dict[Hashable, PackedSet] = {}
    for key, each in places.items():
        sets[key] = pack(each, size)
        yield
    return sets
