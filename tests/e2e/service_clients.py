"""What an operator and a player's client do, over HTTP."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx

from testbed.builders import PLAYER_ID

TOKEN = "letmein"
DEADLINE = 10.0
POLL = 0.01


class ServiceClients:
    """Sends what an operator sends to one campaign service and to one profile service."""

    def __init__(self, campaigns_url: str, profiles_url: str) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self.campaigns = _client(campaigns_url, headers=headers)
        self.profiles = _client(profiles_url, headers=headers)

    def put_campaign(self, campaign: dict[str, Any]) -> None:
        """Create or replace a campaign."""
        path = f"/campaigns/{quote(campaign['name'], safe='')}"
        self.campaigns.put(path, json=campaign).raise_for_status()

    def patch_campaign(self, name: str, changes: dict[str, Any]) -> None:
        """Change parts of a campaign."""
        path = f"/campaigns/{quote(name, safe='')}"
        self.campaigns.patch(path, json=changes).raise_for_status()

    def delete_campaign(self, name: str) -> None:
        """Remove a campaign."""
        self.campaigns.delete(f"/campaigns/{quote(name, safe='')}").raise_for_status()

    def replace_campaigns(self, *campaigns: dict[str, Any]) -> None:
        """Make these the only campaigns."""
        self.campaigns.post("/campaigns/import", json=campaigns).raise_for_status()

    def put_segment(self, name: str, matchers: dict[str, Any]) -> None:
        """Create or replace a segment."""
        path = f"/segments/{quote(name, safe='')}"
        self.campaigns.put(path, json={"matchers": matchers}).raise_for_status()

    def put_profile(self, profile: dict[str, Any]) -> None:
        """Create or replace a profile."""
        self.profiles.put(f"/profiles/{profile['player_id']}", json=profile).raise_for_status()

    def stored_profile(self, player_id: str = PLAYER_ID) -> dict[str, Any]:
        """Return a profile as it is stored."""
        answer = self.profiles.get(f"/profiles/{player_id}").raise_for_status()
        profile: dict[str, Any] = answer.json()
        return profile

    def close(self) -> None:
        """Close the connections."""
        self.campaigns.close()
        self.profiles.close()


def client_config(profiles_url: str, player_id: str = PLAYER_ID) -> dict[str, Any]:
    """Ask as a game's client does."""
    with _client(profiles_url) as client:
        answer = client.get(f"/get_client_config/{player_id}").raise_for_status()
    config: dict[str, Any] = answer.json()
    return config


def active_campaigns(profiles_url: str) -> list[str]:
    """Return the campaigns that the golden player is told to be in."""
    active: list[str] = client_config(profiles_url)["active_campaigns"]
    return active


def eventually_is(told: Callable[[], Any], expected: Any, within: float = DEADLINE) -> Any:
    """Ask until the answer is `expected`, at most `within` seconds; give the last answer."""
    until = time.monotonic() + within
    while (answer := told()) != expected and time.monotonic() < until:
        time.sleep(POLL)
    return answer


def all_become(profiles_urls: Iterable[str], expected: list[str]) -> None:
    """Wait until every profile service tells the golden player these campaigns."""
    for url in profiles_urls:
        assert eventually_is(partial(active_campaigns, url), expected) == expected


def _client(url: str, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=10.0, trust_env=False, **options)
