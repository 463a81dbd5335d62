"""RabbitSnapshotChannel: snapshots and heartbeats by a RabbitMQ fanout exchange."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiormq.abc import DeliveredMessage
from faststream.rabbit import ExchangeType, RabbitExchange

from campaign_publisher.publisher import PublishFailed, SnapshotChannel
from campaign_publisher.settings import Settings
from contracts.wire import SNAPSHOT_EXCHANGE
from foundation.rabbit import OnConnected, RabbitLink

logger = logging.getLogger(__name__)

APP_ID = "campaign-publisher"


@asynccontextmanager
async def open_rabbit_channel(
    settings: Settings, on_connected: OnConnected
) -> AsyncIterator[SnapshotChannel]:
    """Give the channel to RabbitMQ, which connects by itself whenever RabbitMQ is there.

    `on_connected` is called after each connect, the first included.
    """
    link = RabbitLink(settings, name=APP_ID, on_connected=on_connected)
    channel = RabbitSnapshotChannel(link)
    async with link.running():
        yield channel


class RabbitSnapshotChannel:
    """Publishes to the exchange that every profile service's queue is bound to."""

    def __init__(self, link: RabbitLink) -> None:
        self._link = link
        self._publisher = link.broker.publisher(
            # Named here, so that the exchange is declared again after RabbitMQ lost it.
            exchange=RabbitExchange(SNAPSHOT_EXCHANGE, type=ExchangeType.FANOUT, durable=True),
            persist=True,
            content_type="application/json",
            title="CampaignSnapshot",
            description="The newest snapshot, or a heartbeat with an empty body.",
        )

    @property
    def is_up(self) -> bool:
        """Whether the connection is believed to work."""
        return self._link.is_up

    async def publish(
        self, body: bytes, *, headers: dict[str, str], message_type: str, message_id: str
    ) -> None:
        """Publish a persistent message; returns when RabbitMQ has confirmed it.

        Raises:
            PublishFailed: RabbitMQ did not confirm it.
        """
        try:
            confirmation = await self._publisher.publish(
                body, headers={**headers}, message_type=message_type, message_id=message_id
            )
        except Exception as error:
            # aio-pika, aiormq, asyncio and FastStream each have errors of their own for this.
            raise PublishFailed(repr(error)) from error
        if isinstance(confirmation, DeliveredMessage):
            logger.info("no profile service listens: message %s went to nobody", message_id)
