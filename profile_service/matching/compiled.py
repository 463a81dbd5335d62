"""The campaigns of a snapshot, put in the order of the answer once and asked many times."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from contracts.snapshot import PublishedCampaign
from profile_service.matching.evaluator import matches


class CompiledCampaigns:
    """An immutable set of campaigns with different names."""

    def __init__(self, campaigns: Iterable[PublishedCampaign]) -> None:
        self._in_order = sorted(campaigns, key=lambda each: (-each.priority, each.name))
        self._by_name = {campaign.name: campaign for campaign in self._in_order}

    def __len__(self) -> int:
        return len(self._in_order)

    def get(self, name: str) -> PublishedCampaign | None:
        """Give the campaign of that name, if there is one."""
        return self._by_name.get(name)

    def matching(self, profile: Mapping[str, Any], at: datetime) -> list[str]:
        """Name the campaigns active at `at` that the profile matches.

        The highest priority comes first, equal ones by name.
        """
        return [
            campaign.name
            for campaign in self._in_order
            if campaign.is_active(at) and matches(campaign.matchers, profile)
        ]
