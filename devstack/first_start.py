"""First start: example campaigns and profiles for a store that has none."""

import asyncio
from importlib import resources
from typing import Any

import httpx

from contracts.wire import REVISION_HEADER, SNAPSHOT_PATH
from devstack.servers import StackFailed
from foundation.backoff import Backoff

EXAMPLE_PLAYER = "97983be2-98b7-11e7-90cf-082e5f28d836"
READY_PATH = "/health/ready"
POLL_SECONDS = 0.1
MAX_POLL_SECONDS = 1.0
REQUEST_SECONDS = 10.0


async def load_examples_once(campaigns_url: str, profiles_url: str, token: str) -> bool:
    """Load the examples if nothing was ever written to the change log; return whether it was so.

    Waits until both services are ready, and again while one of them answers 503. The
    campaigns are one change and come last, so that a load which was cut off is made again
    at the next start.

    Raises:
        StackFailed: a service refused the examples, or does not answer.
    """
    headers = {"Authorization": f"Bearer {token}"}
    try:
        # Settings of a proxy are not for these addresses.
        async with httpx.AsyncClient(
            headers=headers, timeout=REQUEST_SECONDS, trust_env=False
        ) as client:
            await _ask(client, "GET", campaigns_url + READY_PATH)
            await _ask(client, "GET", profiles_url + READY_PATH)
            if await _revision(client, campaigns_url) > 0:
                return False
            await _import(client, f"{profiles_url}/profiles/import", "profiles.ndjson")
            await _import(client, f"{campaigns_url}/campaigns/import", "campaigns.json")
            return True
    except httpx.TransportError as error:
        raise StackFailed(f"a service does not answer: {type(error).__name__}") from error


async def _ask(client: httpx.AsyncClient, method: str, url: str, **more: Any) -> httpx.Response:
    """Return the answer to a request that may be repeated; wait while the service is away."""
    backoff = Backoff(base=POLL_SECONDS, cap=MAX_POLL_SECONDS)
    while True:
        answer = await client.request(method, url, **more)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return answer
        await asyncio.sleep(backoff.next())


async def _revision(client: httpx.AsyncClient, campaigns_url: str) -> int:
    answer = await _ask(client, "GET", campaigns_url + SNAPSHOT_PATH)
    if not answer.is_success:
        raise StackFailed(f"the campaign service answered {answer.status_code} to {SNAPSHOT_PATH}")
    return int(answer.headers[REVISION_HEADER])


async def _import(client: httpx.AsyncClient, url: str, file: str) -> None:
    content = (resources.files("devstack") / "examples" / file).read_bytes()
    kind = "json" if file.endswith(".json") else "x-ndjson"
    answer = await _ask(
        client, "POST", url, content=content, headers={"Content-Type": f"application/{kind}"}
    )
    if not answer.is_success or answer.json().get("failed"):
        raise StackFailed(f"the examples were refused: {answer.status_code} {answer.text}")
