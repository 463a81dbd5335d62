"""Whether a profile matches a campaign's matchers, read straight from their definition."""

from collections.abc import Mapping
from typing import Any, TypeGuard

from contracts.matchers import Conditions, LevelRange, Matchers, UnknownMatchers

SCALAR_FIELDS = ("country", "language", "gender")
# All that matching reads of a profile: while these stay, the same campaigns match.
MATCHED_FIELDS = ("level", "inventory", *SCALAR_FIELDS)

# `int | float` in its place would be made anew with every call.
_NUMBERS = (int, float)


def matches(matchers: Matchers, profile: Mapping[str, Any]) -> bool:
    """Return whether the profile meets every matcher; an absent matcher matches everyone.

    Matchers that this version does not know match nobody.

    The profile is a stored document that others may have written too. A field that is
    missing, null or of a type that a matcher cannot use fails `level` and `has`, and
    passes `does_not_have`.
    """
    return (
        not isinstance(matchers, UnknownMatchers)
        and (matchers.level is None or _level_within(matchers.level, profile))
        and (matchers.has is None or _has(matchers.has, profile))
        and (matchers.does_not_have is None or _lacks(matchers.does_not_have, profile))
    )


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a value can be compared as a number; a bool is none."""
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


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


def _level_within(level: LevelRange, profile: Mapping[str, Any]) -> bool:
    actual = profile.get("level")
    return (
        is_number(actual)
        and actual == actual  # NaN is no level  # noqa: PLR0124
        and (level.min is None or level.min <= actual)
        and (level.max is None or actual <= level.max)
    )


def _has(conditions: Conditions, profile: Mapping[str, Any]) -> bool:
    return all(
        _is_one_of(allowed, profile.get(field))
        for field in SCALAR_FIELDS
        if (allowed := getattr(conditions, field)) is not None
    ) and (conditions.items is None or owned_items(profile).issuperset(conditions.items))


def _lacks(conditions: Conditions, profile: Mapping[str, Any]) -> bool:
    return not any(
        _is_one_of(refused, profile.get(field))
        for field in SCALAR_FIELDS
        if (refused := getattr(conditions, field)) is not None
    ) and (conditions.items is None or owned_items(profile).isdisjoint(conditions.items))


def _is_one_of(listed: tuple[str, ...], value: object) -> bool:
    # JavaScript code, which BSON has, is a str and no text.
    return type(value) is str and value in listed
