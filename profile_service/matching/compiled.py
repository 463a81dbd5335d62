"""The campaigns of a snapshot, compiled once and asked many times."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, Self

from contracts.campaign import Campaign
from contracts.matchers import Matchers
from contracts.profile import OVERRIDES_FIELD, PLAYER_ID_FIELD
from contracts.segment import Segment
from foundation.slices import Steps, at_once, sliced
from profile_service.matching.evaluator import MATCHED_FIELDS, known_segments
from profile_service.matching.index import Index, index_of
from profile_service.matching.offers import Offer
from profile_service.matching.overrides import Override, overrides_of
from profile_service.matching.player import Predicate
from profile_service.matching.predicates import predicate_of, read_fields
from profile_service.matching.rules import Rule, rule_of

_SORTED_AT_ONCE = 500
_ORDER = attrgetter("order")
_NO_OVERRIDES: Mapping[str, Override] = {}


class Matched(NamedTuple):
    """The campaigns that a player is in, in the order of the answer.

    `overrides` are those of the player's that are about one of the campaigns.
    """

    names: list[str]
    overrides: Mapping[str, Override] = _NO_OVERRIDES


class CompiledCampaigns:
    """An immutable set of campaigns with different names, and the segments that they refer to.

    `sources` has the rules by the bytes that they were read from, so that an unchanged campaign
    of the next snapshot is not read again. It is empty for campaigns that were not read.
    `unreadable` are the names of campaigns whose matchers this version does not know, or that
    refer to segments that are missing or not known; `known_segments` are the others.
    `matched_fields` are all that matching reads of a profile: while these stay, the same
    campaigns match.
    """

    def __init__(
        self,
        index: Index,
        sources: Mapping[bytes, Rule],
        segments: Mapping[str, Matchers],
        *,
        unreadable: Sequence[str],
        matched_fields: Sequence[str],
    ) -> None:
        self.index = index
        self.sources = sources
        self.segments = segments
        self.known_segments = frozenset(index.segments)
        self.unreadable = tuple(unreadable)
        self.matched_fields = tuple(matched_fields)
        self._places = {rule.name: place for place, rule in enumerate(index.rules)}

    @classmethod
    def of(cls, campaigns: Iterable[Campaign], segments: Iterable[Segment] = ()) -> Self:
        """Compile campaigns at once."""
        rules = [rule_of(each) for each in campaigns]
        return at_once(cls._compiled(rules, {}, segments, None))

    @classmethod
    async def from_sources(
        cls,
        sources: Mapping[bytes, Rule],
        before: Self | None,
        segments: Iterable[Segment] = (),
        *,
        game: str | None = None,
    ) -> Self:
        """Compile in slices: requests are answered meanwhile.

        What would be compiled as it was `before` is taken from there. With `game`, the campaigns
        of other games are left out.
        """
        rules = [rule for rule in sources.values() if game is None or rule.game == game]
        return await sliced(cls._compiled(rules, sources, segments, before))

    @classmethod
    def _compiled(
        cls,
        rules: list[Rule],
        sources: Mapping[bytes, Rule],
        segments: Iterable[Segment],
        before: Self | None,
    ) -> Steps[Self]:
        matchers = {segment.name: segment.matchers for segment in segments}
        placed = yield from _placed(rules, before.index if before else None)
        predicates = yield from _segment_predicates(matchers, before)
        index = yield from index_of(placed, before.index if before else None, predicates)
        unreadable: list[str] = []
        for rule in placed:
            if not (rule.is_readable and rule.segments <= predicates.keys()):
                unreadable.append(rule.name)
            yield
        fields = yield from _matched_fields(placed, matchers)
        return cls(index, sources, matchers, unreadable=sorted(unreadable), matched_fields=fields)

    def __len__(self) -> int:
        return len(self.index.rules)

    def get(self, name: str) -> Rule | None:
        """Return the rule of the campaign of that name, None without one."""
        place = self._places.get(name)
        return None if place is None else self.index.rules[place]

    def matching(self, profile: Mapping[str, Any], at: datetime) -> list[str]:
        """Return the names of the campaigns that the player is in at `at`.

        The highest priority comes first, equal ones by name.
        """
        return self.matched(profile, at).names

    def matched(
        self, profile: Mapping[str, Any], at: datetime, *, without: str | None = None
    ) -> Matched:
        """Return the campaigns that the player is in at `at`, and the overrides among the reasons.

        Without an override it is in those that are active and match, and in one of each group.
        The campaign named `without` is left out, as if there were none of that name.
        """
        if not profile.get(OVERRIDES_FIELD) and without is None:
            return Matched(self.index.matching(profile, at))
        overrides = {
            name: override
            for name, override in overrides_of(profile, at).items()
            if name in self._places and name != without
        }
        off = [self._places[name] for name, override in overrides.items() if not override.is_on]
        if without in self._places:
            off.append(self._places[without])
        places = self.index.places(
            profile,
            at,
            on=[self._places[name] for name, override in overrides.items() if override.is_on],
            off=off,
        )
        return Matched([self.index.rules[place].name for place in places], overrides)

    def offer(self, name: str) -> Offer:
        """Return the offer of the campaign of that name.

        Raises:
            KeyError: there is none.
        """
        return self.index.rules[self._places[name]].offer


def _matched_fields(
    rules: Sequence[Rule], segments: Mapping[str, Matchers]
) -> Steps[Sequence[str]]:
    fields = {*MATCHED_FIELDS}
    for rule in rules:
        fields |= rule.reads
        yield
    for matchers in segments.values():
        fields |= read_fields(matchers)
        yield
    # The id never changes.
    return sorted(fields - {PLAYER_ID_FIELD})


def _placed(rules: list[Rule], before: Index | None) -> Steps[list[Rule]]:
    """Return the rules by place."""
    if before is not None:
        rules = yield from _in_their_order(rules, before.rules)
    placed: list[Rule] = []
    for begin in range(0, len(rules), _SORTED_AT_ONCE):
        run = rules[begin : begin + _SORTED_AT_ONCE]
        placed += sorted(run, key=_ORDER, reverse=True)
        yield
    # Of sorted runs: next to nothing where they follow each other.
    placed.sort(key=_ORDER, reverse=True)
    yield
    return placed


def _segment_predicates(
    segments: Mapping[str, Matchers], before: CompiledCampaigns | None
) -> Steps[dict[str, Predicate]]:
    """Return the predicates of the segments that can be judged; of unchanged ones the same."""
    known = known_segments(segments)
    yield
    predicates: dict[str, Predicate] = {}
    for name in known:
        matchers = segments[name]
        held = before.index.segments.get(name) if before else None
        if before is None or held is None or before.segments[name] != matchers:
            held = predicate_of(matchers, name)
        predicates[name] = held
        yield
    return predicates


def _in_their_order(rules: list[Rule], before: Sequence[Rule]) -> Steps[list[Rule]]:
    """Return the rules that were there before in their old order, then the others."""
    # By identity: a rule is compared field by field, and what is kept is the same object.
    given = {*map(id, rules)}
    yield
    kept = [rule for rule in before if id(rule) in given]
    yield
    known = {*map(id, kept)}
    return kept + [rule for rule in rules if id(rule) not in known]
