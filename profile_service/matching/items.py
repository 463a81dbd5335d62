"""ItemLookup: who matches by what a player has."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundation.slices import Steps
from profile_service.matching.bits import PackedSet, bits_of, descending, pack, union
from profile_service.matching.evaluator import is_owned
from profile_service.matching.rules import Rule

Inventory = Mapping[Any, Any]

# So many campaigns are looked at one by one in the time that it takes to narrow them down.
_FEW = 12

_EMPTY: Inventory = {}


@dataclass(frozen=True, slots=True)
class ListedItem:
    """The campaigns that are found by an item, and those that refuse who has it."""

    found_by: PackedSet
    refusing: PackedSet


class ItemLookup:
    """Looks at the rules of few candidates, and narrows many down first.

    A campaign that requires items is found by the rarest of them only. `demanding` are
    the campaigns that require some, and `demanding_several` those that are therefore
    still to be looked at; `concerned` are those that list any item.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        items: Mapping[str, ListedItem],
        *,
        concerned: int,
        demanding: int,
        demanding_several: int,
    ) -> None:
        self._rules = rules
        self._items = items
        self._concerned = concerned
        self._demanding = demanding
        self._demanding_several = demanding_several

    def matching(self, inventory: object, candidates: int) -> int:
        """Give those of the candidates that a player with this inventory matches."""
        doubtful = candidates & self._concerned
        if not doubtful:
            return candidates
        owned = inventory if isinstance(inventory, Mapping) else _EMPTY
        found = candidates
        if doubtful.bit_count() > _FEW:
            found = self._narrowed(owned, candidates)
            doubtful = found & self._demanding_several
        for place in descending(doubtful):
            if not _meets(self._rules[place], owned):
                found ^= 1 << place
        return found

    def _narrowed(self, owned: Inventory, candidates: int) -> int:
        listed = [
            self._items[item] for item in self._items.keys() & owned.keys() if is_owned(owned[item])
        ]
        size = len(self._rules)
        found_by = union([item.found_by for item in listed], size)
        refusing = union([item.refusing for item in listed], size)
        return candidates & ~(self._demanding & ~found_by | refusing)


def _meets(rule: Rule, owned: Inventory) -> bool:
    for items, wanted in ((rule.required, True), (rule.refused, False)):
        for item in items:
            if (item in owned and is_owned(owned[item])) is not wanted:
                return False
    return True


def item_lookup(rules: Sequence[Rule]) -> Steps[ItemLookup]:
    """Build the lookup from the rules by place."""
    demand: defaultdict[str, int] = defaultdict(int)
    for rule in rules:
        for item in rule.required:
            demand[item] += 1
        yield
    concerned: list[int] = []
    demanding: list[int] = []
    demanding_several: list[int] = []
    found_by: defaultdict[str, list[int]] = defaultdict(list)
    refusing: defaultdict[str, list[int]] = defaultdict(list)
    for place, rule in enumerate(rules):
        if rule.required or rule.refused:
            concerned.append(place)
        if rule.required:
            demanding.append(place)
            found_by[min(rule.required, key=demand.__getitem__)].append(place)
        if len(rule.required) > 1:
            demanding_several.append(place)
        for item in rule.refused:
            refusing[item].append(place)
        yield
    size = len(rules)
    items: dict[str, ListedItem] = {}
    for item in found_by.keys() | refusing.keys():
        items[item] = ListedItem(
            pack(found_by.get(item, ()), size), pack(refusing.get(item, ()), size)
        )
        yield
    return ItemLookup(
        rules,
        items,
        concerned=bits_of(concerned, size),
        demanding=bits_of(demanding, size),
        demanding_several=bits_of(demanding_several, size),
    )
