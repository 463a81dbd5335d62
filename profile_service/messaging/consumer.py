"""Events from RabbitMQ: handed to the cache, and to the dead letters when nobody can read them."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from faststream import AckPolicy
from faststream.rabbit import (
    Channel,
    ExchangeType,
    RabbitBroker,
    RabbitExchange,
    RabbitMessage,
    RabbitQueue,
)
from pydantic import ValidationError

from contracts.wire import INSTANCE_QUEUE_PREFIX, SNAPSHOT_EXCHANGE, SnapshotEvent
from foundation.clock import Clock
from foundation.rabbit import RabbitLink
from foundation.tasks import running
from profile_service.cache.cache import CampaignCache
from profile_service.cache.reading import UnreadableSnapshot
from profile_service.messaging.dead_letters import RabbitDeadLetters
from profile_service.settings import Settings

logger = logging.getLogger(__name__)

MISSED_HEARTBEATS = 3
MAX_WATCH_SECONDS = 1.0
# However often a sender claims to repeat itself, a shorter silence is no sign of anything.
SHORTEST_SILENCE_SECONDS = 1.0
TELL_EVERY_SECONDS = 1.0


class DeadLetters(Protocol):
    """Where an event goes that nobody can read, and how many were kept or only counted."""

    @property
    def published(self) -> int:
        """How many were kept for people to look at."""
        ...

    @property
    def dropped(self) -> int:
        """How many were not."""
        ...

    async def publish(self, body: bytes, *, reason: str, message_id: str | None) -> None:
        """Keep the event for people to look at; never raises."""
        ...


class Subscription(Protocol):
    """A subscription to the events, as the watch and the health checks see it."""

    @property
    def is_up(self) -> bool:
        """Whether the connection is believed to work."""
        ...

    def restart(self) -> None:
        """Subscribe anew."""
        ...


class EventHandler:
    """Takes each event: judges it by its headers, and reads its body only when it must."""

    def __init__(self, cache: CampaignCache, *, clock: Clock) -> None:
        self._cache = cache
        self.clock = clock
        self.dead_letters: DeadLetters | None = None
        self.last_event_at = clock.elapsed()
        self._tell_again_at = float("-inf")

    async def handle(
        self, body: bytes, headers: Mapping[str, object], message_id: str | None
    ) -> None:
        """Give one event to the cache; an unreadable one becomes a dead letter."""
        self.last_event_at = self.clock.elapsed()
        try:
            event = SnapshotEvent.from_headers(headers)
            await self._cache.handle_event(event, body)
        except ValidationError:
            await self._bury(body, "its headers are not those of a snapshot event", message_id)
        except UnreadableSnapshot as error:
            await self._bury(body, str(error), message_id)

    async def connected(self) -> None:
        """Take note of a connect: events may have been missed before it."""
        self.last_event_at = self.clock.elapsed()
        self._cache.connected()

    async def watch(self, subscription: Subscription) -> None:
        """Subscribe anew when heartbeats stop coming over a link that looks alive.

        A deleted exchange or binding shows in no other way.
        """
        while True:
            interval = self._cache.heartbeat_interval or float("inf")
            longest = max(MISSED_HEARTBEATS * interval, SHORTEST_SILENCE_SECONDS)
            await asyncio.sleep(min(longest / MISSED_HEARTBEATS, MAX_WATCH_SECONDS))
            silence = self.clock.elapsed() - self.last_event_at
            if subscription.is_up and silence > longest:
                logger.warning("no heartbeat for %.0f s; subscribing anew", silence)
                self.last_event_at = self.clock.elapsed()
                subscription.restart()

    async def _bury(self, body: bytes, reason: str, message_id: str | None) -> None:
        if self.clock.elapsed() >= self._tell_again_at:
            logger.warning("unreadable event %s: %s", message_id, reason)
            self._tell_again_at = self.clock.elapsed() + TELL_EVERY_SECONDS
        self._cache.reject_event()
        if self.dead_letters is not None:
            await self.dead_letters.publish(body, reason=reason, message_id=message_id)


def register(broker: RabbitBroker, handler: EventHandler) -> None:
    """Subscribe `handler` to the snapshots with a queue of this instance's own.

    The queue goes with its connection and holds the newest event only: a superseded
    snapshot may be skipped.
    """

    async def take(message: RabbitMessage) -> None:
        await handler.handle(message.body, message.headers, message.message_id)

    broker.subscriber(
        RabbitQueue(
            f"{INSTANCE_QUEUE_PREFIX}{uuid.uuid4()}",
            exclusive=True,
            auto_delete=True,
            arguments={"x-max-length": 1, "x-overflow": "drop-head"},
        ),
        RabbitExchange(SNAPSHOT_EXCHANGE, type=ExchangeType.FANOUT, durable=True),
        channel=Channel(prefetch_count=1),
        ack_policy=AckPolicy.ACK,
        decoder=_as_it_came,
        title="Campaign snapshots",
        description="A CampaignSnapshot as JSON, or a heartbeat: the same headers, no body.",
    )(take)


async def _as_it_came(message: RabbitMessage) -> RabbitMessage:
    return message


@asynccontextmanager
async def open_rabbit_subscription(
    settings: Settings, handler: EventHandler
) -> AsyncIterator[Subscription]:
    """Receive events and publish the unreadable, over two connections, while the block lasts.

    RabbitMQ blocks a connection that publishes when its memory runs short: events are
    received over one that never does.
    """
    dead_letters = RabbitDeadLetters(settings, clock=handler.clock)
    receiving = RabbitLink(settings, name="profile-service", on_connected=handler.connected)
    handler.dead_letters = dead_letters
    register(receiving.broker, handler)
    async with (
        dead_letters.running(),
        receiving.running(),
        running(lambda: handler.watch(receiving), name="heartbeat watch"),
    ):
        yield receiving
