"""Events on the exchange of snapshots, sent as the campaign service sends them."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import aio_pika

from benchmarks.propagation.snapshots import body_of, headers_of
from contracts.snapshot import CampaignSnapshot
from contracts.wire import SNAPSHOT_EXCHANGE, SNAPSHOT_TYPE


async def publish(amqp_url: str, messages: Sequence[aio_pika.Message], *, every: float) -> None:
    """Send the messages, one each `every` seconds."""
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange(
            SNAPSHOT_EXCHANGE, aio_pika.ExchangeType.FANOUT, durable=True
        )
        for message in messages:
            await asyncio.sleep(every)
            await exchange.publish(message, routing_key="")


def message_of(snapshot: CampaignSnapshot) -> aio_pika.Message:
    """Write a snapshot as the message that carries it."""
    return aio_pika.Message(
        body_of(snapshot),
        headers=dict(headers_of(snapshot)),
        message_id=uuid4().hex,
        type=SNAPSHOT_TYPE,
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
