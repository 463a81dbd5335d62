"""A campaign changed in one service is the player's answer in the other."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from testbed.builders import PLAYER_ID, golden
from tests.e2e.conftest import Deployment
from tests.e2e.service_clients import active_campaigns, all_become, client_config, eventually_is


def a_running_campaign(**fields: Any) -> dict[str, Any]:
    """Return the golden campaign, its dates moved around now, in the form they were written in."""
    now = datetime.now(UTC)
    return {
        **golden("campaign"),
        "start_date": f"{now - timedelta(days=1):%Y-%m-%d %H:%M:%SZ}",
        "end_date": f"{now + timedelta(days=1):%Y-%m-%d %H:%M:%SZ}",
        **fields,
    }


def test_a_player_is_told_the_campaign_and_all_else_as_it_is_stored(deployment: Deployment) -> None:
    """Every field comes back as it was sent, custom ones too; only active_campaigns is set."""
    deployment.operator.put_campaign(a_running_campaign())
    all_become(deployment.profiles_urls, ["mycampaign"])
    for url in deployment.profiles_urls:
        expected = {**golden("profile"), "active_campaigns": ["mycampaign"]}
        assert client_config(url) == expected
        assert list(client_config(url)) == list(expected)


def test_the_stored_profile_follows_the_answer(deployment: Deployment) -> None:
    """active_campaigns is updated behind the answer, and nothing else of the profile."""
    deployment.operator.put_campaign(a_running_campaign())
    all_become(deployment.profiles_urls, ["mycampaign"])
    expected = {**golden("profile"), "active_campaigns": ["mycampaign"]}
    assert eventually_is(deployment.operator.stored_profile, expected) == expected


def test_a_campaign_that_has_ended_is_nobody_s(deployment: Deployment) -> None:
    """The golden campaign with its own dates, of 2022, is no answer; a marker shows it arrived."""
    deployment.operator.put_campaign(golden("campaign"))
    deployment.operator.put_campaign(a_running_campaign(name="marker"))
    all_become(deployment.profiles_urls, ["marker"])


def test_what_is_disabled_ended_or_deleted_is_gone(deployment: Deployment) -> None:
    """Each way to end a campaign shows in every profile service, and so does each way back."""
    operator, urls = deployment.operator, deployment.profiles_urls
    operator.put_campaign(a_running_campaign())
    all_become(urls, ["mycampaign"])
    operator.patch_campaign("mycampaign", {"enabled": False})
    all_become(urls, [])
    operator.patch_campaign("mycampaign", {"enabled": True})
    all_become(urls, ["mycampaign"])
    operator.patch_campaign("mycampaign", {"end_date": "2022-02-25T00:00:00Z", "start_date": None})
    all_become(urls, [])
    operator.patch_campaign("mycampaign", {"end_date": None})
    all_become(urls, ["mycampaign"])
    operator.delete_campaign("mycampaign")
    all_become(urls, [])


def test_an_import_is_seen_as_a_whole(deployment: Deployment) -> None:
    """What is imported is all there is, highest priority first, names with any letters."""
    operator, urls = deployment.operator, deployment.profiles_urls
    operator.put_campaign(a_running_campaign(name="replaced"))
    all_become(urls, ["replaced"])
    names = ["Summer Event", "Fête d'été", "夏祭り", "50 % off?", "a+b&c=d#e"]
    operator.replace_campaigns(
        *(a_running_campaign(name=name, priority=-at) for at, name in enumerate(names))
    )
    all_become(urls, names)


def test_a_changed_segment_changes_every_campaign_that_needs_it(deployment: Deployment) -> None:
    """Directly or through another segment, although no campaign is written; deleted or not."""
    operator, urls = deployment.operator, deployment.profiles_urls
    level = golden("profile")["level"]
    operator.put_segment("veterans", {"level": {"min": level}})
    operator.put_segment("newcomers", {"none": [{"segment": {"any": ["veterans"]}}]})
    for name, segment, priority in (
        ("for veterans", "veterans", 2),
        ("for others", "newcomers", 1),
    ):
        matchers = {"segment": {"all": [segment]}}
        operator.put_campaign(a_running_campaign(name=name, matchers=matchers, priority=priority))
    all_become(urls, ["for veterans"])
    operator.put_segment("veterans", {"level": {"min": level + 1}})
    all_become(urls, ["for others"])
    operator.put_segment("newcomers", {"level": {"min": level + 1}})
    all_become(urls, [])
    operator.put_segment("veterans", {})
    all_become(urls, ["for veterans"])
    refused = operator.campaigns.delete("/segments/veterans")
    assert (refused.status_code, "'for veterans'" in refused.text) == (409, True)
    operator.delete_campaign("for veterans")
    assert operator.campaigns.delete("/segments/veterans").status_code == 204
    all_become(urls, [])


def test_a_changed_player_is_matched_anew(deployment: Deployment) -> None:
    """A profile written through one profile service is the answer of the other."""
    deployment.operator.put_campaign(a_running_campaign())
    all_become(deployment.profiles_urls, ["mycampaign"])
    inventory = {**golden("profile")["inventory"], "item_1": 0}
    deployment.operator.put_profile({**golden("profile"), "inventory": inventory})
    all_become(deployment.profiles_urls, [])


def test_a_campaign_begins_and_ends_without_an_event(deployment: Deployment) -> None:
    """Its dates are enough: nobody publishes anything when they pass."""
    start = datetime.now(UTC) + timedelta(seconds=2)
    end = start + timedelta(seconds=2)
    campaign = a_running_campaign(start_date=start.isoformat(), end_date=end.isoformat())
    deployment.operator.put_campaign(campaign)
    deployment.operator.put_campaign(a_running_campaign(name="marker", priority=0))
    all_become(deployment.profiles_urls, ["marker"])
    assert datetime.now(UTC) < start, "the machine was too slow to see it scheduled"
    all_become(deployment.profiles_urls, ["mycampaign", "marker"])
    assert start <= datetime.now(UTC) < end
    all_become(deployment.profiles_urls, ["marker"])
    assert datetime.now(UTC) >= end


@pytest.mark.parametrize(
    "wrong",
    [
        {"matchers": {"level": {"min": 3, "max": 1}}},
        {"start_date": "2026-01-02T00:00:00Z", "end_date": "2026-01-01T00:00:00Z"},
        {"colour": "blue"},
    ],
)
def test_a_refused_campaign_changes_nobody_s_answer(
    deployment: Deployment, wrong: dict[str, Any]
) -> None:
    """The message names the field, and players go on with what was there."""
    deployment.operator.put_campaign(a_running_campaign())
    all_become(deployment.profiles_urls, ["mycampaign"])
    campaign = a_running_campaign(**wrong)
    answer = deployment.operator.campaigns.put("/campaigns/mycampaign", json=campaign)
    assert answer.status_code == 422
    assert any(field in answer.text for field in wrong)
    assert [active_campaigns(url) for url in deployment.profiles_urls] == [["mycampaign"]] * 2


def test_an_unknown_player_is_not_found(deployment: Deployment) -> None:
    """404 in the words that clients know."""
    answer = deployment.operator.profiles.get(f"/get_client_config/not-{PLAYER_ID}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Profile not found"})
