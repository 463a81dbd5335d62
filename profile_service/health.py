"""Whether this instance can serve, and what is wrong when it cannot."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from foundation.clock import Clock
from foundation.draining import Draining
from profile_service.cache.cache import CampaignCache
from profile_service.messaging.consumer import Subscription
from profile_service.profiles.index import ProfileIndex
from profile_service.profiles.repository import ProfileRepository, ProfilesUnavailable

PING_SECONDS = 1.0
PING_KEPT_SECONDS = 1.0


class Condition(StrEnum):
    """How well something works."""

    OK = "ok"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"
    DRAINING = "draining"


@dataclass(frozen=True)
class Report:
    """The condition of the whole and of each part checked."""

    status: Condition
    checks: dict[str, dict[str, Any]]

    @property
    def is_ready(self) -> bool:
        """Whether requests should be sent here."""
        return self.status in {Condition.OK, Condition.DEGRADED}


@dataclass
class Health:
    """Asks MongoDB (at most once a second, however often it is asked itself) and the others."""

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
        if self.draining.started:
            return Report(Condition.DRAINING, checks)
        conditions = {check["status"] for check in checks.values()}
        for worst in (Condition.UNAVAILABLE, Condition.DEGRADED):
            if worst in conditions:
                return Report(worst, checks)
        return Report(Condition.OK, checks)

    async def _check_profiles(self) -> dict[str, Any]:
        if not await self._can_reach_profiles():
            return {"status": Condition.UNAVAILABLE, "detail": "profiles cannot be reached"}
        if self.index.duplicates:
            return {
                "status": Condition.DEGRADED,
                "detail": "players are stored more than once",
                "duplicates": self.index.duplicates,
            }
        if self.profiles.outages.writes.is_failing:
            return {
                "status": Condition.DEGRADED,
                "detail": f"profiles cannot be written: {self.profiles.outages.writes.reason}",
            }
        if not self.index.is_made:
            return {
                "status": Condition.DEGRADED,
                "detail": "the index on player_id is not made yet",
            }
        return {"status": Condition.OK}

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

    def _check_events(self) -> dict[str, Any]:
        # Never more than degraded: without events the TTL finds what has changed.
        if self.subscription.is_up:
            return {"status": Condition.OK}
        return {"status": Condition.DEGRADED, "detail": "no connection to RabbitMQ"}

    def _check_campaigns(self) -> dict[str, Any]:
        held, age = self.cache.held, self.cache.staleness
        if held is None or age is None:
            return {"status": Condition.UNAVAILABLE, "detail": "no campaigns are known yet"}
        problems = self._campaign_problems()
        check = {
            "status": Condition.DEGRADED if problems else Condition.OK,
            "revision": held.position.revision,
            "store_id": str(held.position.store_id),
            "campaigns": len(held.campaigns),
            "age": round(age, 3),
            "stale": self.cache.is_stale,
        }
        if self.cache.foreign_store is not None:
            check["offered_store_id"] = str(self.cache.foreign_store)
        if problems:
            check["detail"] = "; ".join(problems)
        if self.max_staleness is not None and age > self.max_staleness.total_seconds():
            check["status"] = Condition.UNAVAILABLE
        return check

    def _campaign_problems(self) -> list[str]:
        found = {
            "stale": self.cache.is_stale,
            "origin behind": self.cache.origin_behind,
            "another store is offered": self.cache.foreign_store is not None,
        }
        return [problem for problem, is_so in found.items() if is_so]
