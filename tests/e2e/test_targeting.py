"""From a draft to a rollout: what an operator does with a campaign, on real servers."""

from typing import Any

from testbed.builders import PLAYER_ID, golden
from tests.e2e.conftest import Deployment
from tests.e2e.service_clients import (
    active_campaigns,
    all_become,
    client_config,
    eventually_is,
)

OFFER: dict[str, Any] = {
    "game": "mygame",
    "name": "Spring Offer",
    "matchers": {
        "where": {"devices.model": {"starts_with": "apple"}, "inventory.cash": {"lt": 100}},
        "segment": {"any": ["spenders"]},
    },
    "tags": ["shop"],
    "payload": {"discount": 20},
    "variants": [{"name": "only", "weight": 1}],
    "stage": "draft",
}
OVERRIDE = f"/profiles/{PLAYER_ID}/overrides/Spring%20Offer"


def test_from_a_draft_to_a_rollout(deployment: Deployment) -> None:
    """Preview counts, explain names what is missing, an override and a rollout take effect."""
    operator, urls = deployment.operator, deployment.profiles_urls
    operator.put_segment("spenders", {"where": {"total_spent": {"gte": 100}}})
    operator.put_campaign(OFFER)
    operator.put_campaign({"game": "mygame", "name": "marker"})
    all_become(urls, ["marker"])

    profile = golden("profile")
    rich = {**profile, "player_id": "rich", "inventory": {"cash": 99}}
    operator.put_profile(rich)
    found = operator.profiles.post("/preview", json={"campaign": OFFER}).raise_for_status().json()
    assert (found["matching"], found["sample"], found["exact"]) == (1, ["rich"], True)

    why = operator.profiles.get(
        f"/get_client_config/{PLAYER_ID}/explain", params={"campaign": "Spring Offer"}
    )
    [explained] = why.raise_for_status().json()["campaigns"]
    assert (explained["active"], explained["status"], explained["matches"]) == (
        False,
        "draft",
        False,
    )
    assert "inventory.cash is 123, and must be less than 100" in why.text

    def stored_campaigns() -> Any:
        return operator.stored_profile()["active_campaigns"]

    assert eventually_is(stored_campaigns, ["marker"]) == ["marker"]
    operator.profiles.put(OVERRIDE, json={"state": "on"}).raise_for_status()
    all_become(urls, ["Spring Offer", "marker"])
    assert stored_campaigns() == ["marker"]
    assert operator.stored_profile()["overrides"][0]["campaign"] == "Spring Offer"
    operator.profiles.delete(OVERRIDE).raise_for_status()
    all_become(urls, ["marker"])

    # By SPEC.md the bucket of the golden player for the salt "spring" is 2895.
    rollout = {"percent": 25, "salt": "spring"}
    matchers = {"where": {"inventory.cash": {"lt": 200}}, "rollout": rollout}
    operator.patch_campaign("Spring Offer", {"stage": "live", "matchers": matchers})
    operator.put_campaign({"game": "mygame", "name": "marker 2"})
    all_become(urls, ["marker", "marker 2"])
    operator.patch_campaign("Spring Offer", {"matchers": {"rollout": {"percent": 29}}})
    all_become(urls, ["Spring Offer", "marker", "marker 2"])


def test_a_list_of_players_is_targeted(deployment: Deployment) -> None:
    """Who is in the list is in the campaign, and who is taken out is not."""
    operator, urls = deployment.operator, deployment.profiles_urls
    operator.put_campaign(
        {"game": "mygame", "name": "vip", "matchers": {"where": {"lists": {"in": ["vip"]}}}}
    )
    operator.put_campaign({"game": "mygame", "name": "marker", "priority": -1})
    all_become(urls, ["marker"])
    sent = operator.profiles.post("/profiles/lists/vip", content=f'"{PLAYER_ID}"\n"unknown"\n')
    assert (sent.json()["added"], sent.json()["unknown"]) == (1, 1)
    all_become(urls, ["vip", "marker"])
    # A write of the profile keeps the list.
    operator.put_profile(golden("profile"))
    assert eventually_is(lambda: active_campaigns(urls[0]), ["vip", "marker"]) == ["vip", "marker"]
    assert "lists" not in client_config(urls[0])
    operator.profiles.delete("/profiles/lists/vip").raise_for_status()
    all_become(urls, ["marker"])
