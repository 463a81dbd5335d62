"""Whether a profile matches matchers, read straight from their definition."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from contracts.matchers import (
    Conditions,
    LevelRange,
    Matchers,
    Rollout,
    SegmentReference,
    UnknownMatchers,
)
from contracts.profile import OVERRIDES_FIELD, PLAYER_ID_FIELD
from contracts.segment import MAX_SEGMENT_NESTING
from contracts.where import FieldTest
from profile_service.matching.comparing import is_number
from profile_service.matching.operators import operators_of
from profile_service.matching.paths import parts_of, values_at
from profile_service.matching.rollout import bucket_of

SCALAR_FIELDS = ("country", "language", "gender")
# What matching reads of a profile besides the fields that `where` names.
MATCHED_FIELDS = ("level", "inventory", *SCALAR_FIELDS, OVERRIDES_FIELD)

# The matchers of segments by name.
Segments = Mapping[str, Matchers]

_NO_SEGMENTS: Segments = MappingProxyType({})

# `int | float` in its place would be made anew with every call.
_NUMBERS = (int, float)


def matches(
    matchers: Matchers,
    profile: Mapping[str, Any],
    at: datetime,
    *,
    name: str = "",
    segments: Segments = _NO_SEGMENTS,
) -> bool:
    """Return whether the profile meets every matcher at `at`; an absent one matches everyone.

    `name` is the name of the campaign or the segment that the matchers are of, which is the
    salt of a rollout without one. Matchers that this version does not know match nobody, and
    so do those that refer to a segment that is missing or not known.

    The profile is a stored document that others may have written too. A field that is
    missing, null or of a type that a matcher cannot use fails `level` and `has`, and
    passes `does_not_have`; `contracts.where.FieldTest` says what it does to `where`.
    """
    return is_known(matchers, segments) and _matches(matchers, profile, at, name, segments)


def is_known(matchers: Matchers, segments: Segments) -> bool:
    """Return whether the matchers, and all segments that they refer to, can be judged."""
    if isinstance(matchers, UnknownMatchers):
        return False
    names = matchers.segments()
    return not names or names <= known_segments(segments)


def known_segments(segments: Segments) -> frozenset[str]:
    """Return the names of the segments that can be judged, and so can all that they refer to.

    One in a cycle, or nested deeper than the campaign service lets it be, is not among them.
    """
    known: frozenset[str] = frozenset()
    for _ in range(MAX_SEGMENT_NESTING):
        known = frozenset(
            name
            for name, matchers in segments.items()
            if not isinstance(matchers, UnknownMatchers) and matchers.segments() <= known
        )
    return known


def _matches(
    matchers: Matchers, profile: Mapping[str, Any], at: datetime, name: str, segments: Segments
) -> bool:
    def match(others: Matchers) -> bool:
        return _matches(others, profile, at, name, segments)

    def is_in(segment: str) -> bool:
        return _matches(segments[segment], profile, at, segment, segments)

    return (
        (matchers.level is None or level_within(matchers.level, profile))
        and (matchers.has is None or has(matchers.has, profile))
        and (matchers.does_not_have is None or lacks(matchers.does_not_have, profile))
        and (matchers.where is None or _passes(matchers.where, profile, at))
        and (matchers.any is None or any(map(match, matchers.any)))
        and (matchers.all is None or all(map(match, matchers.all)))
        and (matchers.none is None or not any(map(match, matchers.none)))
        and (matchers.segment is None or _refers(matchers.segment, is_in))
        and (matchers.rollout is None or takes(matchers.rollout, profile, name))
    )


def is_owned(quantity: object) -> bool:
    """Return whether a player who has so many of an item has it at all."""
    # A bool is no number, and of the two only True is more than zero. Asked for every item
    # of every player: this takes half the time of asking is_number.
    return isinstance(quantity, _NUMBERS) and quantity > 0 and quantity is not True


def owned_items(profile: Mapping[str, Any]) -> frozenset[str]:
    """Return the items that the profile has at least some of."""
    inventory = profile.get("inventory")
    if not isinstance(inventory, Mapping):
        return frozenset()
    return frozenset(item for item, quantity in inventory.items() if is_owned(quantity))


def level_within(level: LevelRange, profile: Mapping[str, Any]) -> bool:
    """Return whether the player's level is in the range."""
    actual = profile.get("level")
    return (
        is_number(actual)
        and (level.min is None or level.min <= actual)
        and (level.max is None or actual <= level.max)
    )


def has(conditions: Conditions, profile: Mapping[str, Any]) -> bool:
    """Return whether the profile has one of each list of values, and all items."""
    return all(
        is_one_of(allowed, profile.get(field))
        for field in SCALAR_FIELDS
        if (allowed := getattr(conditions, field)) is not None
    ) and (conditions.items is None or owned_items(profile).issuperset(conditions.items))


def lacks(conditions: Conditions, profile: Mapping[str, Any]) -> bool:
    """Return whether the profile has none of the values, and none of the items."""
    return not any(
        is_one_of(refused, profile.get(field))
        for field in SCALAR_FIELDS
        if (refused := getattr(conditions, field)) is not None
    ) and (conditions.items is None or owned_items(profile).isdisjoint(conditions.items))


def is_one_of(listed: tuple[str, ...], value: object) -> bool:
    """Return whether a value is one of the listed texts."""
    # JavaScript code, which BSON has, is a str and no text.
    return type(value) is str and value in listed


def takes(rollout: Rollout, profile: Mapping[str, Any], name: str) -> bool:
    """Return whether a rollout takes the player; `name` is the salt of one without."""
    player_id = profile.get(PLAYER_ID_FIELD)
    return type(player_id) is str and bucket_of(rollout.salt or name, player_id) < rollout.bound


def _passes(where: Mapping[str, FieldTest], profile: Mapping[str, Any], at: datetime) -> bool:
    return all(
        operator.meets(values_at(profile, parts_of(path)), at)
        for path, test in where.items()
        for _, operator in operators_of(test)
    )


def _refers(reference: SegmentReference, is_in: Callable[[str], bool]) -> bool:
    return (
        (reference.any is None or any(map(is_in, reference.any)))
        and (reference.all is None or all(map(is_in, reference.all)))
        and (reference.none is None or not any(map(is_in, reference.none)))
    )
