"""A cache with a refetcher that is running, in simulated time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import orjson

from contracts.snapshot import CampaignSnapshot
from contracts.wire import SnapshotEvent
from foundation.clock import Clock
from profile_service.cache.cache import CampaignCache
from profile_service.cache.refetcher import Refetcher
from profile_service.cache.schedule import Cause
from profile_service.cache.snapshot import HeldSnapshot
from testbed.builders import a_published_campaign, a_snapshot
from testbed.fakes import FakeOrigin, body_of, event_of
from tests.simulated_time import SimulatedClock, settle, unended

TTL = 300.0


def revision(number: int, **fields: Any) -> CampaignSnapshot:
    """Return the snapshot of a revision, with a campaign named for it."""
    campaigns = [
        a_published_campaign("always", revision=1),
        a_published_campaign(f"revision {number}", revision=number),
    ]
    return a_snapshot(campaigns, revision=number, **fields)


def with_unknown_matchers(body: bytes) -> bytes:
    """Return a snapshot's body with matchers of a later version in each of its campaigns."""
    document = orjson.loads(body)
    for campaign in document["campaigns"]:
        campaign["matchers"] = {"color": "red"}
    return orjson.dumps(document)


class RunCache(CampaignCache):
    """A cache with its refetcher, and events that reach both as they do in the service."""

    def __init__(self, origin: FakeOrigin, *, follow: bool, clock: Clock) -> None:
        ttl = timedelta(seconds=TTL)
        super().__init__(ttl=ttl, follow_new_store=follow, clock=clock)
        self.refetcher = Refetcher(self, origin, ttl=ttl, clock=clock)

    async def receive(self, event: SnapshotEvent, body: bytes) -> None:
        """Take an event."""
        outcome = await self.handle_event(event, body, origin_away=self.refetcher.outage.is_failing)
        self.refetcher.note_event(event.position, outcome)

    def reject(self) -> None:
        """Take an event that is unreadable."""
        self.reject_event()
        self.refetcher.ask(Cause.UNREADABLE)

    def connected(self) -> None:
        """Take note of a connect."""
        self.refetcher.ask(Cause.CONNECT)


class SleepingClock(SimulatedClock):
    """A clock that counts how long the machine slept."""

    slept = 0.0

    def elapsed(self) -> float:
        return super().elapsed() + self.slept


def a_cache(origin: FakeOrigin, *, follow: bool = False, clock: Clock | None = None) -> RunCache:
    """Return a cache whose refetcher does not run yet."""
    return RunCache(origin, follow=follow, clock=clock or SimulatedClock())


@asynccontextmanager
async def refetching(cache: RunCache) -> AsyncIterator[None]:
    """Run the cache's refetcher while the block lasts; they must not end by themselves."""
    async with unended(cache.refetcher.run()):
        await settle()
        yield


@asynccontextmanager
async def a_running_cache(origin: FakeOrigin, *, follow: bool = False) -> AsyncIterator[RunCache]:
    """Yield a cache that has asked `origin` once."""
    cache = a_cache(origin, follow=follow)
    async with refetching(cache):
        yield cache


async def take(cache: RunCache, snapshot: CampaignSnapshot, **headers: Any) -> None:
    """Hand the cache the event that brings `snapshot`, and let the consequences run."""
    await cache.receive(event_of(snapshot, **headers), body_of(snapshot))
    await settle()


async def receive(cache: RunCache, snapshot: CampaignSnapshot, **headers: Any) -> None:
    """Hand the cache a heartbeat at `snapshot`, and let the consequences run."""
    await cache.receive(event_of(snapshot, **headers), b"")
    await settle()


def held(cache: CampaignCache) -> HeldSnapshot:
    """Return the held snapshot, which must be there and complete."""
    snapshot = cache.held
    assert snapshot is not None
    assert snapshot.campaigns.get("always") is not None
    assert snapshot.campaigns.get(f"revision {snapshot.position.revision}") is not None
    assert len(snapshot.campaigns) == 2
    return snapshot


def held_revision(cache: CampaignCache) -> int:
    """Return the revision that the cache holds."""
    return held(cache).position.revision
