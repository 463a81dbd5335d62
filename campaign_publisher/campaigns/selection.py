"""The selection of campaigns by status, time and game."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from campaign_publisher.log.state import StoredCampaign
from contracts.campaign import Campaign, CampaignStatus


@dataclass(frozen=True)
class Window:
    """The time from `start` (included) to `end` (excluded); a missing bound is open."""

    start: datetime | None = None
    end: datetime | None = None

    def meets(self, campaign: Campaign) -> bool:
        """Return whether the campaign is active at some time in the window."""
        return (
            campaign.enabled
            and not campaign.is_draft
            and _before(campaign.start_date, self.end)
            and _before(self.start, campaign.end_date)
        )


def _before(start: datetime | None, end: datetime | None) -> bool:
    return start is None or end is None or start < end


@dataclass(frozen=True)
class Selection:
    """Campaigns of one status at `at` (of any when None), or active at some time in a window.

    With `game`, only campaigns of that game.
    """

    at: datetime
    status: CampaignStatus | None = CampaignStatus.ACTIVE
    window: Window | None = None
    game: str | None = None

    def has(self, campaign: Campaign) -> bool:
        """Return whether the campaign is selected."""
        if self.game is not None and campaign.game != self.game:
            return False
        if self.window is not None:
            return self.window.meets(campaign)
        return self.status is None or campaign.status(self.at) is self.status


def select(campaigns: Iterable[StoredCampaign], selection: Selection) -> list[StoredCampaign]:
    """Return the selected campaigns, highest priority first, ties by name."""
    chosen = [stored for stored in campaigns if selection.has(stored.campaign)]
    chosen.sort(key=lambda stored: (-stored.campaign.priority, stored.campaign.name))
    return chosen
