"""Several replicas of the campaign service are one."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx

from testbed.processes import ServiceProcess, campaign_service
from tests.e2e.conftest import Deployment
from tests.e2e.service_clients import TOKEN, client_config, eventually_is

WRITES = 200
AT_ONCE = 20


def test_concurrent_writes_through_two_replicas(deployment: Deployment) -> None:
    """Each acknowledged write is in the log, revisions have no gap, and all end up equal."""
    before = _revision(deployment.campaigns.url)
    with campaign_service(**deployment.campaigns.settings) as other:
        other.until_ready()
        urls = [deployment.campaigns.url, other.url]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            acknowledged = list(threads.map(lambda n: _write(urls[n % 2], n), range(WRITES)))
        assert all(acknowledged), f"{acknowledged.count(False)} of {WRITES} were refused"

        changes = _changes(other.url, since=before)
        assert [each["revision"] for each in changes] == list(
            range(before + 1, before + 1 + WRITES)
        )
        written = {campaign["name"] for each in changes for campaign in each["put"]}
        assert written == {_name(n) for n in range(WRITES)}

        newest = before + WRITES
        for url in urls:
            assert eventually_is(partial(_revision, url), newest) == newest
        assert _all_campaigns(urls[0]) == _all_campaigns(urls[1])
        assert len(_all_campaigns(urls[0])) == WRITES
        for profiles in deployment.profiles:
            assert eventually_is(partial(_held, profiles), newest) == newest
            active = client_config(profiles.url)["active_campaigns"]
            assert active == sorted(_name(n) for n in range(WRITES))


def _name(number: int) -> str:
    return f"campaign {number:03}"


def _write(url: str, number: int) -> bool:
    campaign = {"name": _name(number), "game": "mygame"}
    answer = httpx.put(
        f"{url}/campaigns/{_name(number)}",
        json=campaign,
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=40.0,
        trust_env=False,
    )
    return answer.is_success


def _changes(url: str, since: int) -> list[dict[str, Any]]:
    answer = httpx.get(f"{url}/changes", params={"since": since}, trust_env=False)
    page = answer.raise_for_status().json()
    assert page["next"] is None
    changes: list[dict[str, Any]] = page["changes"]
    return changes


def _all_campaigns(url: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{url}/campaigns", params={"status": "all"}, trust_env=False)
    campaigns: list[dict[str, Any]] = answer.raise_for_status().json()
    return campaigns


def _revision(url: str) -> int:
    answer = httpx.get(f"{url}/snapshot", trust_env=False).raise_for_status()
    return int(answer.headers["x-revision"])


def _held(profiles: ServiceProcess) -> int:
    revision: int = profiles.health()["checks"]["campaigns"]["revision"]
    return revision
