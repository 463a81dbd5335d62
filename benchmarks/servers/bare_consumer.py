"""A bare consumer: it receives each message and prints the time, nothing else.

    python -m benchmarks.servers.bare_consumer amqp://guest:guest@localhost:5672/

Prints "ready", and for each message its id and the time of the monotonic clock, which all
processes of a machine have in common.
"""

import asyncio
import sys
import time

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

EXCHANGE = "benchmark.bare"


async def consume(amqp_url: str) -> None:
    """Receive until cancelled."""
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1)
        exchange = await declare_exchange(channel)
        queue = await channel.declare_queue(exclusive=True, auto_delete=True)
        await queue.bind(exchange)
        await queue.consume(_tell)
        print("ready", flush=True)
        await asyncio.Event().wait()


async def declare_exchange(channel: aio_pika.abc.AbstractChannel) -> aio_pika.abc.AbstractExchange:
    """Return the exchange, a fanout as that of the snapshots; it goes with its last queue."""
    return await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.FANOUT, auto_delete=True)


async def _tell(message: AbstractIncomingMessage) -> None:
    print(message.message_id, time.monotonic(), flush=True)
    await message.ack()


if __name__ == "__main__":
    asyncio.run(consume(sys.argv[1]))
