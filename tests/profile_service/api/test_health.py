"""/health/live, /health/ready and /health."""

import asyncio
import os
import signal

import httpx
import pytest

from testbed.builders import OTHER_STORE_ID, STORE_ID, a_snapshot
from testbed.fakes import FakeOrigin
from tests.apps import ProfileParts, a_profile_app, serving
from tests.simulated_time import SimulatedClock, simulated


async def test_a_running_process_is_live(client: httpx.AsyncClient, parts: ProfileParts) -> None:
    """Whatever else is away."""
    parts.profiles.unavailable = True
    answer = await client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@simulated
async def test_the_bodies_keep_their_shape() -> None:
    """Dashboards and the runbook name these fields, of an instance that is well and of one ill."""
    parts = ProfileParts(origin=FakeOrigin(a_snapshot(revision=5)), clock=SimulatedClock())
    async with serving(a_profile_app(parts, campaigns_ttl=30)) as client:
        await asyncio.sleep(1.5)
        well = await client.get("/health/ready")
        assert (well.status_code, well.json()) == (
            200,
            {
                "status": "ok",
                "checks": {
                    "profiles": {"status": "ok"},
                    "campaigns": {
                        "status": "ok",
                        "revision": 5,
                        "store_id": str(STORE_ID),
                        "campaigns": 0,
                        "age": 1.5,
                        "stale": False,
                    },
                    "events": {"status": "ok"},
                },
            },
        )
        parts.profiles.unavailable = True
        parts.subscription.is_up = False
        parts.origin.snapshot = a_snapshot(revision=0, store_id=OTHER_STORE_ID)
        await asyncio.sleep(60)
        ill = await client.get("/health")
    assert (ill.status_code, ill.json()) == (
        503,
        {
            "status": "unavailable",
            "checks": {
                "profiles": {"status": "unavailable", "detail": "profiles cannot be reached"},
                "campaigns": {
                    "status": "degraded",
                    "revision": 5,
                    "store_id": str(STORE_ID),
                    "campaigns": 0,
                    "age": 61.5,
                    "stale": True,
                    "offered_store_id": str(OTHER_STORE_ID),
                    "detail": "stale; another store is offered",
                },
                "events": {"status": "degraded", "detail": "no connection to RabbitMQ"},
            },
        },
    )


@pytest.mark.parametrize("path", ["/health/ready", "/health"])
async def test_all_is_well(client: httpx.AsyncClient, path: str) -> None:
    """200, each check with its status."""
    answer = await client.get(path)
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ok"
    assert {name: check["status"] for name, check in body["checks"].items()} == {
        "profiles": "ok",
        "campaigns": "ok",
        "events": "ok",
    }
    assert body["checks"]["campaigns"]["revision"] == 5


async def test_without_profiles_it_is_not_ready(parts: ProfileParts) -> None:
    """503, and no exception's text."""
    parts.profiles.unavailable = True
    async with serving(a_profile_app(parts)) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert "switched it off" not in answer.text


async def test_without_a_snapshot_it_is_not_ready() -> None:
    """503 until the first one comes."""
    async with serving(a_profile_app(ProfileParts(origin=FakeOrigin()))) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["campaigns"]["detail"] == "no campaigns are known yet"


async def test_an_age_that_no_calendar_holds_is_told(parts: ProfileParts) -> None:
    """A sender may claim any; ready stays JSON."""
    parts.origin.snapshot = a_snapshot(revision=5)
    parts.origin.log_age = 1e300
    async with serving(a_profile_app(parts)) as client:
        await asyncio.sleep(0.01)
        answer = await client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"


async def test_sigterm_turns_it_red_first(parts: ProfileParts) -> None:
    """Ready is red for SHUTDOWN_DELAY before the server hears of the stop; live stays green."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    before = signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(stopped.set))
    try:
        async with serving(a_profile_app(parts, shutdown_delay=0.2)) as client:
            await asyncio.sleep(0.01)
            assert (await client.get("/health/ready")).status_code == 200
            os.kill(os.getpid(), signal.SIGTERM)
            answer = await client.get("/health/ready")
            assert answer.status_code == 503
            assert answer.json()["status"] == "draining"
            assert (await client.get("/health/live")).status_code == 200
            assert not stopped.is_set()
            async with asyncio.timeout(5.0):
                await stopped.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
