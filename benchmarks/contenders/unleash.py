"""Unleash's yggdrasil-engine: a feature for each campaign, with a strategy's constraints."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.contenders.contender import Evaluate, items_of, lists_of, package
from contracts.campaign import Campaign
from contracts.matchers import Matchers
from profile_service.matching.evaluator import owned_items

_OWNED = "yes"


def unleash(campaigns: Sequence[Campaign], profile: Mapping[str, Any]) -> Evaluate:
    """Ask the engine for every feature, without counting metrics."""
    engine = package("yggdrasil_engine.engine").UnleashEngine()
    features = [
        {
            "name": campaign.name,
            "enabled": True,
            "strategies": [{"name": "default", "constraints": _constraints(campaign.matchers)}],
        }
        for campaign in campaigns
    ]
    engine.take_state(json.dumps({"version": 2, "features": features}))
    fields = ("level", "country", "language", "gender")
    properties = {field: str(profile[field]) for field in fields}
    properties |= {_property(item): _OWNED for item in owned_items(profile)}
    context = {"properties": properties}
    names = [campaign.name for campaign in campaigns]
    return lambda: [name for name in names if engine.check_enabled(name, context).is_enabled]


def _constraints(matchers: Matchers) -> list[dict[str, Any]]:
    constraints = [_listed(field, "IN", values) for field, values in lists_of(matchers.has).items()]
    constraints += [
        _listed(field, "NOT_IN", values)
        for field, values in lists_of(matchers.does_not_have).items()
    ]
    if matchers.level and matchers.level.min is not None:
        constraints.append(_number("NUM_GTE", matchers.level.min))
    if matchers.level and matchers.level.max is not None:
        constraints.append(_number("NUM_LTE", matchers.level.max))
    constraints += [_listed(_property(item), "IN", (_OWNED,)) for item in items_of(matchers.has)]
    constraints += [
        _listed(_property(item), "NOT_IN", (_OWNED,)) for item in items_of(matchers.does_not_have)
    ]
    return constraints


def _listed(field: str, operator: str, values: Sequence[str]) -> dict[str, Any]:
    return {"contextName": field, "operator": operator, "values": list(values)}


def _number(operator: str, bound: int) -> dict[str, Any]:
    return {"contextName": "level", "operator": operator, "value": str(bound)}


def _property(item: str) -> str:
    return f"item:{item}"
