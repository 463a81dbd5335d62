"""ItemLookup: the campaigns that match a player's inventory."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from foundation.slices import Steps
from profile_service.matching.bits import PackedSet, bits_of, descending, pack, union
from profile_service.matching.evaluator import is_owned
from profile_service.matching.rules import Rule

Inventory = Mapping[Any, Any]

# So many campaigns are looked at one by one in the time that it takes to narrow them down.
_FEW = 12

# By so many of the items that it requires a campaign is found; others are looked at.
_PIVOTS = 2

_EMPTY: Inventory = {}


class ItemLookup:
    """Looks at the rules of few candidates, and narrows many down first.

    A campaign that requires items is found by the two rarest of them. An item's set has
    three parts, each as long as there are campaigns: those whose rarest item it is, those
    whose second it is, and those that refuse who has it. `demanding` are the campaigns
    that require some, `demanding_two` those that require two or more, and `demanding_more`
    those that are therefore still to be looked at; `concerned` are those that list any.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        items: Mapping[str, PackedSet],
        *,
        concerned: int,
        demanding: int,
        demanding_two: int,
        demanding_more: int,
    ) -> None:
        self._rules = rules
        self._items = items
        self._concerned = concerned
        self._demanding = demanding
        self._demanding_two = demanding_two
        self._demanding_more = demanding_more

    def matching(self, inventory: object, candidates: int) -> int:
        """Return those of the candidates that a player with this inventory matches."""
        doubtful = candidates & self._concerned
        if not doubtful:
            return candidates
        owned = inventory if isinstance(inventory, Mapping) else _EMPTY
        found = candidates
        if doubtful.bit_count() > _FEW:
            found = self._narrowed(owned, candidates)
            doubtful = found & self._demanding_more
        for place in descending(doubtful):
            if not _meets(self._rules[place], owned):
                found ^= 1 << place
        return found

    def _narrowed(self, owned: Inventory, candidates: int) -> int:
        items, size = self._items, len(self._rules)
        listed = [items[item] for item in items.keys() & owned.keys() if is_owned(owned[item])]
        met = union(listed, (_PIVOTS + 1) * size)
        # By & and ^ among the candidates only: ~ would copy sets three times as long.
        one = candidates & self._demanding
        two = candidates & self._demanding_two
        lacking = one ^ (one & met) | two ^ (two & (met >> size))
        return candidates ^ (lacking | candidates & (met >> _PIVOTS * size))


def _meets(rule: Rule, owned: Inventory) -> bool:
    for items, wanted in ((rule.required, True), (rule.refused, False)):
        for item in items:
            if (item in owned and is_owned(owned[item])) is not wanted:
                return False
    return True


def item_lookup(rules: Sequence[Rule]) -> Steps[ItemLookup]:
    """Build the lookup from the rules by place."""
    size = len(rules)
    demand: defaultdict[str, int] = defaultdict(int)
    for rule in rules:
        for item in rule.required:
            demand[item] += 1
        yield
    concerned: list[int] = []
    demanding: list[int] = []
    demanding_two: list[int] = []
    demanding_more: list[int] = []
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, rule in enumerate(rules):
        if rule.required or rule.refused:
            concerned.append(place)
        for part, item in enumerate(sorted(rule.required, key=demand.__getitem__)[:_PIVOTS]):
            (demanding, demanding_two)[part].append(place)
            places[item].append(place + part * size)
        if len(rule.required) > _PIVOTS:
            demanding_more.append(place)
        for item in rule.refused:
            places[item].append(place + _PIVOTS * size)
        yield
    items: dict[str, PackedSet] = {}
    for item, listed in places.items():
        items[item] = pack(listed, (_PIVOTS + 1) * size)
        yield
    return ItemLookup(
        rules,
        items,
        concerned=bits_of(concerned, size),
        demanding=bits_of(demanding, size),
        demanding_two=bits_of(demanding_two, size),
        demanding_more=bits_of(demanding_more, size),
    )
