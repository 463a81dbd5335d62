"""From a campaign service's channel to a profile service's cache, through a real RabbitMQ."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue, DeliveryMode

from campaign_publisher.publishing.publisher import Delivery, SnapshotChannel
from contracts.wire import DEAD_LETTER_QUEUE, SNAPSHOT_EXCHANGE
from profile_service.cache.outcomes import EventOutcome
from profile_service.messaging.dead_letters import EVERY_SECONDS
from profile_service.messaging.subscription import DeadLetterCounts
from testbed.builders import OTHER_STORE_ID, a_published_campaign, a_snapshot
from testbed.fakes import body_of, event_of
from tests.integration.messaging import DEADLINE, Recorder, beat, consuming, eventually, publish


@pytest.fixture
async def amqp(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    """A channel of a stranger: neither publisher nor profile service."""
    async with await aio_pika.connect(amqp_url, timeout=DEADLINE) as connection:
        yield await connection.channel()


@pytest.fixture
async def dead(amqp: AbstractChannel, recorder: Recorder) -> AbstractQueue:
    """The dead letters' queue as the profile service has made it, empty."""
    assert recorder.dead_letters == DeadLetterCounts()
    queue = await _dead_letters(amqp)
    await queue.purge()
    return queue


async def test_a_snapshot_is_held_by_who_listens(
    channel: SnapshotChannel, recorder: Recorder
) -> None:
    """What one service publishes the other answers from."""
    await publish(channel, a_snapshot([a_published_campaign("Vară 2022")], revision=4))

    await eventually(lambda: recorder.revision == 4)
    assert recorder.cache.held is not None
    assert recorder.cache.held.campaigns.get("Vară 2022") is not None


async def test_what_goes_to_nobody_is_known(channel: SnapshotChannel, amqp_url: str) -> None:
    """RabbitMQ confirms a message that no queue takes, and the channel says which it was."""
    assert await publish(channel, a_snapshot(revision=1)) is Delivery.UNROUTED
    async with consuming(amqp_url) as recorder:
        await eventually(lambda: recorder.connects == 1)
        assert await publish(channel, a_snapshot(revision=1)) is Delivery.ROUTED


async def test_a_heartbeat_tells_what_is_newest(
    channel: SnapshotChannel, recorder: Recorder
) -> None:
    """A heartbeat has no body; its headers confirm what is held, as old as the log was."""
    await beat(channel, a_snapshot(revision=0), heartbeat_interval=7.0, log_age=100.0)
    await eventually(lambda: recorder.cache.events[EventOutcome.CONFIRMED])
    assert recorder.cache.heartbeat_interval == 7.0

    await beat(channel, a_snapshot(revision=0, store_id=OTHER_STORE_ID))
    await eventually(lambda: recorder.cache.events[EventOutcome.FOREIGN])


async def test_messages_say_who_sent_them_and_outlive_a_restart(
    channel: SnapshotChannel, amqp: AbstractChannel
) -> None:
    """A message is persistent and carries id, type, sender, time and headers, all as text."""
    snapshot = a_snapshot(revision=9)
    exchange = await amqp.declare_exchange(SNAPSHOT_EXCHANGE, "fanout", durable=True)
    queue = await amqp.declare_queue(exclusive=True)
    await queue.bind(exchange)

    await publish(channel, snapshot, message_id="the-id")
    await beat(channel, snapshot)

    message = await _next(queue)
    assert message.body == body_of(snapshot)
    assert message.delivery_mode is DeliveryMode.PERSISTENT
    assert message.message_id == "the-id"
    assert message.type == "campaigns.snapshot"
    assert message.app_id == "campaign-publisher"
    assert message.content_type == "application/json"
    assert message.timestamp is not None
    assert abs(datetime.now(UTC) - message.timestamp) < timedelta(minutes=1)
    told = {name: value for name, value in message.headers.items() if name.startswith("x-")}
    assert told == event_of(snapshot).to_headers()

    heartbeat = await _next(queue)
    assert heartbeat.body == b""
    assert heartbeat.type == "campaigns.heartbeat"
    assert heartbeat.headers["x-revision"] == "9"


