"""The query of GET /campaigns: which campaigns, and when."""

from datetime import datetime
from typing import Literal

from campaign_publisher.campaigns.selection import Selection, Window
from contracts.campaign import CampaignStatus
from foundation.errors import Invalid
from foundation.query import instant_in_query, key_in_query

StatusQuery = Literal["all", "active", "scheduled", "ended", "disabled", "draft"]


def parse_selection(
    *,
    at: str | None,
    start_date: str | None,
    end_date: str | None,
    status: StatusQuery | None,
    game: str | None,
    now: datetime,
) -> Selection:
    """Read the parameters; without any, the active campaigns of now are selected.

    Raises:
        Invalid: one is wrong, or two cannot stand together.
    """
    window = _window(start_date, end_date)
    if window is not None and at is not None:
        raise Invalid.at("query", "at", msg="cannot stand beside start_date or end_date")
    if window is not None and status is not None:
        raise Invalid.at("query", "status", msg="is judged at one time: give at, not a window")
    return Selection(
        at=now if at is None else instant_in_query(at, "at"),
        status=None if status == "all" else CampaignStatus(status or CampaignStatus.ACTIVE),
        window=window,
        game=None if game is None else key_in_query(game, "game"),
    )


def _window(start_date: str | None, end_date: str | None) -> Window | None:
    if start_date is None and end_date is None:
        return None
    start = None if start_date is None else instant_in_query(start_date, "start_date")
    end = None if end_date is None else instant_in_query(end_date, "end_date")
    if start is not None and end is not None and start >= end:
        raise Invalid.at("query", "end_date", msg="must be later than start_date")
    return Window(start, end)
