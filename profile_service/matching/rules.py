"""Rule: all that answers need to know of a campaign, in the form that an index is built from."""

from dataclasses import dataclass
from datetime import datetime
from sys import intern

from contracts.campaign import Campaign
from contracts.matchers import Conditions, Matchers, UnknownMatchers
from profile_service.matching.evaluator import SCALAR_FIELDS
from profile_service.matching.fields import FieldRule, field_rule
from profile_service.matching.offers import Offer, offer_of
from profile_service.matching.player import Predicate
from profile_service.matching.predicates import nested_predicates, read_fields

# (default, exceptions): whether a campaign matches by default, and the values for which not.
# Tuples all the way: the garbage collector need not look into them again and again.
ValueRule = tuple[bool, tuple[str, ...]]

_ANY_VALUE: ValueRule = (True, ())
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """A campaign's name, order, dates and matchers, and its offer to clients.

    One that is not `is_readable` has matchers that this version does not know: it is never
    active here. Neither is one that is not `enabled`, or a draft: both are not `enabled` here.

    Rules sorted by `order` are in the order of the answer. `values` has one for each of
    SCALAR_FIELDS, and `fields` one for each path whose tests a lookup can decide; `rest` are
    the predicates of all else. `segments` are the names of those that are referred to, and
    `reads` the fields of a profile that the tests are about, segments left out.
    """

    name: str
    game: str
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
    fields: tuple[tuple[str, FieldRule], ...]
    rest: tuple[Predicate, ...]
    segments: frozenset[str]
    reads: frozenset[str]
    group: str | None
    offer: Offer


def rule_of(campaign: Campaign) -> Rule:
    """Return the rule of a campaign."""
    matchers = campaign.matchers
    level = matchers.level
    is_readable = not isinstance(matchers, UnknownMatchers)
    fields, rest = _fields_and_rest(matchers, campaign.name)
    return Rule(
        name=campaign.name,
        game=intern(campaign.game),
        order=(-campaign.priority, campaign.name),
        enabled=campaign.enabled and is_readable and not campaign.is_draft,
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
        fields=fields,
        rest=rest,
        segments=frozenset(matchers.segments()) or _NONE,
        reads=frozenset(map(intern, read_fields(matchers))) or _NONE,
        group=campaign.group,
        offer=offer_of(campaign),
    )


def _fields_and_rest(
    matchers: Matchers, name: str
) -> tuple[tuple[tuple[str, FieldRule], ...], tuple[Predicate, ...]]:
    fields: list[tuple[str, FieldRule]] = []
    rest: list[Predicate] = []
    for path, test in (matchers.where or {}).items():
        rule, others = field_rule(intern(path), test)
        if rule is not None:
            fields.append((intern(path), rule))
        rest += others
    return tuple(fields), (*rest, *nested_predicates(matchers, name))


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
