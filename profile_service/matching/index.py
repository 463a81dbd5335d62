"""Index: the campaigns of a snapshot, arranged so that a player's are found at once.

Each matcher is a lookup that gives a set of campaigns as bits; a player is in those that
are in every set. The evaluator says what the answer must be; the tests hold them equal.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from foundation.slices import Steps
from profile_service.matching.activity import Activity, activity
from profile_service.matching.bits import descending
from profile_service.matching.evaluator import SCALAR_FIELDS
from profile_service.matching.items import ItemLookup, item_lookup
from profile_service.matching.levels import LevelLookup, level_lookup
from profile_service.matching.rules import Rule
from profile_service.matching.values import ValueLookup, value_lookup


class Index:
    """Campaigns by place: the highest place comes first in the answer."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        active: Activity,
        levels: LevelLookup,
        values: Mapping[str, ValueLookup],
        items: ItemLookup,
    ) -> None:
        self._names = names
        self._active = active
        self._levels = levels
        self._values = tuple(values.items())
        self._items = items

    def matching(self, profile: Mapping[str, Any], at: datetime) -> list[str]:
        """Name those that are active at `at` and that the profile matches, in order."""
        found = self._active.at(at) & self._levels.matching(profile.get("level"))
        for field, lookup in self._values:
            found &= lookup.matching(profile.get(field))
        found = self._items.matching(profile.get("inventory"), found)
        names = self._names
        return [names[place] for place in descending(found)]


def index_of(rules: Sequence[Rule]) -> Steps[Index]:
    """Build the index of rules, the one that comes last in the answer first."""
    values: dict[str, ValueLookup] = {}
    for number, field in enumerate(SCALAR_FIELDS):
        values[field] = yield from value_lookup([rule.values[number] for rule in rules])
    return Index(
        [rule.name for rule in rules],
        active=(yield from activity(rules)),
        levels=(yield from level_lookup(rules)),
        values=values,
        items=(yield from item_lookup(rules)),
    )
