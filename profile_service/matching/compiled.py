"""The campaigns of a snapshot, compiled once and asked many times."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Self

from contracts.campaign import Campaign
from foundation.slices import Steps, at_once, sliced
from profile_service.matching.index import Index, index_of
from profile_service.matching.rules import Rule, rule_of

_SORTED_AT_ONCE = 500
_ORDER = attrgetter("order")


class CompiledCampaigns:
    """An immutable set of campaigns with different names.

    `sources` has the rules by the bytes that they were read from, so that an unchanged campaign
    of the next snapshot is not read again. It is empty for campaigns that were not read.
    `unreadable` are the names of campaigns whose matchers this version does not know.
    """

    def __init__(self, index: Index, sources: Mapping[bytes, Rule]) -> None:
        self.index = index
        self.sources = sources
        self.unreadable = tuple(sorted(rule.name for rule in index.rules if not rule.is_readable))

    @classmethod
    def of(cls, campaigns: Iterable[Campaign]) -> Self:
        """Compile campaigns at once."""
        return cls(at_once(_compiled([rule_of(each) for each in campaigns], None)), {})

    @classmethod
    async def from_sources(cls, sources: Mapping[bytes, Rule], before: Self | None) -> Self:
        """Compile in slices: requests are answered meanwhile.

        What would be compiled as it was `before` is taken from there.
        """
        rules = [*sources.values()]
        index = await sliced(_compiled(rules, before.index if before else None))
        return cls(index, sources)

    def __len__(self) -> int:
        return len(self.index.rules)

    def get(self, name: str) -> Rule | None:
        """Return the rule of the campaign of that name, None without one; looks at all of them."""
        return next((rule for rule in self.index.rules if rule.name == name), None)

    def matching(self, profile: Mapping[str, Any], at: datetime) -> list[str]:
        """Return the names of the campaigns active at `at` that the profile matches.

        The highest priority comes first, equal ones by name.
        """
        return self.index.matching(profile, at)


def _compiled(rules: list[Rule], before: Index | None) -> Steps[Index]:
    """Put the rules in their places, and return their index."""
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
    return (yield from index_of(placed, before))


def _in_their_order(rules: list[Rule], before: Sequence[Rule]) -> Steps[list[Rule]]:
    """Return the rules that were there before in their old order, then the others."""
    # By identity: a rule is compared field by field, and what is kept is the same object.
    given = {*map(id, rules)}
    yield
    kept = [rule for rule in before if id(rule) in given]
    yield
    known = {*map(id, kept)}
    return kept + [rule for rule in rules if id(rule) not in known]
