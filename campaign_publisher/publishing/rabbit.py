"""RabbitSnapshotChannel: snapshots and heartbeats by a RabbitMQ fanout exchange."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiormq.abc import DeliveredMessage
from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange
from faststream.rabbit.publisher import RabbitPublisher

from campaign_publisher.publishing.publisher import Delivery, PublishFailed, SnapshotChannel
from contracts.snapshot import CampaignSnapshot, SnapshotReason
from contracts.wire import (
    HEAD_HEADER,
    HEARTBEAT_HEADER,
    HEARTBEAT_TYPE,
    LOG_AGE_HEADER,
    PUBLISHED_AT_HEADER,
    REASON_HEADER,
    REVISION_HEADER,
    SNAPSHOT_EXCHANGE,
    SNAPSHOT_TYPE,
    STORE_ID_HEADER,
)
from foundation.rabbit import OnConnected, RabbitLink

APP_ID = "campaign-publisher"

_HEADERS = (
    f"Headers, all text: `{STORE_ID_HEADER}` names the log that revisions count in, "
    f"`{REVISION_HEADER}` and `{HEAD_HEADER}` its newest change, `{LOG_AGE_HEADER}` the seconds "
    f"since the log was read, `{HEARTBEAT_HEADER}` the seconds between heartbeats. For people: "
    f"`{PUBLISHED_AT_HEADER}`, RFC 3339, and `{REASON_HEADER}`, one of "
    f"{', '.join(f'`{reason}`' for reason in SnapshotReason)}. Ignore headers that you do not know."
)


@asynccontextmanager
async def open_rabbit_channel(
    url: str, on_connected: OnConnected
) -> AsyncIterator[SnapshotChannel]:
    """Yield the channel to RabbitMQ, which connects by itself whenever RabbitMQ is there.

    `on_connected` is called after each connect, the first included.
    """
    link = RabbitLink(url, name=APP_ID, on_connected=on_connected, set_up=snapshot_publisher)
    channel = RabbitSnapshotChannel(link)
    async with link.running():
        yield channel


def snapshot_publisher(broker: RabbitBroker) -> RabbitPublisher:
    """Return the publisher to the exchange, described for AsyncAPI."""
    return broker.publisher(
        # Named here, so that the exchange is declared again after RabbitMQ lost it.
        exchange=RabbitExchange(SNAPSHOT_EXCHANGE, type=ExchangeType.FANOUT, durable=True),
        persist=True,
        content_type="application/json",
        title="CampaignSnapshot",
        description=f"All campaigns that are enabled and not archived, and all segments (type "
        f"`{SNAPSHOT_TYPE}`), or a heartbeat: the same headers without a body (type "
        f"`{HEARTBEAT_TYPE}`). {_HEADERS}",
        schema=CampaignSnapshot,
    )


class RabbitSnapshotChannel:
    """Publishes to the exchange that every profile service's queue is bound to."""

    def __init__(self, link: RabbitLink[RabbitPublisher]) -> None:
        self._link = link

    @property
    def is_up(self) -> bool:
        """Whether the connection is believed to work."""
        return self._link.is_up

    async def publish(
        self, body: bytes, *, headers: dict[str, str], message_type: str, message_id: str
    ) -> Delivery:
        """Publish a persistent message; return when RabbitMQ has confirmed it.

        Raises:
            PublishFailed: RabbitMQ did not confirm it.
        """
        try:
            confirmation = await self._link.part.publish(
                body, headers={**headers}, message_type=message_type, message_id=message_id
            )
        except Exception as error:
            # aio-pika, aiormq, asyncio and FastStream each have errors of their own for this.
            raise PublishFailed(repr(error)) from error
        # A mandatory message that no queue took comes back whole, before its confirmation.
        returned = isinstance(confirmation, DeliveredMessage)
        return Delivery.UNROUTED if returned else Delivery.ROUTED
