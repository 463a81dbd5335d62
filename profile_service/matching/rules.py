"""Rule: all that matching needs to know of a campaign, in the form that an index is built from."""

from dataclasses import dataclass
from datetime import datetime
from sys import intern

from contracts.campaign import Campaign
from contracts.matchers import Conditions, UnknownMatchers
from profile_service.matching.evaluator import SCALAR_FIELDS

# (default, exceptions): whether a campaign matches by default, and the values for which not.
# Tuples all the way: the garbage collector need not look into them again and again.
ValueRule = tuple[bool, tuple[str, ...]]

_ANY_VALUE: ValueRule = (True, ())


@dataclass(frozen=True, slots=True)
class Rule:
    """A campaign's name, order, dates and matchers.

    One that is not `is_readable` has matchers that this version does not know: it is never
    active here.

    Rules sorted by `order` are in the order of the answer. `values` has one for each of
    SCALAR_FIELDS.
    """

    name: str
    order: tuple[float, str]
    enabled: bool
    is_readable: bool
    start: datetime | None
    end: datetime | None
    is_levelled: bool
    min_level: int | None
    max_level: int | None
    values: tuple[ValueRule, ...]
    required: tuple[str, ...]
    refused: tuple[str, ...]


def rule_of(campaign: Campaign) -> Rule:
    """Return the rule of a campaign."""
    matchers = campaign.matchers
    level = matchers.level
    is_readable = not isinstance(matchers, UnknownMatchers)
    return Rule(
        name=campaign.name,
        order=(-campaign.priority, campaign.name),
        enabled=campaign.enabled and is_readable,
        is_readable=is_readable,
        start=campaign.start_date,
        end=campaign.end_date,
        is_levelled=level is not None,
        min_level=level.min if level else None,
        max_level=level.max if level else None,
        values=tuple(
            _value_rule(_listed(matchers.has, field), _listed(matchers.does_not_have, field))
            for field in SCALAR_FIELDS
        ),
        required=_listed(matchers.has, "items"),
        refused=_listed(matchers.does_not_have, "items"),
    )


def _value_rule(wanted: tuple[str, ...], unwanted: tuple[str, ...]) -> ValueRule:
    if not wanted and not unwanted:
        return _ANY_VALUE
    if not wanted:
        return True, unwanted
    refused = frozenset(unwanted)
    return False, tuple(value for value in wanted if value not in refused)


def _listed(conditions: Conditions | None, field: str) -> tuple[str, ...]:
    """Return the values of a list, each once."""
    values = getattr(conditions, field) if conditions else None
    # The same few texts stand in thousands of campaigns.
    return tuple(dict.fromkeys(map(intern, values))) if values else ()
