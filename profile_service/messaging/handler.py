"""EventHandler: hands events to the cache, and notices when they stop coming."""

import asyncio
import logging
import random
from collections.abc import Mapping

from pydantic import ValidationError

from contracts.wire import SnapshotEvent
from foundation.clock import Clock
from profile_service.cache.cache import CampaignCache
from profile_service.cache.reading import UnreadableSnapshot
from profile_service.cache.refetcher import Refetcher
from profile_service.cache.schedule import Cause
from profile_service.messaging.subscription import Subscription

logger = logging.getLogger(__name__)

MISSED_HEARTBEATS = 3
MAX_WATCH_SECONDS = 1.0
# However short an interval a sender claims, a shorter silence means nothing.
SHORTEST_SILENCE_SECONDS = 1.0
LONGEST_PATIENCE_SECONDS = 600.0
SUSPENDED_SECONDS = 5.0
LOG_EVERY_SECONDS = 1.0


class EventHandler:
    """Takes each event: judges it by its headers, and reads its body only when it must."""

    def __init__(self, cache: CampaignCache, refetcher: Refetcher, *, clock: Clock) -> None:
        self._cache = cache
        self._refetcher = refetcher
        self._clock = clock
        self._heard_at = clock.elapsed()
        self._restarts = 0  # since the last event
        self._log_again_at = float("-inf")

    async def handle(
        self, body: bytes, headers: Mapping[str, object], message_id: str | None
    ) -> str | None:
        """Hand one event to the cache; return why it is unreadable, None when it is not."""
        self._heard_at = self._clock.elapsed()
        self._restarts = 0
        try:
            event = SnapshotEvent.from_headers(headers)
            outcome = await self._cache.handle_event(
                event, body, origin_away=self._refetcher.outage.is_failing
            )
        except ValidationError:
            return self._reject("its headers are not those of a snapshot event", message_id)
        except UnreadableSnapshot as error:
            return self._reject(str(error), message_id)
        self._refetcher.note_event(event.position, outcome)
        return None

    async def connected(self) -> None:
        """Take note of a connect: events may have been missed before it."""
        self._heard_at = self._clock.elapsed()
        self._refetcher.ask(Cause.CONNECT)

    async def watch(self, subscription: Subscription) -> None:
        """Subscribe anew when heartbeats stop coming over a link that looks alive.

        A deleted exchange or binding shows in no other way. The origin is asked at once,
        which a silent publisher costs nothing; to subscribe anew is put off by a random
        part of an interval, and longer each time, or all instances would do it together.
        """
        while True:
            nap = min(self._patience() / MISSED_HEARTBEATS, MAX_WATCH_SECONDS)
            before = self._clock.elapsed()
            await asyncio.sleep(nap)
            suspended = self._clock.elapsed() - before - nap
            if suspended > SUSPENDED_SECONDS:
                self._resume(subscription, suspended)
            elif subscription.is_up and self._silence() > self._patience():
                self._refetcher.ask(Cause.SILENCE)
                await self._restart_unless_heard(subscription)

    def _resume(self, subscription: Subscription, suspended: float) -> None:
        """Start over after the process was suspended: RabbitMQ has long closed the connection."""
        logger.warning("the process was suspended for %.0f s; subscribing anew", suspended)
        self._heard_at = self._clock.elapsed()
        self._refetcher.ask(Cause.SUSPENDED)
        subscription.restart()

    async def _restart_unless_heard(self, subscription: Subscription) -> None:
        silence = self._silence()
        heard_at = self._heard_at
        await asyncio.sleep(random.uniform(0.0, silence / MISSED_HEARTBEATS))  # noqa: S311
        if self._heard_at != heard_at or not subscription.is_up:
            return
        logger.warning("no heartbeat for %.0f s; subscribing anew", self._silence())
        self._heard_at = self._clock.elapsed()
        self._restarts += 1
        subscription.restart()

    def _silence(self) -> float:
        return self._clock.elapsed() - self._heard_at

    def _patience(self) -> float:
        """Return the seconds of silence that mean something; twice as many after each restart."""
        interval = self._cache.heartbeat_interval or float("inf")
        longest = max(MISSED_HEARTBEATS * interval, SHORTEST_SILENCE_SECONDS)
        return min(longest * 2.0 ** min(self._restarts, 16), max(longest, LONGEST_PATIENCE_SECONDS))

    def _reject(self, reason: str, message_id: str | None) -> str:
        if self._clock.elapsed() >= self._log_again_at:
            logger.warning("unreadable event %s: %s", message_id, reason)
            self._log_again_at = self._clock.elapsed() + LOG_EVERY_SECONDS
        self._cache.reject_event()
        self._refetcher.ask(Cause.UNREADABLE)
        return reason
