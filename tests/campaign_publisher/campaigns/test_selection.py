"""Which campaigns an operator asked to see."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_publisher.campaigns.selection import Selection, Window, select
from campaign_publisher.log.state import StoredCampaign
from contracts.campaign import Campaign, CampaignStatus, LoggedCampaign
from testbed.builders import NOW, a_campaign
from tests import strategies

HOUR = timedelta(hours=1)


def names(campaigns: list[Campaign], selection: Selection) -> list[str]:
    """Return the names of the selected campaigns, in order."""
    stored = [StoredCampaign.of(LoggedCampaign.of(campaign), 1) for campaign in campaigns]
    return [found.campaign.name for found in select(stored, selection)]


CAMPAIGNS = [
    a_campaign("always"),
    a_campaign("begins now", start=NOW),
    a_campaign("ends now", end=NOW),
    a_campaign("off", enabled=False),
    a_campaign("off and over", enabled=False, end=NOW - HOUR),
    a_campaign("tomorrow", start=NOW + 24 * HOUR),
]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (CampaignStatus.ACTIVE, ["always", "begins now"]),
        (CampaignStatus.ENDED, ["ends now"]),
        (CampaignStatus.DISABLED, ["off", "off and over"]),
        (CampaignStatus.SCHEDULED, ["tomorrow"]),
        (None, [campaign.name for campaign in CAMPAIGNS]),
    ],
)
def test_status(status: CampaignStatus | None, expected: list[str]) -> None:
    """Each campaign has one status at an instant; without one all are selected."""
    assert names(CAMPAIGNS, Selection(at=NOW, status=status)) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, NOW, ["always", "ends now"]),
        (NOW, None, ["always", "begins now", "tomorrow"]),
        (NOW - HOUR, NOW, ["always", "ends now"]),
        (NOW, NOW + HOUR, ["always", "begins now"]),
        (NOW + 23 * HOUR, NOW + 25 * HOUR, ["always", "begins now", "tomorrow"]),
    ],
)
def test_window(start: datetime | None, end: datetime | None, expected: list[str]) -> None:
    """What is active at some time of the window, whose end is excluded; never a disabled one."""
    assert names(CAMPAIGNS, Selection(at=NOW, window=Window(start, end))) == expected


def test_game() -> None:
    """Only campaigns of that game, whatever else is asked."""
    campaigns = [a_campaign("a", game="one"), a_campaign("b", game="other")]
    assert names(campaigns, Selection(at=NOW, game="other")) == ["b"]
    window = Window(NOW, None)
    assert names(campaigns, Selection(at=NOW, game="one", window=window)) == ["a"]


def test_order() -> None:
    """Highest priority first, equal ones by name."""
    campaigns = [
        a_campaign("b", priority=1),
        a_campaign("a", priority=1),
        a_campaign("low", priority=-5),
        a_campaign("high", priority=10.5),
    ]
    assert names(campaigns, Selection(at=NOW)) == ["high", "a", "b", "low"]


@given(
    campaigns=st.lists(strategies.campaigns(), max_size=5, unique_by=lambda each: each.name),
    start=strategies.moments(),
    seconds=st.integers(1, 10**7),
    share=st.floats(0, 1, exclude_max=True),
)
def test_what_is_active_in_a_window_is_in_it(
    campaigns: list[Campaign], start: datetime, seconds: int, share: float
) -> None:
    """Whatever is active at an instant is selected by every window that holds that instant."""
    try:
        end = start + timedelta(seconds=seconds)
    except OverflowError:
        return
    at = start + timedelta(seconds=int(seconds * share))
    active = names(campaigns, Selection(at=at))
    assert set(active) <= set(names(campaigns, Selection(at=at, window=Window(start, end))))
