"""Verdicts: why a player is in a campaign or not, among all the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.campaign import Campaign, CampaignStatus
from contracts.instants import format_instant
from foundation.slices import Steps
from profile_service.matching.evaluator import Segments
from profile_service.matching.explanation import Explainer
from profile_service.matching.nodes import Node, cause
from profile_service.matching.offers import offer_of
from profile_service.matching.overrides import Override, overrides_of
from profile_service.matching.sentences import quoted
from profile_service.matching.shown import shown

ACTIVE = "the campaign is active, and the player matches"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a player is in a campaign at an instant, or is not.

    `is_active` is whether the player is in it, `reason` why, in one sentence. `variant` is the
    one that the player has, or would have. `group_winner` is the campaign that is in the answer
    for the group, overrides left out.
    """

    campaign: Campaign
    is_active: bool
    reason: str
    status: CampaignStatus
    matchers: Node
    variant: str | None
    group_winner: str | None
    override: Override | None

    def content(self, *, with_tree: bool = True) -> dict[str, Any]:
        """Return the verdict as JSON values, `matchers` null without the tree."""
        campaign = self.campaign
        return {
            "name": campaign.name,
            "priority": campaign.priority,
            "active": self.is_active,
            "reason": self.reason,
            "status": self.status.value,
            "start_date": _date(campaign.start_date),
            "end_date": _date(campaign.end_date),
            "matches": self.matchers.verdict,
            "variant": self.variant,
            "group": campaign.group,
            "group_winner": self.group_winner,
            "override": None if self.override is None else _override(self.override),
            "matchers": self.matchers.content() if with_tree else None,
        }


class Verdicts:
    """Campaigns with different names, judged together for one profile at one instant.

    `campaigns` are in the order of the answer.
    """

    def __init__(
        self, campaigns: Sequence[Campaign], explainer: Explainer, matching: frozenset[str]
    ) -> None:
        self.campaigns = campaigns
        self._explainer = explainer
        self._matching = matching
        self._overrides = overrides_of(explainer.profile, explainer.at)
        self._winners = self._group_winners()

    def is_active(self, campaign: Campaign) -> bool:
        """Return whether the player is in the campaign."""
        override = self._overrides.get(campaign.name)
        if override is not None:
            # One that is not enabled is not published: no override brings it back.
            return override.is_on and campaign.enabled
        return self._competes(campaign) and (
            campaign.group is None or self._winners[campaign.group] == campaign.name
        )

    def of(self, campaign: Campaign) -> Verdict:
        """Return all that there is to say of the campaign."""
        override = self._overrides.get(campaign.name)
        node = self._explainer.explain(campaign.matchers, campaign.name)
        winner = None if campaign.group is None else self._winners.get(campaign.group)
        return Verdict(
            campaign=campaign,
            is_active=self.is_active(campaign),
            reason=self._reason(campaign, node, override, winner),
            status=campaign.status(self._explainer.at),
            matchers=node,
            variant=offer_of(campaign).variant(
                self._explainer.profile, override.variant if override else None
            ),
            group_winner=winner,
            override=override,
        )

    def _competes(self, campaign: Campaign) -> bool:
        """Return whether the player would be in the campaign if it had no override or group."""
        return campaign.name in self._matching and campaign.is_active(self._explainer.at)

    def _group_winners(self) -> dict[str, str]:
        winners: dict[str, str] = {}
        for campaign in self.campaigns:
            is_free = campaign.name not in self._overrides
            if campaign.group is not None and is_free and self._competes(campaign):
                winners.setdefault(campaign.group, campaign.name)
        return winners

    def _reason(
        self, campaign: Campaign, node: Node, override: Override | None, winner: str | None
    ) -> str:
        if override is not None and campaign.enabled:
            return _on_override(override)
        status = campaign.status(self._explainer.at)
        if status is not CampaignStatus.ACTIVE:
            return _on_status(campaign, status)
        if not node.verdict:
            return cause(node)
        if winner is not None and winner != campaign.name:
            return f"{quoted(winner)} comes before it in the group {quoted(campaign.group)}"
        return ACTIVE


def judged(
    campaigns: Iterable[Campaign],
    profile: Mapping[str, Any],
    at: datetime,
    segments: Segments,
    known: frozenset[str],
) -> Steps[Verdicts]:
    """Judge campaigns together; `known` are the segments that can be judged."""
    explainer = Explainer(profile, at, segments, known)
    ordered = sorted(campaigns, key=lambda campaign: (-campaign.priority, campaign.name))
    yield
    matching: set[str] = set()
    for campaign in ordered:
        yield from explainer.judging(campaign.matchers.segments())
        if explainer.explain(campaign.matchers, campaign.name).verdict:
            matching.add(campaign.name)
        yield
    return Verdicts(ordered, explainer, frozenset(matching))


def _on_override(override: Override) -> str:
    actor, _ = shown(override.actor)
    by = "" if actor is None else f" by {quoted(actor)}"
    state = "on" if override.is_on else "off"
    return f"an override{by} turns it {state} until {format_instant(override.until)}"


def _on_status(campaign: Campaign, status: CampaignStatus) -> str:
    reasons = {
        CampaignStatus.DRAFT: "is a draft, which is for players with an override only",
        CampaignStatus.ENDED: f"ended at {_date(campaign.end_date)}",
        CampaignStatus.SCHEDULED: f"starts at {_date(campaign.start_date)}",
    }
    return f"the campaign {reasons.get(status, 'is disabled')}"


def _override(override: Override) -> dict[str, Any]:
    (variant, _), (actor, _) = shown(override.variant), shown(override.actor)
    return {
        "state": "on" if override.is_on else "off",
        "variant": variant,
        "until": format_instant(override.until),
        "actor": actor,
    }


def _date(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)
