"""GrowthBook's SDK: a feature for each campaign, on by a rule with a condition."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.contenders.contender import Evaluate, items_of, lists_of, package
from contracts.campaign import Campaign
from contracts.matchers import Matchers
from profile_service.matching.evaluator import owned_items


def growthbook(campaigns: Sequence[Campaign], profile: Mapping[str, Any]) -> Evaluate:
    """Ask the SDK for every feature."""
    sdk = package("growthbook").GrowthBook(
        attributes={
            **{field: profile[field] for field in ("level", "country", "language", "gender")},
            "items": sorted(owned_items(profile)),
        },
        features={
            campaign.name: {
                "defaultValue": False,
                "rules": [{"condition": _condition(campaign.matchers), "force": True}],
            }
            for campaign in campaigns
        },
    )
    names = [campaign.name for campaign in campaigns]
    return lambda: [name for name in names if sdk.is_on(name)]


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
    return {"$and": wanted}
