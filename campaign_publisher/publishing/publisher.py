"""SnapshotPublisher: tells all profile services of the newest snapshot until RabbitMQ has it."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
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
LOOK_SECONDS = 1.0  # how soon it shows that the log can be read again


class PublishFailed(Exception):
    """A message was not confirmed; it may arrive nevertheless."""


class NobodyListens(Exception):
    """A message was confirmed, and there was nobody to receive it."""


class SnapshotChannel(Protocol):
    """The way to all profile services."""

    @property
    def is_up(self) -> bool:
        """Whether it is believed to work."""
        ...

    async def publish(
        self, body: bytes, *, headers: dict[str, str], message_type: str, message_id: str
    ) -> None:
        """Send to everybody who listens; returns when that is certain.

        Raises:
            PublishFailed: it may not have been sent.
            NobodyListens: it was sent, and went to nobody.
        """
        ...


class SnapshotPublisher:
    """Compares the newest revision with the newest that RabbitMQ confirmed, and closes the gap.

    Only the newest snapshot is ever sent, never a queue of old ones. Nothing is sent
    while this replica cannot vouch for what it holds.
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
        """Forget what was confirmed: who listens now may have missed it."""
        self._connections += 1
        self.confirmed = None
        if self._reason is not SnapshotReason.STARTUP:
            self._reason = SnapshotReason.RECONNECT
        self._note_waiting()
        self._news.set()

    async def run(self, channel: SnapshotChannel) -> None:
        """Send what is due until cancelled."""
        # aio-pika may swallow a cancellation that comes as its confirmation does.
        while not being_cancelled():
            self._news.clear()
            pause = await self.step(channel)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._news.wait()

    async def step(self, channel: SnapshotChannel) -> float:
        """Send what is due now; give the seconds after which to look again."""
        try:
            if not await self._send_what_is_due(channel):
                return self._backoff.next()
            if not self._is_level:
                return 0.0
            self._waiting_since = None
            return min(self._until_heartbeat, LOOK_SECONDS)
        except Unavailable:  # this replica cannot vouch for what it holds
            return LOOK_SECONDS

    @property
    def _is_level(self) -> bool:
        return self._snapshots.position == self.confirmed

    @property
    def _until_heartbeat(self) -> float:
        due = self._sent_at + self._heartbeat_seconds - self._clock.elapsed()
        return max(due, 0.0)

    async def _send_what_is_due(self, channel: SnapshotChannel) -> bool:
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
        # A reconnect in between means that some may have listened too late for it.
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
                await channel.publish(
                    body,
                    headers=event.to_headers(),
                    message_type=message_type,
                    message_id=str(uuid4()),
                )
            self._heard()
        except NobodyListens:
            self._went_unheard(event)
        except (PublishFailed, TimeoutError) as error:
            self._failed(event, error)
            return False
        except asyncio.CancelledError as error:
            if being_cancelled():
                raise
            self._failed(event, error)
            return False
        self._succeeded(event)
        return True

    def _note_waiting(self) -> None:
        if self._waiting_since is None:
            self._waiting_since = self._clock.elapsed()

    def _went_unheard(self, event: SnapshotEvent) -> None:
        self.unheard += 1
        if self._is_heard:
            logger.info("no profile service listens: revision %d went to nobody", event.revision)
        self._is_heard = False

    def _heard(self) -> None:
        if not self._is_heard:
            logger.info("a profile service listens now")
        self._is_heard = True

    def _failed(self, event: SnapshotEvent, error: BaseException) -> None:
        self.failures += 1
        self.failures_in_a_row += 1
        if self.failures_in_a_row == 1:
            logger.warning("revision %d cannot be published: %r", event.revision, error)

    def _succeeded(self, event: SnapshotEvent) -> None:
        if self.failures_in_a_row:
            logger.info("publishing works again, at revision %d", event.revision)
        self.failures_in_a_row = 0
        self._backoff.reset()
        self._sent_at = self._clock.elapsed()
