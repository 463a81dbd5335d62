"""SnapshotPublisher: sends the newest snapshot to all profile services until it is confirmed."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from enum import Enum, auto
from typing import Protocol
from uuid import uuid4

from campaign_publisher.publishing.snapshots import Snapshots
from contracts.snapshot import LogPosition, SnapshotReason
from contracts.wire import HEARTBEAT_TYPE, SNAPSHOT_TYPE, SnapshotEvent
from foundation.backoff import Backoff
from foundation.clock import Clock
from foundation.errors import Unavailable
from foundation.tasks import being_cancelled

logger = logging.getLogger(__name__)

PUBLISH_SECONDS = 5.0
MAX_BACKOFF_SECONDS = 2.0
LOOK_SECONDS = 1.0  # until the next look whether this replica is authoritative


class PublishFailed(Exception):
    """A message was not confirmed; it may arrive nevertheless."""


class Delivery(Enum):
    """Where a confirmed message went."""

    ROUTED = auto()  # to a queue at least
    UNROUTED = auto()  # to no queue: no profile service has one


class SnapshotChannel(Protocol):
    """The connection to all profile services."""

    @property
    def is_up(self) -> bool:
        """Whether the connection is believed to work."""
        ...

    async def publish(
        self, body: bytes, *, headers: dict[str, str], message_type: str, message_id: str
    ) -> Delivery:
        """Send a message to all profile services; return when it is confirmed.

        Raises:
            PublishFailed: it was not confirmed.
        """
        ...


class SnapshotPublisher:
    """Compares the newest revision with the newest that RabbitMQ confirmed, and closes the gap.

    Only the newest snapshot is ever sent, never a queue of old ones. Nothing is sent
    while this replica is not authoritative: its state may be outdated.
    """

    def __init__(
        self, snapshots: Snapshots, *, heartbeat_interval: timedelta, clock: Clock
    ) -> None:
        self.confirmed: LogPosition | None = None
        self.snapshots_sent = 0
        self.heartbeats_sent = 0
        self.unheard = 0
        self.failures = 0
        self.failures_in_a_row = 0
        self._snapshots = snapshots
        self._heartbeat_seconds = heartbeat_interval.total_seconds()
        self._clock = clock
        self._sent_at = clock.elapsed()
        self._waiting_since: float | None = self._sent_at
        self._reason = SnapshotReason.STARTUP
        self._connections = 0
        self._is_heard = True
        self._backoff = Backoff(base=0.1, cap=MAX_BACKOFF_SECONDS)
        self._news = asyncio.Event()

    @property
    def lag(self) -> float:
        """Seconds since the first news that RabbitMQ has not confirmed; 0 when there is none."""
        since = self._waiting_since
        return 0.0 if since is None else self._clock.elapsed() - since

    def wake(self) -> None:
        """Look again at once: there may be something to send.

        While RabbitMQ is away, changes do not cut the pause between two tries short.
        """
        self._note_waiting()
        if not self.failures_in_a_row:
            self._news.set()

    async def reconnected(self) -> None:
        """Send the snapshot again: queues that exist now may be new, and lack the last one."""
        self._connections += 1
        self.confirmed = None
        if self._reason is not SnapshotReason.STARTUP:
            self._reason = SnapshotReason.RECONNECT
        self._note_waiting()
        self._news.set()

    async def run(self, channel: SnapshotChannel) -> None:
        """Send snapshots and heartbeats when they are due, until cancelled."""
        # aio-pika may swallow a cancellation that comes as its confirmation does.
        while not being_cancelled():
            self._news.clear()
            pause = await self.step(channel)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._news.wait()

    async def step(self, channel: SnapshotChannel) -> float:
        """Send the message that is due now, if any; return the seconds until the next step."""
        try:
            if not await self._send_due(channel):
                return self._backoff.next()
            if not self._is_level:
                # The state moved on, or the connection was made anew, while the message was on
                # its way. No news has to come for it: the next step follows at once.
                return 0.0
            self._waiting_since = None
            # No news comes either when the replica stops being authoritative: it is looked at.
            return min(self._until_heartbeat, LOOK_SECONDS)
        except Unavailable:  # this replica is not authoritative
            return LOOK_SECONDS

    @property
    def _is_level(self) -> bool:
        return self._snapshots.position == self.confirmed

    @property
    def _until_heartbeat(self) -> float:
        due = self._sent_at + self._heartbeat_seconds - self._clock.elapsed()
        return max(due, 0.0)

    async def _send_due(self, channel: SnapshotChannel) -> bool:
        if not self._is_level:
            return await self._send_snapshot(channel)
        if not self._until_heartbeat:
            return await self._send_heartbeat(channel)
        return True

    async def _send_snapshot(self, channel: SnapshotChannel) -> bool:
        connections = self._connections
        event, body = self._snapshots.snapshot(self._reason)
        if not await self._send(channel, event, body, SNAPSHOT_TYPE):
            return False
        logger.info("published revision %d (%s)", event.revision, self._reason)
        self.snapshots_sent += 1
        # After a reconnect in between, a queue may have been made too late for this snapshot.
        if connections == self._connections:
            self.confirmed = event.position
            self._reason = SnapshotReason.CHANGE
        return True

    async def _send_heartbeat(self, channel: SnapshotChannel) -> bool:
        event = self._snapshots.event(SnapshotReason.HEARTBEAT)
        succeeded = await self._send(channel, event, b"", HEARTBEAT_TYPE)
        self.heartbeats_sent += succeeded
        return succeeded

    async def _send(
        self, channel: SnapshotChannel, event: SnapshotEvent, body: bytes, message_type: str
    ) -> bool:
        try:
            # The client's own time-out is not to be relied on: FastStream drops it.
            async with asyncio.timeout(PUBLISH_SECONDS):
                delivery = await channel.publish(
                    body,
                    headers=event.to_headers(),
                    message_type=message_type,
                    message_id=str(uuid4()),
                )
        except (PublishFailed, TimeoutError) as error:
            self._failed(event, error)
            return False
        except asyncio.CancelledError as error:
            # aio-pika lets one out of a publish whose connection broke: that is a failure.
            if being_cancelled():
                raise
            self._failed(event, error)
            return False
        self._succeeded(event, delivery)
        return True

    def _note_waiting(self) -> None:
        if self._waiting_since is None:
            self._waiting_since = self._clock.elapsed()

    def _failed(self, event: SnapshotEvent, error: BaseException) -> None:
        self.failures += 1
        self.failures_in_a_row += 1
        if self.failures_in_a_row == 1:
            logger.warning("revision %d cannot be published: %r", event.revision, error)

    def _succeeded(self, event: SnapshotEvent, delivery: Delivery) -> None:
        self._note_delivery(event, delivery)
        if self.failures_in_a_row:
            logger.info("publishing works again, at revision %d", event.revision)
        self.failures_in_a_row = 0
        self._backoff.reset()
        self._sent_at = self._clock.elapsed()

    def _note_delivery(self, event: SnapshotEvent, delivery: Delivery) -> None:
        is_heard = delivery is Delivery.ROUTED
        self.unheard += not is_heard
        if self._is_heard and not is_heard:
            logger.info("no profile service listens: revision %d went to nobody", event.revision)
        if is_heard and not self._is_heard:
            logger.info("a profile service listens now")
        self._is_heard = is_heard