async def test_a_busy_instance_skips_to_the_newest_snapshot(
    channel: SnapshotChannel, recorder: Recorder
) -> None:
    """An instance's queue holds one event, the newest: superseded ones cost it nothing."""
    recorder.open.clear()
    await publish(channel, a_snapshot(revision=1))
    await eventually(lambda: len(recorder.taken) == 1)
    for revision in range(2, 7):
        await publish(channel, a_snapshot(revision=revision))
    recorder.open.set()

    await eventually(lambda: recorder.revision == 6)
    assert [headers["x-revision"] for _, headers, _ in recorder.taken] == ["1", "6"]


async def test_an_event_that_nobody_can_read_is_kept_for_people(
    recorder: Recorder, dead: AbstractQueue, amqp: AbstractChannel
) -> None:
    """An unreadable event waits in campaigns.dead as it came, with the reason."""
    await _send(amqp, b"{no snapshot", message_id="broken")
    await eventually(lambda: recorder.cache.events[EventOutcome.DEAD])

    letter = await _next(dead)
    assert letter.body == b"{no snapshot"
    assert letter.message_id == "broken"
    assert letter.headers["x-reason"] == "its headers are not those of a snapshot event"
    assert letter.delivery_mode is DeliveryMode.PERSISTENT


@pytest.mark.usefixtures("dead")
async def test_the_dead_letters_queue_is_bounded(amqp: AbstractChannel) -> None:
    """The queue of dead letters forgets its oldest past 1,000 letters or 64 MiB."""
    # RabbitMQ closes the channel of who declares a queue with other arguments than it has.
    await amqp.declare_queue(
        DEAD_LETTER_QUEUE,
        durable=True,
        arguments={
            "x-max-length": 1000,
            "x-max-length-bytes": 64 * 1024 * 1024,
            "x-overflow": "drop-head",
        },
    )
    with pytest.raises(aio_pika.exceptions.ChannelPreconditionFailed):
        await amqp.declare_queue(DEAD_LETTER_QUEUE, durable=True)


@pytest.mark.usefixtures("dead")
async def test_unreadable_events_do_not_come_back(
    recorder: Recorder, channel: SnapshotChannel, amqp: AbstractChannel
) -> None:
    """Each unreadable event is taken once; at most one a second is kept, the rest is counted."""
    for taken in range(30):
        await _send(amqp, b"\x00")
        await eventually(partial(_has_taken, recorder, taken + 1))
    await publish(channel, a_snapshot(revision=1))
    await eventually(lambda: recorder.revision == 1)

    letters = recorder.dead_letters
    await eventually(lambda: letters.published + letters.dropped == 30)
    assert len(recorder.taken) == 31
    assert letters.dropped > letters.published > 0


async def test_a_removed_dead_letters_queue_is_made_again(
    dead: AbstractQueue, amqp: AbstractChannel
) -> None:
    """After somebody deleted the queue of dead letters, it comes back with the next of them."""
    await dead.delete(if_unused=False, if_empty=False)

    await _send(amqp, b"\x00")
    queue = await _dead_letters(amqp)
    await asyncio.sleep(EVERY_SECONDS)
    await _send(amqp, b"\x01")
    assert (await _next(queue)).body == b"\x01"


def _has_taken(recorder: Recorder, count: int) -> bool:
    return len(recorder.taken) == count


async def _dead_letters(amqp: AbstractChannel) -> AbstractQueue:
    """Return the queue as soon as somebody has declared it."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await amqp.get_queue(DEAD_LETTER_QUEUE)
            except aio_pika.exceptions.ChannelNotFoundEntity:
                await amqp.reopen()
                await asyncio.sleep(0.02)


async def _send(amqp: AbstractChannel, body: bytes, *, message_id: str | None = None) -> None:
    exchange = await amqp.get_exchange(SNAPSHOT_EXCHANGE)
    await exchange.publish(aio_pika.Message(body, message_id=message_id), "", mandatory=False)


async def _next(queue: AbstractQueue) -> AbstractIncomingMessage:
    async with asyncio.timeout(DEADLINE):
        while True:
            if message := await queue.get(no_ack=True, fail=False):
                return message
            await asyncio.sleep(0.02)
