"""Offer: the part of a campaign that clients receive."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from contracts.campaign import Campaign
from contracts.instants import format_instant
from contracts.profile import PLAYER_ID_FIELD
from profile_service.matching.rollout import variant_of


@dataclass(frozen=True, slots=True)
class Offer:
    """A campaign's name, priority, tags and variants, and its payload as JSON.

    `variants` are names with weights, and `payloads` theirs, in the same order; where one is
    None the campaign's own `payload` stands for it.
    """

    name: str
    priority: float
    tags: tuple[str, ...]
    payload: bytes | None
    variants: tuple[tuple[str, int], ...]
    payloads: tuple[bytes | None, ...]
    end: datetime | None

    def variant(self, profile: Mapping[str, Any], wanted: str | None = None) -> str | None:
        """Return the name of a player's variant: `wanted` where there is such a one.

        None without variants, and for a profile without a player_id.
        """
        if any(name == wanted for name, _ in self.variants):
            return wanted
        player_id = profile.get(PLAYER_ID_FIELD)
        if not self.variants or type(player_id) is not str:
            return None
        return self.variants[variant_of(self.name, self.variants, player_id)][0]

    def content(self, variant: str | None) -> dict[str, Any]:
        """Return the offer with one of its variants as JSON values."""
        payload = self.payload
        for (name, _), own in zip(self.variants, self.payloads, strict=True):
            if name == variant and own is not None:
                payload = own
        return {
            "name": self.name,
            "priority": self.priority,
            "variant": variant,
            "payload": None if payload is None else orjson.Fragment(payload),
            "tags": self.tags,
            "end_date": None if self.end is None else format_instant(self.end),
        }


def offer_of(campaign: Campaign) -> Offer:
    """Return the offer of a campaign."""
    variants = campaign.variants or ()
    return Offer(
        name=campaign.name,
        priority=campaign.priority,
        tags=campaign.tags or (),
        payload=_json(campaign.payload),
        variants=tuple((variant.name, variant.weight) for variant in variants),
        payloads=tuple(_json(variant.payload) for variant in variants),
        end=campaign.end_date,
    )


def _json(payload: Any) -> bytes | None:
    return None if payload is None else orjson.dumps(payload)
