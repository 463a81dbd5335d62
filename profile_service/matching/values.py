"""ValueLookup: the campaigns that match the text of one field."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from foundation.slices import Steps
from profile_service.matching.bits import PackedSet, bits_of, pack
from profile_service.matching.rules import ValueRule


class ValueLookup:
    """The campaigns that match by default, and for each listed value the set that matches it."""

    def __init__(self, usual: int, sets: Mapping[str, PackedSet], size: int) -> None:
        self._usual = usual
        self._sets = sets
        self._size = size

    def matching(self, value: object) -> int:
        """Return the campaigns that a player with this value matches; only text is in a list."""
        # Text only: JavaScript code, which BSON has, is a str that has no hash.
        if type(value) is not str or (found := self._sets.get(value)) is None:
            return self._usual
        if isinstance(found, int):
            return found
        return self._usual ^ bits_of(found, self._size)


def value_lookup(rules: Sequence[ValueRule]) -> Steps[ValueLookup]:
    """Build the lookup of one field from the rules for it, by place."""
    size = len(rules)
    usual: list[int] = []
    turned: defaultdict[str, list[int]] = defaultdict(list)
    for place, (usually, unless) in enumerate(rules):
        if usually:
            usual.append(place)
        for value in unless:
            turned[value].append(place)
        yield
    usual_bits = bits_of(usual, size)
    sets: dict[str, PackedSet] = {}
    for value, places in turned.items():
        packed = pack(places, size)
        sets[value] = usual_bits ^ packed if isinstance(packed, int) else packed
        yield
    return ValueLookup(usual_bits, sets, size)
