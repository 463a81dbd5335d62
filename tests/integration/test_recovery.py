"""What RabbitMQ's own troubles do to publisher and consumer: nothing that lasts."""

import asyncio

import aio_pika

from contracts.wire import SNAPSHOT_EXCHANGE
from testbed.builders import a_snapshot
from testbed.servers import RabbitNode
from tests.integration.messaging import beat, consuming, eventually, publish, publishing


async def test_both_sides_start_while_rabbitmq_is_down(rabbit_node: RabbitNode) -> None:
    """Without RabbitMQ at their start both sides connect by themselves when it comes."""
    rabbit_node.stop()
    async with publishing(rabbit_node.url) as channel, consuming(rabbit_node.url) as recorder:
        await asyncio.sleep(0.5)
        assert not channel.is_up
        await asyncio.to_thread(rabbit_node.start)

        await eventually(lambda: recorder.connects == 1)
        await publish(channel, a_snapshot(revision=1))
        await eventually(lambda: recorder.revision == 1)


async def test_a_restarted_rabbitmq_is_found_again(rabbit_node: RabbitNode) -> None:
    """After RabbitMQ was killed and lost everything, events flow again and each side is told."""
    async with publishing(rabbit_node.url) as channel, consuming(rabbit_node.url) as recorder:
        await eventually(lambda: recorder.connects == 1)
        await publish(channel, a_snapshot(revision=1))
        await eventually(lambda: recorder.revision == 1)

        await asyncio.to_thread(rabbit_node.kill)
        await eventually(lambda: not channel.is_up)
        rabbit_node.wipe()
        await asyncio.to_thread(rabbit_node.start)

        await eventually(lambda: recorder.connects == 2)
        await publish(channel, a_snapshot(revision=2))
        await eventually(lambda: recorder.revision == 2)


async def test_a_deleted_exchange_is_noticed_by_missing_heartbeats(
    rabbit_node: RabbitNode,
) -> None:
    """With the exchange its binding is gone in silence: three missed heartbeats subscribe anew."""
    async with publishing(rabbit_node.url) as channel, consuming(rabbit_node.url) as recorder:
        await eventually(lambda: recorder.connects == 1)
        await beat(channel, a_snapshot(revision=0), heartbeat_interval=0.3)
        await eventually(lambda: recorder.cache.heartbeat_interval == 0.3)

        async with await aio_pika.connect(rabbit_node.url) as connection:
            await (await connection.channel()).exchange_delete(SNAPSHOT_EXCHANGE)

        # From here on the origin's answers speak of 60 s: nobody listens for heartbeats.
        await eventually(lambda: recorder.connects == 2)
        await publish(channel, a_snapshot(revision=1))
        await eventually(lambda: recorder.revision == 1)
