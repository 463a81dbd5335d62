"""A profile service's consumer and a campaign service's channel, in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from campaign_publisher.publishing.publisher import Delivery, PublishFailed, SnapshotChannel
from campaign_publisher.publishing.rabbit import open_rabbit_channel
from contracts.snapshot import CampaignSnapshot
from contracts.wire import HEARTBEAT_TYPE, SNAPSHOT_TYPE
from foundation.clock import SystemClock
from profile_service.cache.cache import CampaignCache
from profile_service.cache.refetcher import Refetcher
from profile_service.messaging.consumer import open_rabbit_subscription
from profile_service.messaging.handler import EventHandler
from profile_service.messaging.subscription import DeadLetterCounts
from testbed.builders import a_snapshot
from testbed.fakes import FakeOrigin, body_of, event_of

DEADLINE = 15.0


class Recorder(EventHandler):
    """Takes events as the product does, and remembers them; while `closed` is set it waits."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.origin = FakeOrigin(a_snapshot(revision=0))
        ttl = timedelta(minutes=5)
        self.cache = CampaignCache(ttl=ttl, follow_new_store=False, clock=clock)
        self.refetcher = Refetcher(self.cache, self.origin, ttl=ttl, clock=clock)
        super().__init__(self.cache, self.refetcher, clock=clock)
        self.dead_letters = DeadLetterCounts()
        self.taken: list[tuple[bytes, Mapping[str, object], str | None]] = []
        self.connects = 0
        self.open = asyncio.Event()
        self.open.set()

    async def handle(
        self, body: bytes, headers: Mapping[str, object], message_id: str | None
    ) -> str | None:
        self.taken.append((body, headers, message_id))
        await self.open.wait()
        return await super().handle(body, headers, message_id)

    async def connected(self) -> None:
        self.connects += 1
        await super().connected()

    @property
    def revision(self) -> int | None:
        """The revision that the cache holds."""
        return self.cache.position.revision if self.cache.position else None


@asynccontextmanager
async def consuming(amqp_url: str) -> AsyncIterator[Recorder]:
    """Yield a consumer that holds revision 0 and is subscribed, or soon will be."""
    recorder = Recorder()
    fetching = asyncio.create_task(recorder.refetcher.run())
    try:
        async with open_rabbit_subscription(amqp_url, recorder) as subscription:
            recorder.dead_letters = subscription.dead_letters
            yield recorder
    finally:
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)


@asynccontextmanager
async def publishing(amqp_url: str) -> AsyncIterator[SnapshotChannel]:
    """Yield a channel that is connected, or soon will be."""

    async def connected() -> None:
        pass

    async with open_rabbit_channel(amqp_url, connected) as channel:
        yield channel


async def eventually(condition: Callable[[], object], within: float = DEADLINE) -> None:
    """Wait until `condition` holds; `TimeoutError` after `within` seconds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.02)


async def publish(
    channel: SnapshotChannel, snapshot: CampaignSnapshot, *, message_id: str = "one", **event: float
) -> Delivery:
    """Publish a snapshot, trying until RabbitMQ confirms it; return where it went."""
    headers = event_of(snapshot, **event).to_headers()
    return await _send(channel, body_of(snapshot), headers, message_id)


async def beat(channel: SnapshotChannel, snapshot: CampaignSnapshot, **event: float) -> None:
    """Publish a heartbeat, trying until RabbitMQ confirms it."""
    await _send(channel, b"", event_of(snapshot, **event).to_headers(), "beat")


async def _send(
    channel: SnapshotChannel, body: bytes, headers: dict[str, str], message_id: str
) -> Delivery:
    message_type = SNAPSHOT_TYPE if body else HEARTBEAT_TYPE
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                async with asyncio.timeout(2.0):
                    return await channel.publish(
                        body, headers=headers, message_type=message_type, message_id=message_id
                    )
            except (PublishFailed, TimeoutError):
                await asyncio.sleep(0.05)
