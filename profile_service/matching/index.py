"""Index: the campaigns of a snapshot, arranged so that a player's are found at once.

Each matcher is a lookup that gives a set of campaigns as bits; a player is in those that
are in every set. The evaluator says what the answer must be; the tests hold them equal.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from foundation.slices import Steps
from profile_service.matching.activity import Activity, activity
from profile_service.matching.bits import descending
from profile_service.matching.evaluator import SCALAR_FIELDS
from profile_service.matching.items import ItemLookup, item_lookup
from profile_service.matching.levels import LevelLookup, level_lookup
from profile_service.matching.rules import Rule, ValueRule
from profile_service.matching.values import ValueLookup, value_lookup


class Index:
    """Campaigns by place: the highest place comes first in the answer."""

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        active: Activity,
        levels: LevelLookup,
        values: Mapping[str, ValueLookup],
        items: ItemLookup,
    ) -> None:
        self.rules = rules
        self.active = active
        self.levels = levels
        self.values = values
        self.items = items
        self._names = [rule.name for rule in rules]
        self._fields = tuple(values.items())

    def matching(self, profile: Mapping[str, Any], at: datetime) -> list[str]:
        """Return the names of the campaigns active at `at` that the profile matches, in order."""
        found = self.active.at(at) & self.levels.matching(profile.get("level"))
        for field, lookup in self._fields:
            found &= lookup.matching(profile.get(field))
        found = self.items.matching(profile.get("inventory"), found)
        names = self._names
        return [names[place] for place in descending(found)]


def index_of(rules: Sequence[Rule], before: Index | None) -> Steps[Index]:
    """Build the index of rules, the one that comes last in the answer first.

    Of the index that was `before` it takes the lookups that would come out the same,
    place by place: all but one where campaigns were enabled, or got other dates.
    """
    kept = before if before and len(before.rules) == len(rules) else None
    changed = _changed(kept.rules, rules) if kept else []

    def is_kept(part: Callable[[Rule], object]) -> bool:
        return all(part(old) == part(new) for old, new in changed)

    values: dict[str, ValueLookup] = {}
    for number, field in enumerate(SCALAR_FIELDS):
        part = _value_rule(number)
        if kept and is_kept(part):
            values[field] = kept.values[field]
        else:
            values[field] = yield from value_lookup([part(rule) for rule in rules])
    return Index(
        rules,
        active=kept.active if kept and is_kept(_PERIOD) else (yield from activity(rules)),
        levels=kept.levels if kept and is_kept(_LEVEL) else (yield from level_lookup(rules)),
        values=values,
        items=kept.items if kept and is_kept(_ITEMS) else (yield from item_lookup(rules)),
    )


_PERIOD = attrgetter("enabled", "start", "end")
_LEVEL = attrgetter("is_levelled", "min_level", "max_level")
_ITEMS = attrgetter("required", "refused")


def _value_rule(number: int) -> Callable[[Rule], ValueRule]:
    return lambda rule: rule.values[number]


def _changed(before: Sequence[Rule], after: Sequence[Rule]) -> list[tuple[Rule, Rule]]:
    return [(old, new) for old, new in zip(before, after, strict=True) if old is not new]
