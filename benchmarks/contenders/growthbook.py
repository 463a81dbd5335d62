"""GrowthBook's SDK: a feature for each campaign, on by a rule with a condition."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.contenders.contender import Evaluate, items_of, lists_of, package
from benchmarks.targeting import SEGMENT_MATCHERS
from benchmarks.workload import NOW
from contracts.campaign import Campaign
from contracts.matchers import Matchers
from contracts.profile import PLAYER_ID_FIELD
from contracts.where import FieldTest, parse_duration
from profile_service.matching.evaluator import owned_items, takes


def growthbook(campaigns: Sequence[Campaign], profile: Mapping[str, Any]) -> Evaluate:
    """Ask the SDK for every feature."""
    sdk = package("growthbook").GrowthBook(
        attributes={**profile, "items": sorted(owned_items(profile))},
        features={
            campaign.name: {"defaultValue": False, "rules": [_rule(campaign, profile)]}
            for campaign in campaigns
        },
    )
    names = [campaign.name for campaign in campaigns]
    return lambda: [name for name in names if sdk.is_on(name)]


def _rule(campaign: Campaign, profile: Mapping[str, Any]) -> dict[str, Any]:
    rule = {"condition": _condition(campaign.matchers), "force": True}
    if (rollout := campaign.matchers.rollout) is None:
        return rule
    # Its hash is another one than ours: the player is in or out for certain, so that both name
    # the same campaigns, and the hash is computed all the same.
    is_in = takes(rollout, profile, campaign.name)
    return rule | {"coverage": float(is_in), "hashAttribute": PLAYER_ID_FIELD}


def _condition(matchers: Matchers) -> dict[str, Any]:
    wanted: list[dict[str, Any]] = [
        {field: {"$in": list(values)}} for field, values in lists_of(matchers.has).items()
    ]
    wanted += [
        {field: {"$nin": list(values)}}
        for field, values in lists_of(matchers.does_not_have).items()
    ]
    if matchers.level and matchers.level.min is not None:
        wanted.append({"level": {"$gte": matchers.level.min}})
    if matchers.level and matchers.level.max is not None:
        wanted.append({"level": {"$lte": matchers.level.max}})
    if items := items_of(matchers.has):
        wanted.append({"items": {"$all": list(items)}})
    if items := items_of(matchers.does_not_have):
        wanted.append({"items": {"$nin": list(items)}})
    wanted += [_test(path, test) for path, test in (matchers.where or {}).items()]
    if matchers.any:
        wanted.append({"$or": [_condition(each) for each in matchers.any]})
    if matchers.none:
        wanted.append({"$nor": [_condition(each) for each in matchers.none]})
    if matchers.segment and matchers.segment.any:
        wanted.append({"$or": [_segment(name) for name in matchers.segment.any]})
    wanted += [_segment(name) for name in (matchers.segment and matchers.segment.all) or ()]
    if matchers.segment and matchers.segment.none:
        wanted.append({"$nor": [_segment(name) for name in matchers.segment.none]})
    return {"$and": wanted}


def _segment(name: str) -> dict[str, Any]:
    return _condition(SEGMENT_MATCHERS[name])


def _test(path: str, test: FieldTest) -> dict[str, Any]:
    condition: dict[str, Any] = {}
    for operator, expected in test.operators():
        match operator:
            case "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "exists":
                condition[f"${operator}"] = expected
            case "in":
                condition["$in"] = list(expected)
            case "starts_with":
                condition["$regex"] = f"^{expected}"
            case "within" | "older_than":
                # It knows no durations, and compares dates as text.
                since = (NOW - parse_duration(expected)).strftime("%Y-%m-%d %H:%M:%SZ")
                condition["$gte" if operator == "within" else "$lt"] = since
            case _:
                message = f"the operator {operator} is not in the workload"
                raise ValueError(message)
    head, _, rest = path.partition(".")
    # An array on the way has an operator of its own.
    return {head: {"$elemMatch": {rest: condition}}} if head == "devices" else {path: condition}
