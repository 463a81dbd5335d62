"""Profile Matcher: the index that answers, and the evaluator that it is held equal to."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.contenders.contender import Evaluate
from benchmarks.targeting import SEGMENT_MATCHERS, SEGMENTS
from benchmarks.workload import NOW
from contracts.campaign import Campaign
from profile_service.matching.compiled import CompiledCampaigns
from profile_service.matching.evaluator import matches


def index(campaigns: Sequence[Campaign], profile: Mapping[str, Any]) -> Evaluate:
    """Ask the index."""
    compiled = CompiledCampaigns.of(campaigns, SEGMENTS)
    return lambda: compiled.matching(profile, NOW)


def plain_loop(campaigns: Sequence[Campaign], profile: Mapping[str, Any]) -> Evaluate:
    """Ask the evaluator about each campaign in turn."""
    in_order = sorted(campaigns, key=lambda campaign: (-campaign.priority, campaign.name))
    return lambda: [
        campaign.name
        for campaign in in_order
        if campaign.is_active(NOW)
        and matches(campaign.matchers, profile, NOW, name=campaign.name, segments=SEGMENT_MATCHERS)
    ]
