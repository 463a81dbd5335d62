"""The definition of matching, read once more: what evaluator and index are held to."""

from datetime import datetime
from math import inf
from typing import Any

from contracts.campaign import Campaign
from contracts.matchers import Conditions, Matchers

FIELDS = ("country", "language", "gender")


def _is_number(value: Any) -> bool:
    """Return whether BSON has it as a number: its 64-bit integers are ints of another type."""
    return isinstance(value, int | float) and value is not True and value is not False


def _is_listed(value: Any, listed: Any) -> bool:
    return type(value) is str and value in listed


def plainly_matches(matchers: Matchers, profile: dict[str, Any]) -> bool:
    """Read the definition as a list of objections, of which one is enough."""
    bag = profile.get("inventory")
    bag = bag if type(bag) is dict else {}
    owned = [item for item, count in bag.items() if _is_number(count) and count > 0]
    has = (matchers.has or Conditions.model_construct()).model_dump()
    has_not = (matchers.does_not_have or Conditions.model_construct()).model_dump()
    objections = [not _is_listed(profile.get(field), has[field]) for field in FIELDS if has[field]]
    objections += [
        _is_listed(profile.get(field), has_not[field]) for field in FIELDS if has_not[field]
    ]
    objections += [item not in owned for item in has["items"] or ()]
    objections += [item in owned for item in has_not["items"] or ()]
    if matchers.level:
        level: Any = profile.get("level")
        low = -inf if matchers.level.min is None else matchers.level.min
        high = inf if matchers.level.max is None else matchers.level.max
        objections.append(not (_is_number(level) and low <= level <= high))
    return True not in objections


def plainly_active(campaign: Campaign, at: datetime) -> bool:
    """Read once more when a campaign is active."""
    has_started = campaign.start_date is None or not at < campaign.start_date
    has_ended = campaign.end_date is not None and not at < campaign.end_date
    return campaign.enabled and has_started and not has_ended
