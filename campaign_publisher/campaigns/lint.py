"""Warnings about a campaign that is valid and probably not what its author means."""

import unicodedata
from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from campaign_publisher.campaigns.contradictions import Demand, contradiction
from campaign_publisher.campaigns.fields import Field, NoField, field_at
from contracts.campaign import Campaign
from contracts.matchers import BUCKETS, Conditions, Matchers, UnknownMatchers
from contracts.where import FieldTest

MAX_SHADOWING = 50  # campaigns of a group that may hide another one, those that come first

Loc = tuple[str | int, ...]


class Code(StrEnum):
    """The kinds of warnings."""

    NEVER_ACTIVE = "never_active"
    MATCHES_NOBODY = "matches_nobody"
    MATCHES_EVERYONE = "matches_everyone"
    NO_SINGLE_VALUE = "no_single_value"
    UNKNOWN_PATH = "unknown_path"
    DOTTED_KEY = "dotted_key"
    SHADOWED = "shadowed"
    SIMILAR_NAME = "similar_name"


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning: where in the campaign, and why it is probably a mistake."""

    code: Code
    loc: Loc
    msg: str


class Linter:
    """Finds what is probably a mistake in a campaign, on its own and beside others, at `now`."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._names: defaultdict[str, list[str]] = defaultdict(list)
        self._shadowing: defaultdict[tuple[str, str], list[_Shadow]] = defaultdict(list)

    def add(self, campaign: Campaign) -> None:
        """Take a campaign as one that stands beside those to be looked at; each name once."""
        self._names[_skeleton(campaign.name)].append(campaign.name)
        if (
            campaign.group is not None
            and campaign.enabled
            and not campaign.is_draft
            and not campaign.has_ended(self._now)
            and matches_everyone(campaign.matchers)
        ):
            shadows = self._shadowing[campaign.game, campaign.group]
            insort(shadows, _Shadow((-campaign.priority, campaign.name), campaign))
            del shadows[MAX_SHADOWING:]

    def warnings(self, campaign: Campaign) -> list[Warned]:
        """Return all warnings about a campaign."""
        return [
            *self._ended(campaign),
            *matcher_warnings(campaign.matchers, self._now),
            *self._shadowed(campaign),
            *self._similar(campaign),
        ]

    def _ended(self, campaign: Campaign) -> Iterator[Warned]:
        if campaign.has_ended(self._now):
            message = "is in the past: the campaign is never active again"
            yield Warned(Code.NEVER_ACTIVE, ("end_date",), message)

    def _shadowed(self, campaign: Campaign) -> Iterator[Warned]:
        order = (-campaign.priority, campaign.name)
        for shadow in self._shadowing.get((campaign.game, campaign.group or ""), ()):
            if shadow.order >= order:
                return
            if self._covers(shadow.campaign, campaign):
                message = (
                    f"is never the first of its group: {shadow.campaign.name!r} comes before it, "
                    "matches everyone and is active as long"
                )
                yield Warned(Code.SHADOWED, ("group",), message)
                return

    def _covers(self, one: Campaign, other: Campaign) -> bool:
        """Return whether one is active whenever the other is from now on."""
        start = max(other.start_date or self._now, self._now)
        return (one.start_date is None or one.start_date <= start) and (
            one.end_date is None or (other.end_date is not None and other.end_date <= one.end_date)
        )

    def _similar(self, campaign: Campaign) -> Iterator[Warned]:
        for name in self._names.get(_skeleton(campaign.name), ()):
            if name != campaign.name:
                message = f"looks like another campaign's name: {name!r}"
                yield Warned(Code.SIMILAR_NAME, ("name",), message)
                return


@dataclass(frozen=True, slots=True, order=True)
class _Shadow:
    order: tuple[float, str]
    campaign: Campaign = field(compare=False)


