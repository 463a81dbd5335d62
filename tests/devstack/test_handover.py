"""The direct handover: what RabbitMQ promises both services, in one process."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

import pytest

from campaign_publisher.publishing.publisher import PublishFailed
from devstack.handover import Handover

DEADLINE = 5.0


class Consumer:
    """A profile service that notes what it is given."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.events: list[tuple[bytes, dict[str, object], str | None]] = []
        self.handled = asyncio.Event()
        self.connects = 0

    async def handle(
        self, body: bytes, headers: Mapping[str, object], message_id: str | None
    ) -> None:
        if self.broken:
            raise RuntimeError("no")
        self.events.append((body, dict(headers), message_id))
        self.handled.set()

    async def connected(self) -> None:
        self.connects += 1


class Publisher:
    """A campaign service that notes each connection."""

    def __init__(self) -> None:
        self.connects = 0
        self.told = asyncio.Event()

    async def connected(self) -> None:
        self.connects += 1
        self.told.set()

    async def is_told(self) -> None:
        async with asyncio.timeout(DEADLINE):
            await self.told.wait()
        self.told.clear()


async def publish(handover: Handover) -> None:
    """Publish some event."""
    await handover.publish(b"{}", headers={"x-revision": "1"}, message_type="t", message_id="id")


def both_sides(
    handover: Handover, publisher: Publisher, consumer: Consumer
) -> tuple[AbstractAsyncContextManager[Handover], AbstractAsyncContextManager[Handover]]:
    """Return what each app enters: the channel and the subscription."""
    return (
        handover.open_channel(None, publisher.connected),
        handover.open_subscription(None, consumer),
    )


async def test_an_event_is_handled_when_its_publishing_ends() -> None:
    """What is published has been handled, byte for byte, once publish returns."""
    handover, consumer = Handover(), Consumer()
    channel, subscription = both_sides(handover, Publisher(), consumer)
    async with channel as publishing, subscription:
        await publish(publishing)
        assert consumer.events == [(b"{}", {"x-revision": "1"}, "id")]


async def test_publishing_fails_while_nobody_is_subscribed() -> None:
    """Before the subscription and after it nothing is confirmed."""
    handover = Handover(patience=0.01)
    channel, subscription = both_sides(handover, Publisher(), Consumer())
    async with channel:
        with pytest.raises(PublishFailed):
            await publish(handover)
        async with subscription:
            await publish(handover)
        with pytest.raises(PublishFailed):
            await publish(handover)


async def test_publishing_waits_for_a_subscription_that_comes() -> None:
    """What is published a moment too early is handled when the subscription is there."""
    handover, consumer = Handover(patience=DEADLINE), Consumer()
    channel, subscription = both_sides(handover, Publisher(), consumer)
    async with channel, asyncio.TaskGroup() as tasks:
        tasks.create_task(publish(handover))
        await asyncio.sleep(0)
        async with subscription:
            async with asyncio.timeout(DEADLINE):
                await consumer.handled.wait()


async def test_an_event_that_is_not_handled_is_not_confirmed() -> None:
    """The handler's failure is a failed publish, so that the publisher tries again."""
    handover = Handover()
    channel, subscription = both_sides(handover, Publisher(), Consumer(broken=True))
    async with channel, subscription:
        with pytest.raises(PublishFailed):
            await publish(handover)


@pytest.mark.parametrize("channel_first", [True, False])
async def test_both_sides_are_told_once_both_are_there(*, channel_first: bool) -> None:
    """Whoever comes first, both hear of the connection when the other has come."""
    handover, publisher, consumer = Handover(), Publisher(), Consumer()
    sides = both_sides(handover, publisher, consumer)
    first, second = sides if channel_first else reversed(sides)
    async with first:
        assert not handover.is_up
        assert (publisher.connects, consumer.connects) == (0, 0)
        async with second:
            assert handover.is_up
            await publisher.is_told()
            assert (publisher.connects, consumer.connects) == (1, 1)
    assert not handover.is_up


async def test_a_restart_is_a_new_connection() -> None:
    """A consumer that asks for a fresh subscription hears of a connection again."""
    handover, publisher, consumer = Handover(), Publisher(), Consumer()
    channel, subscription = both_sides(handover, publisher, consumer)
    async with channel, subscription:
        await publisher.is_told()
        handover.restart()
        await publisher.is_told()
        assert (publisher.connects, consumer.connects) == (2, 2)
