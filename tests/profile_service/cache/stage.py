"""A cache that is running, in simulated time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from contracts.snapshot import CampaignSnapshot
from foundation.clock import Clock
from profile_service.cache.cache import CampaignCache
from profile_service.cache.snapshot import HeldSnapshot
from testbed.builders import a_published_campaign, a_snapshot
from testbed.fakes import FakeOrigin, body_of, event_of
from tests.simulated_time import SimulatedClock, settle, unended

TTL = 300.0


def revision(number: int, **fields: Any) -> CampaignSnapshot:
    """Give the snapshot of a revision: its campaigns tell which one it is."""
    campaigns = [
        a_published_campaign("always", revision=1),
        a_published_campaign(f"revision {number}", revision=number),
    ]
    return a_snapshot(campaigns, revision=number, **fields)


def a_cache(
    origin: FakeOrigin, *, follow: bool = False, clock: Clock | None = None
) -> CampaignCache:
    """Give a cache that nobody runs yet."""
    return CampaignCache(
        origin,
        ttl=timedelta(seconds=TTL),
        follow_new_store=follow,
        clock=clock or SimulatedClock(),
    )


@asynccontextmanager
async def refetching(cache: CampaignCache) -> AsyncIterator[None]:
    """Run the cache's refetches while the block lasts; they must not end by themselves."""
    async with unended(cache.run()):
        await settle()
        yield


@asynccontextmanager
async def a_running_cache(
    origin: FakeOrigin, *, follow: bool = False
) -> AsyncIterator[CampaignCache]:
    """Give a cache that has asked `origin` once."""
    cache = a_cache(origin, follow=follow)
    async with refetching(cache):
        yield cache


async def take(cache: CampaignCache, snapshot: CampaignSnapshot, **headers: Any) -> None:
    """Give the cache the event that brings `snapshot`, and let it do what it does at once."""
    await cache.handle_event(event_of(snapshot, **headers), body_of(snapshot))
    await settle()


async def receive(cache: CampaignCache, snapshot: CampaignSnapshot, **headers: Any) -> None:
    """Give the cache a heartbeat at `snapshot`, and let it do what it does at once."""
    await cache.handle_event(event_of(snapshot, **headers), b"")
    await settle()


def held(cache: CampaignCache) -> HeldSnapshot:
    """Give what the cache holds; it must hold something, and all of it."""
    snapshot = cache.held
    assert snapshot is not None
    assert snapshot.campaigns.get("always") is not None
    assert snapshot.campaigns.get(f"revision {snapshot.position.revision}") is not None
    assert len(snapshot.campaigns) == 2
    return snapshot


def held_revision(cache: CampaignCache) -> int:
    """Give the revision that the cache holds."""
    return held(cache).position.revision