def _skeleton(name: str) -> str:
    """Return what names share that differ in case, blank space, - and _, or in lookalikes."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if character not in " -_")


def matcher_warnings(matchers: Matchers, now: datetime) -> list[Warned]:
    """Return the warnings about the matchers of a campaign or a segment."""
    if isinstance(matchers, UnknownMatchers):
        return []
    reading = _Reading(now)
    verdict = reading.read(matchers, ("matchers",))
    if verdict.is_everyone:
        message = "match every player"
        reading.found.append(Warned(Code.MATCHES_EVERYONE, ("matchers",), message))
    return reading.found


def matches_everyone(matchers: Matchers) -> bool:
    """Return whether the matchers say nothing about a player."""
    return not isinstance(matchers, UnknownMatchers) and all(
        _is_bare(each)
        and each.none is None
        and (each.any is None or any(map(matches_everyone, each.any)))
        for each, _ in _together(matchers, ())
    )


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Whether matchers can match nobody, and whether they match everyone."""

    is_nobody: bool
    is_everyone: bool


class _Reading:
    """Reads matchers, and what is nested in them; `found` are the warnings."""

    def __init__(self, now: datetime) -> None:
        self.found: list[Warned] = []
        self._now = now

    def read(self, matchers: Matchers, loc: Loc) -> _Verdict:
        together = [*_together(matchers, loc)]
        own = [*self._nobody(together)]
        is_nobody = bool(own) | self._tests(together)
        self.found += own
        is_everyone = not is_nobody and all(_is_bare(each) for each, _ in together)
        for each, place in together:
            if each.any is not None and len(each.any) > 1:
                verdicts = self._listed(each.any, (*place, "any"))
                is_nobody = is_nobody or all(verdict.is_nobody for verdict in verdicts)
                is_everyone = is_everyone and any(verdict.is_everyone for verdict in verdicts)
            if each.none is not None:
                verdicts = self._listed(each.none, (*place, "none"))
                for index, verdict in enumerate(verdicts):
                    if verdict.is_everyone:
                        is_nobody = True
                        message = "match every player: none of them is left"
                        self._warn(Code.MATCHES_NOBODY, (*place, "none", index), message)
                is_everyone = is_everyone and all(verdict.is_nobody for verdict in verdicts)
        return _Verdict(is_nobody, is_everyone and not is_nobody)

    def _listed(self, listed: Iterable[Matchers], loc: Loc) -> list[_Verdict]:
        return [self.read(each, (*loc, index)) for index, each in enumerate(listed)]

    def _warn(self, code: Code, loc: Loc, message: str) -> None:
        self.found.append(Warned(code, loc, message))

    def _tests(self, together: list[tuple[Matchers, Loc]]) -> bool:
        """Look at all tests that hold together, path by path; return whether no player meets."""
        demands: defaultdict[str, list[Demand]] = defaultdict(list)
        for each, loc in together:
            for path, demand in _demands(each, loc):
                demands[path].append(demand)
        is_nobody = False
        for path, of_path in demands.items():
            place = field_at(path)
            if isinstance(place, NoField):
                self._warn_of_no_field(place, path, of_path[0])
                is_nobody = is_nobody or any(demand.needs_a_value for demand in of_path)
            else:
                is_nobody = self._contradicts(place, path, of_path) or is_nobody
        return is_nobody

    def _contradicts(self, place: Field, path: str, demands: list[Demand]) -> bool:
        found = contradiction(place, demands, self._now)
        if found is None:
            return False
        if found.is_certain:
            message = f"no player's {path} can match: {found.reason}"
            self._warn(Code.MATCHES_NOBODY, found.demand.loc, message)
        else:
            message = f"no single {path} can match, only a list of several: {found.reason}"
            self._warn(Code.NO_SINGLE_VALUE, found.demand.loc, message)
        return found.is_certain

    def _warn_of_no_field(self, place: NoField, path: str, demand: Demand) -> None:
        loc = demand.loc[:-1]
        inside = place.inside or "a profile"
        if place.inside.startswith("inventory."):
            message = (
                f"{path} reads a part of the item {place.inside.partition('.')[2]!r}, which has "
                "none: an item whose name holds a dot is reached by has.items only"
            )
            self._warn(Code.DOTTED_KEY, loc, message)
        elif not place.known:
            self._warn(Code.UNKNOWN_PATH, loc, f"no profile has it: {inside} is a single value")
        else:
            known = ", ".join(place.known)
            entered = "; a list is entered without an index" if place.in_list else ""
            message = (
                f"no profile has it; {inside} has {known}, and custom fields, whose names start "
                f"with '_'{entered}"
            )
            self._warn(Code.UNKNOWN_PATH, loc, message)

    def _nobody(self, together: list[tuple[Matchers, Loc]]) -> Iterator[Warned]:
        """Find items, segments and rollouts that exclude every player."""
        refused = {item for each, _ in together for item in _items(each.does_not_have)}
        for each, loc in together:
            both = next((item for item in _items(each.has) if item in refused), None)
            if both is not None:
                message = f"no player can match: {both!r} is in does_not_have, too"
                yield Warned(Code.MATCHES_NOBODY, (*loc, "has", "items"), message)
            if each.rollout is not None and not each.rollout.bound:
                message = "takes no player"
                yield Warned(Code.MATCHES_NOBODY, (*loc, "rollout", "percent"), message)
        excluded = {
            name
            for each, _ in together
            if each.segment is not None
            for name in each.segment.none or ()
        }
        for each, loc in together:
            if each.segment is None:
                continue
            if not excluded.isdisjoint(each.segment.all or ()):
                message = "no player can match: one of them is in none, too"
                yield Warned(Code.MATCHES_NOBODY, (*loc, "segment", "all"), message)
            if each.segment.any is not None and excluded.issuperset(each.segment.any):
                message = "no player can match: all of them are in none, too"
                yield Warned(Code.MATCHES_NOBODY, (*loc, "segment", "any"), message)


