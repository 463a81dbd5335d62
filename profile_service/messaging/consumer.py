"""The consumer of events from RabbitMQ, with a queue of this instance's own."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from faststream import AckPolicy
from faststream.rabbit import (
    Channel,
    ExchangeType,
    RabbitBroker,
    RabbitExchange,
    RabbitMessage,
    RabbitQueue,
)

from contracts.wire import INSTANCE_QUEUE_PREFIX, SNAPSHOT_EXCHANGE
from foundation.clock import SystemClock
from foundation.rabbit import RabbitLink
from foundation.tasks import running
from profile_service.messaging.dead_letters import RabbitDeadLetters
from profile_service.messaging.handler import EventHandler
from profile_service.messaging.subscription import DeadLetterCounts, DeadLetters, Subscription


@dataclass(frozen=True)
class RabbitSubscription:
    """The connection that receives events, and what became of the unreadable ones."""

    link: RabbitLink[None]
    dead_letters: DeadLetterCounts

    @property
    def is_up(self) -> bool:
        """Whether the connection is believed to work."""
        return self.link.is_up

    def restart(self) -> None:
        """Subscribe anew."""
        self.link.restart()


def register(broker: RabbitBroker, handler: EventHandler, dead_letters: DeadLetters) -> None:
    """Subscribe `handler` to the snapshots; an unreadable event becomes a dead letter.

    The queue has a new name each time: it goes with its connection, but only once RabbitMQ
    has noticed that the connection is dead. It holds the newest event only: a superseded
    snapshot may be skipped.
    """

    async def take(message: RabbitMessage) -> None:
        unreadable = await handler.handle(message.body, message.headers, message.message_id)
        if unreadable is not None:
            await dead_letters.publish(
                message.body, reason=unreadable, message_id=message.message_id
            )

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
async def open_rabbit_subscription(url: str, handler: EventHandler) -> AsyncIterator[Subscription]:
    """Receive events and publish the unreadable, over two connections, while the block lasts.

    RabbitMQ blocks a connection that publishes when its memory runs short: events are
    received over one that never does.
    """
    dead_letters = RabbitDeadLetters(url, clock=SystemClock())
    receiving = RabbitLink(
        url,
        name="profile-service",
        on_connected=handler.connected,
        set_up=lambda broker: register(broker, handler, dead_letters),
    )
    subscription = RabbitSubscription(receiving, dead_letters.counts)
    async with (
        dead_letters.running(),
        receiving.running(),
        running(lambda: handler.watch(subscription), name="heartbeat watch"),
    ):
        yield subscription
