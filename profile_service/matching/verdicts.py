"""Verdicts: why a player is in a campaign or not, among all the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.campaign import Campaign, CampaignStatus
from contracts.instants import format_instant
from foundation.slices import Steps
from profile_service.matching.compiled import CompiledCampaigns
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
    """The campaigns of a snapshot, judged for one profile at one instant.

    With a draft, this takes the place of the campaign of its name, or joins the others.
    """

    def __init__(
        self, campaigns: CompiledCampaigns, explainer: Explainer, draft: Campaign | None
    ) -> None:
        self._campaigns = campaigns
        self._explainer = explainer
        self._draft = draft
        profile, at = explainer.profile, explainer.at
        self._overrides = overrides_of(profile, at)
        answer = campaigns.matched(profile, at, without=None if draft is None else draft.name)
        self._active = {*answer.names}
        self._winners = {
            rule.group: rule.name
            for name in self._active - self._overrides.keys()
            if (rule := campaigns.get(name)) is not None and rule.group is not None
        }
        if draft is not None:
            self._enter(draft)

    @property
    def names(self) -> list[str]:
        """The names of all campaigns, in the order of the answer."""
        orders = [rule.order for rule in self._campaigns.index.rules]
        if self._draft is not None:
            orders = [each for each in orders if each[1] != self._draft.name]
            orders.append(_order(self._draft))
        return [name for _, name in sorted(orders)]

    def is_active(self, name: str) -> bool:
        """Return whether the player is in the campaign of that name."""
        return name in self._active

    def of(self, campaign: Campaign) -> Steps[Verdict]:
        """Return all that there is to say of one of the campaigns."""
        explainer = self._explainer
        yield from explainer.judging(campaign.matchers.segments())
        node = explainer.explain(campaign.matchers, campaign.name)
        override = self._overrides.get(campaign.name)
        winner = None if campaign.group is None else self._winners.get(campaign.group)
        return Verdict(
            campaign=campaign,
            is_active=self.is_active(campaign.name),
            reason=self._reason(campaign, node, override, winner),
            status=campaign.status(explainer.at),
            matchers=node,
            variant=offer_of(campaign).variant(
                explainer.profile, override.variant if override else None
            ),
            group_winner=winner,
            override=override,
        )

    def _enter(self, draft: Campaign) -> None:
        """Let the draft compete with the others."""
        override = self._overrides.get(draft.name)
        if override is not None:
            # One that is not enabled would not be published: no override brings it back.
            if override.is_on and draft.enabled:
                self._active.add(draft.name)
            return
        explainer = self._explainer
        if not draft.is_active(explainer.at):
            return
        if not explainer.explain(draft.matchers, draft.name).verdict:
            return
        if draft.group is not None:
            rival = self._campaigns.get(self._winners.get(draft.group, ""))
            if rival is not None and rival.order < _order(draft):
                return
            if rival is not None:
                self._active.remove(rival.name)
            self._winners[draft.group] = draft.name
        self._active.add(draft.name)

    def _reason(
        self, campaign: Campaign, node: Node, override: Override | None, winner: str | None
    ) -> str:
        if override is not None and override.is_on is self.is_active(campaign.name):
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
    campaigns: CompiledCampaigns,
    profile: Mapping[str, Any],
    at: datetime,
    draft: Campaign | None = None,
) -> Steps[Verdicts]:
    """Judge all campaigns of a snapshot, and a draft, for one profile at one instant."""
    explainer = Explainer(profile, at, campaigns.segments, campaigns.known_segments)
    if draft is not None:
        yield from explainer.judging(draft.matchers.segments())
    return Verdicts(campaigns, explainer, draft)


def _order(campaign: Campaign) -> tuple[float, str]:
    return (-campaign.priority, campaign.name)


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