def _together(matchers: Matchers, loc: Loc) -> Iterator[tuple[Matchers, Loc]]:
    """Yield the matchers that a player must meet together: those of `all`, and a lone `any`."""
    yield matchers, loc
    for index, each in enumerate(matchers.all or ()):
        yield from _together(each, (*loc, "all", index))
    if matchers.any is not None and len(matchers.any) == 1:
        yield from _together(matchers.any[0], (*loc, "any", 0))


def _is_bare(matchers: Matchers) -> bool:
    """Return whether nothing but any, all and none, or a rollout to all, stands in matchers."""
    conditions = (
        matchers.level,
        matchers.has,
        matchers.does_not_have,
        matchers.where,
        matchers.segment,
    )
    takes_all = matchers.rollout is None or matchers.rollout.bound == BUCKETS
    return takes_all and all(each is None for each in conditions)


def _items(conditions: Conditions | None) -> tuple[str, ...]:
    return (conditions.items if conditions is not None else None) or ()


def _demands(matchers: Matchers, loc: Loc) -> Iterator[tuple[str, Demand]]:
    """Yield what matchers ask of each field by its path, items left out."""
    if matchers.level is not None:
        for bound, operator in (("min", "gte"), ("max", "lte")):
            limit = getattr(matchers.level, bound)
            if limit is not None:
                place = (*loc, "level", bound)
                yield "level", Demand(place, f"level.{bound}", operator, limit)
    for side, operator in (("has", "in"), ("does_not_have", "not_in")):
        conditions: Conditions | None = getattr(matchers, side)
        for name in ("country", "language", "gender"):
            values = getattr(conditions, name, None)
            if values is not None:
                yield name, Demand((*loc, side, name), f"{side}.{name}", operator, values)
    for path, test in (matchers.where or {}).items():
        yield from ((path, each) for each in _of_test(test, (*loc, "where", path)))


def _of_test(test: FieldTest, loc: Loc) -> Iterator[Demand]:
    for operator, expected in test.operators():
        yield Demand((*loc, operator), operator, operator, expected, bool(test.ignore_case))
