"""The health checks of the profile service: profiles, campaigns and events."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from foundation.clock import Clock
from foundation.draining import Draining
from foundation.health import Check, Report, Status
from profile_service.cache.cache import CampaignCache
from profile_service.messaging.subscription import Subscription
from profile_service.profiles.index import ProfileIndex
from profile_service.profiles.repository import ProfileRepository, ProfilesUnavailable

PING_SECONDS = 1.0
PING_KEPT_SECONDS = 1.0
MAX_NAMED = 20  # campaigns with unknown matchers


@dataclass
class Health:
    """Checks the parts; MongoDB is pinged at most once a second, however many requests come."""

    profiles: ProfileRepository
    index: ProfileIndex
    cache: CampaignCache
    subscription: Subscription
    draining: Draining
    clock: Clock
    max_staleness: timedelta | None
    _pinged_at: float = float("-inf")
    _reachable: bool = False
    _pinging: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def report(self) -> Report:
        """Check everything now."""
        checks = {
            "profiles": await self._check_profiles(),
            "campaigns": self._check_campaigns(),
            "events": self._check_events(),
        }
        return Report.of(checks, draining=self.draining.started)

    async def _check_profiles(self) -> Check:
        if not await self._can_reach_profiles():
            reason = self.profiles.outages.pings.reason
            detail = "profiles cannot be reached"
            return Check.of(Status.UNAVAILABLE, detail=f"{detail}: {reason}" if reason else detail)
        problems = self._profile_problems()
        if not problems:
            return Check.of(Status.OK)
        shown: dict[str, Any] = {"detail": "; ".join(problems)}
        if self.index.duplicates:
            shown["duplicates"] = self.index.duplicates
        return Check.of(Status.DEGRADED, **shown)

    def _profile_problems(self) -> list[str]:
        # Failing reads only degrade: they end with the next read, and an instance that is not
        # ready gets none. A server that is away fails the ping, too.
        reads, writes = self.profiles.outages.reads, self.profiles.outages.writes
        found = {
            "players are stored more than once": bool(self.index.duplicates),
            f"profiles cannot be read: {reads.reason}": reads.is_failing,
            f"profiles cannot be written: {writes.reason}": writes.is_failing,
            "the index on player_id is not made yet": not (
                self.index.is_made or self.index.duplicates
            ),
            # It is made after the other one.
            "the index on lists is not made yet": bool(self.index.is_made or self.index.duplicates)
            and not self.index.lists_is_made,
        }
        return [problem for problem, is_so in found.items() if is_so]

    async def _can_reach_profiles(self) -> bool:
        async with self._pinging:
            if self.clock.elapsed() - self._pinged_at >= PING_KEPT_SECONDS:
                try:
                    async with asyncio.timeout(PING_SECONDS):
                        await self.profiles.ping()
                    self._reachable = True
                except (TimeoutError, ProfilesUnavailable):
                    self._reachable = False
                self._pinged_at = self.clock.elapsed()
        return self._reachable

    def _check_events(self) -> Check:
        # Never more than degraded: without events, changes arrive when the TTL expires.
        if self.subscription.is_up:
            return Check.of(Status.OK)
        return Check.of(Status.DEGRADED, detail="no connection to RabbitMQ")

    def _check_campaigns(self) -> Check:
        held, age = self.cache.held, self.cache.staleness
        if held is None or age is None:
            return Check.of(Status.UNAVAILABLE, detail="no campaigns are known yet")
        problems = self._campaign_problems()
        status = Status.DEGRADED if problems else Status.OK
        if self.max_staleness is not None and age > self.max_staleness.total_seconds():
            status = Status.UNAVAILABLE
        shown: dict[str, Any] = {
            "revision": held.position.revision,
            "store_id": str(held.position.store_id),
            "campaigns": len(held.campaigns),
            "age": round(age, 3),
            "stale": self.cache.is_stale,
        }
        if self.cache.foreign_store is not None:
            shown["offered_store_id"] = str(self.cache.foreign_store)
        if held.campaigns.unreadable:
            shown["unknown_matchers"] = list(held.campaigns.unreadable[:MAX_NAMED])
        if problems:
            shown["detail"] = "; ".join(problems)
        return Check.of(status, **shown)

    def _campaign_problems(self) -> list[str]:
        held = self.cache.held
        unreadable = len(held.campaigns.unreadable) if held else 0
        found = {
            "stale": self.cache.is_stale,
            "origin behind": self.cache.origin_behind,
            "another store is offered": self.cache.foreign_store is not None,
            f"campaigns with unknown matchers: {unreadable}": unreadable > 0,
        }
        return [problem for problem, is_so in found.items() if is_so]
