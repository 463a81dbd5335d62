"""Snapshots: what this replica tells profile services, if it can vouch for it."""

from datetime import timedelta

from campaign_publisher.log.replica import LogReplica
from campaign_publisher.log.snapshot_json import snapshot_bytes
from contracts.snapshot import SnapshotReason
from contracts.wire import SnapshotEvent
from foundation.clock import Clock
from foundation.errors import Unavailable


class Snapshots:
    """The newest snapshot, and the event that announces it.

    Neither is given out while the replica cannot vouch for what it holds.
    """

    def __init__(self, replica: LogReplica, *, clock: Clock, heartbeat_interval: timedelta) -> None:
        self._replica = replica
        self._clock = clock
        self._heartbeat_seconds = heartbeat_interval.total_seconds()

    def event(self) -> SnapshotEvent:
        """Give the newest position in the log, and how long ago it was seen to be that.

        Raises:
            Unavailable: this replica cannot vouch for what it holds.
        """
        position = self._replica.state.position
        if not self._replica.is_authoritative:
            raise Unavailable("the change log cannot be read or was replaced: ask another replica")
        return SnapshotEvent(
            **dict(position),
            log_age=round(self._replica.age, 3),
            heartbeat_interval=self._heartbeat_seconds,
        )

    def snapshot(self, reason: SnapshotReason) -> tuple[SnapshotEvent, bytes]:
        """Give the newest snapshot's JSON with the event that announces it.

        Raises:
            Unavailable: this replica cannot vouch for what it holds.
        """
        event = self.event()
        body = snapshot_bytes(
            self._replica.state, now=self._clock.now(), log_age=event.log_age, reason=reason
        )
        return event, body
