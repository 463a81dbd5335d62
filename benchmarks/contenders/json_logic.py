"""json-logic-qubit: an expression for each campaign."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.contenders.contender import Evaluate, items_of, lists_of, package
from contracts.campaign import Campaign
from contracts.matchers import Matchers
from profile_service.matching.evaluator import owned_items

Expression = dict[str, Any]


def json_logic(campaigns: Sequence[Campaign], profile: Mapping[str, Any]) -> Evaluate:
    """Evaluate every expression."""
    evaluate = package("json_logic").jsonLogic
    expressions = [(campaign.name, _expression(campaign.matchers)) for campaign in campaigns]
    fields = ("level", "country", "language", "gender")
    values = {field: profile[field] for field in fields} | {"items": sorted(owned_items(profile))}
    return lambda: [name for name, expression in expressions if evaluate(expression, values)]


def _expression(matchers: Matchers) -> Expression:
    wanted = [_in({"var": field}, list(v)) for field, v in lists_of(matchers.has).items()]
    if matchers.level and matchers.level.min is not None:
        wanted.append({">=": [{"var": "level"}, matchers.level.min]})
    if matchers.level and matchers.level.max is not None:
        wanted.append({"<=": [{"var": "level"}, matchers.level.max]})
    wanted += [_in(item, {"var": "items"}) for item in items_of(matchers.has)]
    wanted += [
        {"!": [_in({"var": field}, list(v))]}
        for field, v in lists_of(matchers.does_not_have).items()
    ]
    wanted += [{"!": [_in(item, {"var": "items"})]} for item in items_of(matchers.does_not_have)]
    return {"and": wanted}


def _in(value: Any, values: Any) -> Expression:
    return {"in": [value, values]}
