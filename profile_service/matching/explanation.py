"""Explanation: the tree of matchers, each part with what it expects, what is there, its verdict.

The verdict of a single condition comes from the functions of the evaluator; that of a whole
follows from its parts, all of which are looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.instants import format_instant
from contracts.matchers import (
    Conditions,
    LevelRange,
    Matchers,
    Rollout,
    SegmentReference,
    UnknownMatchers,
)
from contracts.profile import PLAYER_ID_FIELD
from contracts.where import TEXT_OPERATORS, FieldTest
from foundation.slices import Steps
from profile_service.matching import sentences
from profile_service.matching.evaluator import (
    SCALAR_FIELDS,
    Segments,
    is_one_of,
    level_within,
    owned_items,
    takes,
)
from profile_service.matching.nodes import COMBINATIONS, Node, cause, combined
from profile_service.matching.operators import operators_of
from profile_service.matching.paths import parts_of, values_at
from profile_service.matching.rollout import bucket_of
from profile_service.matching.shown import shown

MAX_CONDITIONS = 1000  # in one tree; segments that come after them are there without theirs

_UNKNOWN = "its matchers are not known to this version"


class Explainer:
    """Explains matchers for one profile at one instant; `known` are segments that can be judged."""

    def __init__(
        self, profile: Mapping[str, Any], at: datetime, segments: Segments, known: frozenset[str]
    ) -> None:
        self.profile = profile
        self.at = at
        self.segments = segments
        self.known = known
        self.memberships: dict[str, bool] = {}

    def explain(self, matchers: Matchers, name: str) -> Node:
        """Return the tree of the matchers of a campaign or a segment of that name.

        A segment's own tree is in it once, and by name only after 1,000 conditions.
        """
        return _Tree(self).whole(matchers, name)

    def is_in(self, segment: str) -> bool:
        """Return whether the player is in a segment that is known; it is judged once."""
        if segment not in self.memberships:
            verdict = self.explain(self.segments[segment], segment).verdict
            self.memberships[segment] = verdict
        return self.memberships[segment]

    def judging(self, segments: set[str]) -> Steps[None]:
        """Judge segments one by one, those that they refer to first."""
        for name in sorted((segments & self.known) - self.memberships.keys()):
            yield from self.judging(self.segments[name].segments())
            self.is_in(name)
            yield


class _Tree:
    """One tree in the making: the segments and the number of conditions that are in it."""

    def __init__(self, explainer: Explainer) -> None:
        self._explainer = explainer
        self._profile = explainer.profile
        self._at = explainer.at
        self._segments: set[str] = set()
        self._conditions = 0

    def whole(self, matchers: Matchers, name: str) -> Node:
        if isinstance(matchers, UnknownMatchers):
            return Node("matchers", verdict=False, reason=_UNKNOWN, is_known=False)
        return combined("all", "matchers", [*self._parts(matchers, name)])

    def _parts(self, matchers: Matchers, name: str) -> Iterator[Node]:
        if matchers.level is not None:
            yield self._level(matchers.level)
        if matchers.has is not None:
            yield combined("all", "has", [*self._has(matchers.has)])
        if matchers.does_not_have is not None:
            yield combined("all", "does_not_have", [*self._lacks(matchers.does_not_have)])
        if matchers.where is not None:
            yield combined("all", "where", [*self._where(matchers.where)])
        for how in COMBINATIONS:
            listed: tuple[Matchers, ...] | None = getattr(matchers, how)
            if listed is not None:
                yield combined(how, how, [self.whole(each, name) for each in listed])
        if matchers.segment is not None:
            yield combined("all", "segment", [*self._references(matchers.segment)])
        if matchers.rollout is not None:
            yield self._rollout(matchers.rollout, name)

    def _level(self, level: LevelRange) -> Node:
        return self._field(
            "level",
            "level",
            level.model_dump(exclude_none=True),
            sentences.requirement_of_level(level),
            verdict=level_within(level, self._profile),
        )

    def _has(self, conditions: Conditions) -> Iterator[Node]:
        for field, values in _lists(conditions):
            is_listed = is_one_of(values, self._profile.get(field))
            yield self._operator("has", field, "in", values, verdict=is_listed)
        if conditions.items is not None:
            owned, missing = self._owned(conditions.items)
            reason = sentences.on_wanted_items(owned, missing)
            yield self._items("has", conditions.items, owned, reason, missing=missing)

    def _lacks(self, conditions: Conditions) -> Iterator[Node]:
        for field, values in _lists(conditions):
            is_listed = is_one_of(values, self._profile.get(field))
            yield self._operator("does_not_have", field, "not_in", values, verdict=not is_listed)
        if conditions.items is not None:
            owned, missing = self._owned(conditions.items)
            reason = sentences.on_refused_items(owned, missing)
            yield self._items("does_not_have", conditions.items, owned, reason, forbidden=owned)

    def _owned(self, items: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return those of the items that the player has, and those that the player has not."""
        owned = owned_items(self._profile)
        listed = [*dict.fromkeys(items)]
        return [each for each in listed if each in owned], [
            each for each in listed if each not in owned
        ]

    def _items(
        self,
        matcher: str,
        items: Sequence[str],
        owned: Sequence[str],
        reason: str,
        *,
        missing: Sequence[str] | None = None,
        forbidden: Sequence[str] | None = None,
    ) -> Node:
        self._conditions += 1
        (listed, had, lacked, refused), is_cut = _all_shown(items, owned, missing, forbidden)
        return Node(
            matcher,
            verdict=not missing and not forbidden,
            path="inventory",
            expected=listed,
            actual=had,
            missing=lacked,
            forbidden=refused,
            is_cut=is_cut,
            reason=reason,
        )

    def _where(self, where: Mapping[str, FieldTest]) -> Iterator[Node]:
        for path, test in where.items():
            values = values_at(self._profile, parts_of(path))
            expected = dict(test.operators())
            for name, operator in operators_of(test):
                ignore_case = bool(test.ignore_case) and name in TEXT_OPERATORS
                yield self._operator(
                    "where",
                    path,
                    name,
                    expected[name],
                    ignore_case=ignore_case,
                    verdict=operator.meets(values, self._at),
                )

    def _operator(
        self,
        matcher: str,
        path: str,
        operator: str,
        expected: Any,
        *,
        ignore_case: bool = False,
        verdict: bool,
    ) -> Node:
        requirement = sentences.requirement_of(
            operator, expected, self._at, ignore_case=ignore_case
        )
        return self._field(
            matcher,
            path,
            format_instant(expected) if isinstance(expected, datetime) else expected,
            requirement,
            operator=operator,
            ignore_case=ignore_case,
            verdict=verdict,
        )

    def _field(
        self,
        matcher: str,
        path: str,
        expected: Any,
        requirement: str,
        *,
        operator: str | None = None,
        ignore_case: bool = False,
        verdict: bool,
    ) -> Node:
        self._conditions += 1
        values = values_at(self._profile, parts_of(path))
        (wanted, found), is_cut = _all_shown(expected, values)
        return Node(
            matcher,
            verdict=verdict,
            path=path,
            operator=operator,
            ignore_case=ignore_case,
            expected=wanted,
            actual=found[0] if len(found) == 1 else found or None,
            is_cut=is_cut,
            reason=sentences.on_field(path, found, requirement),
        )

    def _references(self, reference: SegmentReference) -> Iterator[Node]:
        for how in COMBINATIONS:
            names: tuple[str, ...] | None = getattr(reference, how)
            if names is not None:
                parts = [self._membership(name) for name in names]
                yield combined(how, "segment", parts, operator=how)

    def _membership(self, name: str) -> Node:
        problem = self._problem(name)
        if problem is not None:
            reason = sentences.on_unknown_segment(name, problem)
            return Node("segment", verdict=False, segment=name, reason=reason, is_known=False)
        explainer = self._explainer
        if name in self._segments or self._conditions >= MAX_CONDITIONS:
            is_in = explainer.is_in(name)
            reason = sentences.on_segment(name, is_in=is_in)
            return Node("segment", verdict=is_in, segment=name, reason=reason)
        self._segments.add(name)
        tree = self.whole(explainer.segments[name], name)
        explainer.memberships[name] = tree.verdict
        reason = sentences.on_segment(name, cause(tree), is_in=tree.verdict)
        return Node("segment", verdict=tree.verdict, segment=name, reason=reason, parts=tree.parts)

    def _problem(self, segment: str) -> str | None:
        """Return why a segment cannot be judged, None for one that can."""
        if segment in self._explainer.known:
            return None
        matchers = self._explainer.segments.get(segment)
        if matchers is None:
            return "does not exist"
        if isinstance(matchers, UnknownMatchers):
            return "has matchers that are not known to this version"
        return "refers to segments that are missing or not known to this version"

    def _rollout(self, rollout: Rollout, name: str) -> Node:
        self._conditions += 1
        player_id = self._profile.get(PLAYER_ID_FIELD)
        salt = rollout.salt or name
        bucket = bucket_of(salt, player_id) if type(player_id) is str else None
        return Node(
            "rollout",
            verdict=takes(rollout, self._profile, name),
            expected={"percent": rollout.percent, "salt": salt, "bound": rollout.bound},
            actual=None if bucket is None else {"bucket": bucket},
            reason=sentences.on_rollout(salt, bucket, rollout.bound),
        )


def _lists(conditions: Conditions) -> Iterator[tuple[str, tuple[str, ...]]]:
    for field in SCALAR_FIELDS:
        values: tuple[str, ...] | None = getattr(conditions, field)
        if values is not None:
            yield field, values


def _all_shown(*values: Any) -> tuple[list[Any], bool]:
    """Return values as they are shown, and whether a part of any is left out."""
    both = [shown(value) for value in values]
    return [value for value, _ in both], any(is_cut for _, is_cut in both)
