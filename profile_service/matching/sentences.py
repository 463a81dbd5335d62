"""Sentences on why a condition holds or fails, for an operator to read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from contracts.instants import format_instant
from contracts.matchers import BUCKETS, LevelRange
from profile_service.matching.shown import short_json

_MAX_VALUE = 100  # characters of a value
_MAX_NAMED = 5  # values of a list

_REQUIREMENTS = {
    "eq": "be {}",
    "ne": "not be {}",
    "in": "be one of {}",
    "not_in": "be none of {}",
    "gt": "be more than {}",
    "gte": "be at least {}",
    "lt": "be less than {}",
    "lte": "be at most {}",
    "starts_with": "start with {}",
    "ends_with": "end with {}",
    "contains": "contain {}",
    "before": "be before {}",
    "after": "be after {}",
    "within": "be at most {} before {at}",
    "older_than": "be more than {} before {at}",
    "version_gt": "be a version after {}",
    "version_gte": "be version {} or later",
    "version_lt": "be a version before {}",
    "version_lte": "be version {} or earlier",
    "version_eq": "be version {}",
}


def on_field(path: str, found: Sequence[Any], requirement: str) -> str:
    """Return a sentence on one field, where `found` are the values there as JSON has them."""
    if not found:
        return f"{path} is missing, and must {requirement}"
    return f"{path} is {_value(found[0] if len(found) == 1 else found)}, and must {requirement}"


def requirement_of(operator: str, expected: Any, at: datetime, *, ignore_case: bool = False) -> str:
    """Return what an operator asks for."""
    if operator == "exists":
        return "be there" if expected else "not be there"
    wanted = _several(expected) if isinstance(expected, tuple) else _value(expected)
    requirement = _REQUIREMENTS[operator].format(wanted, at=format_instant(at))
    return f"{requirement}, in upper or lower case" if ignore_case else requirement


def requirement_of_level(level: LevelRange) -> str:
    """Return what a range of levels asks for."""
    if level.max is None:
        return f"be at least {level.min}"
    return f"be at most {level.max}" if level.min is None else f"be {level.min} to {level.max}"


def on_wanted_items(owned: Sequence[str], missing: Sequence[str]) -> str:
    """Return a sentence on the items that the player must have."""
    if missing:
        return f"the player does not have {_several(missing)}"
    return f"the player has {_several(owned)}"


def on_refused_items(owned: Sequence[str], missing: Sequence[str]) -> str:
    """Return a sentence on the items that the player must not have."""
    if owned:
        return f"the player has {_several(owned)}, and must not"
    return f"the player does not have {_several(missing)}"


def on_rollout(salt: str, bucket: int | None, bound: int) -> str:
    """Return a sentence on the player's bucket."""
    if bucket is None:
        return "the profile has no player_id, by which a rollout chooses"
    return (
        f"the player is in bucket {bucket} of {BUCKETS:,} by the salt {quoted(salt)}, and must be "
        f"below {bound}"
    )


def on_segment(name: str, why_not: str | None = None, *, is_in: bool) -> str:
    """Return a sentence on whether the player is in a segment."""
    sentence = f"the player is {'' if is_in else 'not '}in the segment {quoted(name)}"
    return sentence if is_in or why_not is None else f"{sentence}: {why_not}"


def on_unknown_segment(name: str, problem: str) -> str:
    """Return a sentence on a segment that cannot be judged."""
    return f"the segment {quoted(name)} {problem}"


def quoted(value: Any) -> str:
    """Return a value as JSON of at most 100 characters."""
    return short_json(value, _MAX_VALUE)


def _several(values: Sequence[Any]) -> str:
    named = ", ".join(map(_value, values[:_MAX_NAMED]))
    more = len(values) - _MAX_NAMED
    return f"{named} and {more:,} more" if more > 0 else named


def _value(value: Any) -> str:
    if isinstance(value, datetime):
        return format_instant(value)
    return quoted(value)
