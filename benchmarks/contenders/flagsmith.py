"""Flagsmith's engine: a segment for each campaign, with a rule of conditions."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.contenders.contender import Evaluate, items_of, lists_of, package
from contracts.campaign import Campaign
from contracts.matchers import Matchers
from profile_service.matching.evaluator import owned_items


def flagsmith(campaigns: Sequence[Campaign], profile: Mapping[str, Any]) -> Evaluate:
    """Ask the engine which segments the player is in."""
    engine = package("flag_engine.engine")
    fields = ("level", "country", "language", "gender")
    traits = {field: profile[field] for field in fields}
    traits |= {_trait(item): True for item in owned_items(profile)}
    context = {
        "environment": {"key": "game", "name": "game"},
        "identity": {"identifier": profile["player_id"], "key": "player", "traits": traits},
        "segments": {
            campaign.name: {
                "key": campaign.name,
                "name": campaign.name,
                "rules": _rules(campaign.matchers),
            }
            for campaign in campaigns
        },
        "features": {},
    }
    return lambda: [
        segment["name"] for segment in engine.get_evaluation_result(context)["segments"]
    ]


def _rules(matchers: Matchers) -> list[dict[str, Any]]:
    wanted = [_condition(field, "IN", list(v)) for field, v in lists_of(matchers.has).items()]
    if matchers.level and matchers.level.min is not None:
        wanted.append(_condition("level", "GREATER_THAN_INCLUSIVE", str(matchers.level.min)))
    if matchers.level and matchers.level.max is not None:
        wanted.append(_condition("level", "LESS_THAN_INCLUSIVE", str(matchers.level.max)))
    wanted += [_condition(_trait(item), "IS_SET", "") for item in items_of(matchers.has)]
    unwanted = [
        _condition(field, "IN", list(v)) for field, v in lists_of(matchers.does_not_have).items()
    ]
    unwanted += [
        _condition(_trait(item), "IS_SET", "") for item in items_of(matchers.does_not_have)
    ]
    rules = [{"type": "ALL", "conditions": wanted}]
    return [*rules, {"type": "NONE", "conditions": unwanted}] if unwanted else rules


def _condition(trait: str, operator: str, value: Any) -> dict[str, Any]:
    return {"property": trait, "operator": operator, "value": value}


def _trait(item: str) -> str:
    return f"item:{item}"
