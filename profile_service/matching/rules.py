"""Rule: all that matching needs to know of a campaign, in the form that an index is built from."""

from dataclasses import dataclass
from datetime import datetime
from sys import intern

from contracts.campaign import Campaign, Conditions
from profile_service.matching.evaluator import SCALAR_FIELDS

# Whether a campaign matches by the value of a field: usually so or not, but for these values.
# Tuples all the way: the garbage collector need not look into them again and again.
ValueRule = tuple[bool, tuple[str, ...]]

_ANY_VALUE: ValueRule = (True, ())


@dataclass(frozen=True, slots=True)
class Rule:
    """A campaign's name, order, dates and matchers.

    Rules sorted by `order` are in the order of the answer. `values` has one for each of
    SCALAR_FIELDS.
    """

    name: str
    order: tuple[float, str]
    enabled: bool
    start: datetime | None
    end: datetime | None
    is_levelled: bool
    min_level: int | None
    max_level: int | None
    values: tuple[ValueRule, ...]
    required: tuple[str, ...]
    refused: tuple[str, ...]


def rule_of(campaign: Campaign) -> Rule:
    """Give the rule of a campaign."""
    matchers = campaign.matchers
    level = matchers.level
    return Rule(
        name=campaign.name,
        order=(-campaign.priority, campaign.name),
        enabled=campaign.enabled,
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
    """Give the values of a list, each once."""
    values = getattr(conditions, field) if conditions else None
    # The same few texts stand in thousands of campaigns.
    return tuple(dict.fromkeys(map(intern, values))) if values else ()
