"""Snapshots: what an authoritative replica publishes and serves."""

from datetime import timedelta

from campaign_publisher.log.replica import LogReplica
from campaign_publisher.log.snapshot_json import snapshot_bytes
from contracts.snapshot import LogPosition, SnapshotReason
from contracts.wire import SnapshotEvent
from foundation.clock import Clock
from foundation.errors import Unavailable


class Snapshots:
    """The newest snapshot, and the event that announces it.

    Both are Unavailable while the replica is not authoritative.
    """

    def __init__(self, replica: LogReplica, *, clock: Clock, heartbeat_interval: timedelta) -> None:
        self._replica = replica
        self._clock = clock
        self._heartbeat_seconds = heartbeat_interval.total_seconds()

    @property
    def position(self) -> LogPosition:
        """The newest position in the log.

        Raises:
            Unavailable: this replica may hold an outdated state.
        """
        position = self._replica.state.position
        if not self._replica.is_authoritative:
            raise Unavailable("the change log cannot be read or was replaced: ask another replica")
        return position

    def event(self, reason: SnapshotReason) -> SnapshotEvent:
        """Return the newest position in the log, and how long ago it was seen to be that.

        Raises:
            Unavailable: as `position`.
        """
        return SnapshotEvent(
            **dict(self.position),
            log_age=round(self._replica.age, 3),
            heartbeat_interval=self._heartbeat_seconds,
            published_at=self._clock.now(),
            reason=reason,
        )

    def snapshot(self, reason: SnapshotReason) -> tuple[SnapshotEvent, bytes]:
        """Return the event that announces the newest snapshot, and the snapshot's JSON.

        Raises:
            Unavailable: as `position`.
        """
        event = self.event(reason)
        return event, snapshot_bytes(self._replica.state)
