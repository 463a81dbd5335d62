"""First start: example campaigns and profiles for a store that has none."""

import asyncio
from importlib import resources
from typing import Any

import httpx

from contracts.wire import REVISION_HEADER, SNAPSHOT_PATH
from devstack.servers import StackFailed

EXAMPLE_PLAYER = "97983be2-98b7-11e7-90cf-082e5f28d836"
READY_PATH = "/health/ready"
POLL_SECONDS = 0.1
REQUEST_SECONDS = 10.0


async def load_examples_once(campaigns_url: str, profiles_url: str, token: str) -> bool:
    """Load the examples if nothing was ever written to the change log; return whether it was so.

    Waits until both services are ready. The campaigns are one change and come last, so
    that a load which was cut off is made again at the next start.

    Raises:
        StackFailed: a service refused the examples, or does not answer.
    """
    try:
        return await _load_examples_once(campaigns_url, profiles_url, token)
    except httpx.TransportError as error:
        raise StackFailed(f"a service does not answer: {type(error).__name__}") from error


async def _load_examples_once(campaigns_url: str, profiles_url: str, token: str) -> bool:
    examples = resources.files("devstack") / "examples"
    headers = {"Authorization": f"Bearer {token}"}
    # Settings of a proxy are not for these addresses.
    async with httpx.AsyncClient(
        headers=headers, timeout=REQUEST_SECONDS, trust_env=False
    ) as client:
        await _wait_until_ready(client, campaigns_url)
        await _wait_until_ready(client, profiles_url)
        if await _revision(client, campaigns_url) > 0:
            return False
        await _post(
            client, f"{profiles_url}/profiles/import", examples / "profiles.ndjson", "x-ndjson"
        )
        await _post(client, f"{campaigns_url}/campaigns/import", examples / "campaigns.json")
        return True


async def _wait_until_ready(client: httpx.AsyncClient, url: str) -> None:
    while True:
        answer = await client.get(url + READY_PATH)
        if answer.is_success:
            return
        await asyncio.sleep(POLL_SECONDS)


async def _revision(client: httpx.AsyncClient, campaigns_url: str) -> int:
    """Return the newest revision; wait while the log is away again, though it was ready."""
    while True:
        answer = await client.get(campaigns_url + SNAPSHOT_PATH)
        if answer.is_success:
            return int(answer.headers[REVISION_HEADER])
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            raise StackFailed(
                f"the campaign service answered {answer.status_code} to {SNAPSHOT_PATH}"
            )
        await asyncio.sleep(POLL_SECONDS)


async def _post(client: httpx.AsyncClient, url: str, file: Any, kind: str = "json") -> None:
    answer = await client.post(
        url, content=file.read_bytes(), headers={"Content-Type": f"application/{kind}"}
    )
    if not answer.is_success or answer.json().get("failed"):
        raise StackFailed(f"the examples were refused: {answer.status_code} {answer.text}")
