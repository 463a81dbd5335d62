"""Index: the campaigns of a snapshot, arranged so that a player's are found at once.

Each matcher is a lookup that gives a set of campaigns as bits; a player is in those that
are in every set. What no lookup decides is verified on the campaigns that are left. The
evaluator says what the answer must be; the tests hold them equal.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from foundation.slices import Steps
from profile_service.matching.activity import Activity, activity
from profile_service.matching.bits import bits_of, descending
from profile_service.matching.combining import all_of
from profile_service.matching.evaluator import SCALAR_FIELDS
from profile_service.matching.fields import FieldLookup, FieldRule, field_lookup
from profile_service.matching.items import ItemLookup, item_lookup
from profile_service.matching.levels import LevelLookup, level_lookup
from profile_service.matching.player import Player, Predicate
from profile_service.matching.rules import Rule, ValueRule
from profile_service.matching.values import ValueLookup, value_lookup

# So many campaigns are verified in the time that it takes to narrow them down.
_FEW = 24
# A lookup costs every player its time: where fewer campaigns ask for a path, they are verified.
INDEXED_FROM = 8


class Verified(NamedTuple):
    """The campaigns that are looked at one by one, as bits, and their predicates by place."""

    places: int
    predicates: Mapping[int, Predicate]


class Index:
    """Campaigns by place: the highest place comes first in the answer.

    `judged` are the campaigns of whose segments all are known; no other one is ever active.
    `grouped` are those that belong to a group. `verified` has the predicates of all that is asked
    of fields by path, and `rest` those of what the lookups of `fields` do not decide. `segments`
    has the predicates of those that can be judged.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        active: Activity,
        levels: LevelLookup,
        values: Mapping[str, ValueLookup],
        items: ItemLookup,
        fields: Mapping[str, FieldLookup],
        verified: Verified,
        rest: Verified,
        segments: Mapping[str, Predicate],
        judged: int,
        grouped: int,
    ) -> None:
        self.rules = rules
        self.active = active
        self.levels = levels
        self.values = values
        self.items = items
        self.fields = fields
        self._names = [rule.name for rule in rules]
        self._values = tuple(values.items())
        self._fields = tuple(fields.values())
        self._verified = verified
        self._rest = rest
        self.segments = segments
        self._judged = judged
        self._grouped = grouped

    def matching(self, profile: Mapping[str, Any], at: datetime) -> list[str]:
        """Return the names of the campaigns active at `at` that the profile matches, in order."""
        names = self._names
        return [names[place] for place in self.places(profile, at)]

    def places(
        self,
        profile: Mapping[str, Any],
        at: datetime,
        *,
        on: Collection[int] = (),
        off: Collection[int] = (),
    ) -> list[int]:
        """Return the places of the campaigns that the player is in at `at`, in order.

        Those in `on` are among them whatever their matchers, dates and groups are, and those in
        `off` are not.
        """
        found = self._looked_up(profile, at)
        for place in (*off, *on):
            found &= ~(1 << place)
        places = self._verified_of(found, profile, at)
        if found & self._grouped:
            places = self._first_of_groups(places)
        return sorted((*places, *on), reverse=True) if on else places

    def _looked_up(self, profile: Mapping[str, Any], at: datetime) -> int:
        found = self.active.at(at) & self._judged & self.levels.matching(profile.get("level"))
        for field, values in self._values:
            found &= values.matching(profile.get(field))
        return self.items.matching(profile.get("inventory"), found)

    def _verified_of(self, found: int, profile: Mapping[str, Any], at: datetime) -> list[int]:
        """Return the places of those that meet what no lookup has decided, in order."""
        asking = found & self._verified.places
        if not asking:
            return descending(found)
        player = Player(profile, at, self.segments)
        verified = self._verified
        # A lookup takes as long as to look at a few campaigns.
        if asking.bit_count() > _FEW:
            verified = self._rest
            for lookup in self._fields:
                if found & lookup.concerned:
                    found = lookup.matching(player, found)
        predicate_at = verified.predicates.get
        return [
            place
            for place in descending(found)
            if (predicate := predicate_at(place)) is None or predicate(player)
        ]

    def _first_of_groups(self, places: Sequence[int]) -> list[int]:
        """Return the places without those of campaigns that are not the first of their group."""
        groups: set[str] = set()
        kept: list[int] = []
        for place in places:
            group = self.rules[place].group
            if group is None or group not in groups:
                kept.append(place)
            if group is not None:
                groups.add(group)
        return kept


def index_of(
    rules: Sequence[Rule], before: Index | None, segments: Mapping[str, Predicate]
) -> Steps[Index]:
    """Build the index of rules, the one that comes last in the answer first.

    Of the index that was `before` it takes the lookups that would come out the same,
    place by place: all but one where campaigns were enabled, or got other dates. `segments`
    are those that can be judged.
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
    fields = yield from _field_lookups(rules, kept)
    size = len(rules)
    return Index(
        rules,
        active=kept.active if kept and is_kept(_PERIOD) else (yield from activity(rules)),
        levels=kept.levels if kept and is_kept(_LEVEL) else (yield from level_lookup(rules)),
        values=values,
        items=kept.items if kept and is_kept(_ITEMS) else (yield from item_lookup(rules)),
        fields=fields,
        verified=(yield from _verified(rules, ())),
        rest=(yield from _verified(rules, fields)),
        segments=segments,
        judged=bits_of(
            [place for place, rule in enumerate(rules) if rule.segments <= segments.keys()], size
        ),
        grouped=bits_of(
            [place for place, rule in enumerate(rules) if rule.group is not None], size
        ),
    )


def _field_lookups(rules: Sequence[Rule], kept: Index | None) -> Steps[dict[str, FieldLookup]]:
    by_path: defaultdict[str, dict[int, FieldRule]] = defaultdict(dict)
    for place, rule in enumerate(rules):
        for path, field in rule.fields:
            by_path[path][place] = field
        yield
    lookups: dict[str, FieldLookup] = {}
    for path, places in by_path.items():
        if len(places) < INDEXED_FROM:
            continue
        before = kept.fields.get(path) if kept else None
        if before is not None and before.rules == places:
            lookups[path] = before
        else:
            lookups[path] = yield from field_lookup(path, len(rules), places)
    return lookups


def _verified(rules: Sequence[Rule], decided: Collection[str]) -> Steps[Verified]:
    """Return what is to be verified where the paths in `decided` are looked up."""
    predicates: dict[int, Predicate] = {}
    for place, rule in enumerate(rules):
        rest = [field.predicate for path, field in rule.fields if path not in decided]
        rest += rule.rest
        if rest:
            predicates[place] = all_of(rest)
        yield
    return Verified(bits_of([*predicates], len(rules)), predicates)


_PERIOD = attrgetter("enabled", "start", "end")
_LEVEL = attrgetter("is_levelled", "min_level", "max_level")
_ITEMS = attrgetter("required", "refused")


def _value_rule(number: int) -> Callable[[Rule], ValueRule]:
    return lambda rule: rule.values[number]


def _changed(before: Sequence[Rule], after: Sequence[Rule]) -> list[tuple[Rule, Rule]]:
    return [(old, new) for old, new in zip(before, after, strict=True) if old is not new]
