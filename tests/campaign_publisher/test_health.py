"""What the health routes say of the log and of the publishing."""

from dataclasses import dataclass
from datetime import timedelta

from campaign_publisher.health import examine
from campaign_publisher.publishing.publisher import SnapshotPublisher
from campaign_publisher.publishing.snapshots import Snapshots
from foundation.health import Report, Status
from testbed.builders import STORE_ID, a_campaign
from testbed.fakes import FakeChannel, FakeClock, InMemoryLog
from tests.campaign_publisher.replicas import Replica, a_change, a_replica


@dataclass
class CheckedReplica:
    """A replica with its publisher, moved by hand."""

    clock: FakeClock
    log: InMemoryLog
    replica: Replica
    publisher: SnapshotPublisher
    channel: FakeChannel

    def health(self, *, draining: bool = False) -> Report:
        """Return the report on all parts."""
        return examine(self.replica.log_replica, self.publisher, self.channel, draining=draining)


async def a_checked_replica(*, loaded: bool = True) -> CheckedReplica:
    """Return a replica that has published what it loaded."""
    clock = FakeClock()
    log = InMemoryLog(a_change(0), a_change(1, a_campaign()))
    replica = a_replica(log, clock=clock)
    interval = timedelta(seconds=60)
    snapshots = Snapshots(replica.log_replica, clock=clock, heartbeat_interval=interval)
    publisher = SnapshotPublisher(snapshots, heartbeat_interval=interval, clock=clock)
    checked = CheckedReplica(clock, log, replica, publisher, FakeChannel())
    if loaded:
        await replica.log_replica.load()
        await publisher.step(checked.channel)
    return checked


async def test_all_is_well() -> None:
    """Both checks are named, with revision, store and age."""
    checked = await a_checked_replica()
    checked.clock.advance(1.5)
    health = checked.health()
    assert health.status is Status.OK
    assert health.is_ready
    assert health.checks == {
        "log": {
            "status": "ok",
            "store_id": str(STORE_ID),
            "revision": 1,
            "campaigns": 1,
            "segments": 0,
            "age": 1.5,
        },
        "publishing": {
            "status": "ok",
            "connected": True,
            "confirmed_revision": 1,
            "failures_in_a_row": 0,
            "snapshots_sent": 1,
            "heartbeats_sent": 0,
        },
    }


async def test_before_the_log_was_read() -> None:
    """A replica that is loading is not ready."""
    checked = await a_checked_replica(loaded=False)
    health = checked.health()
    assert not health.is_ready
    assert health.checks["log"]["status"] == "loading"
    assert health.checks["publishing"]["status"] == "behind"


async def test_a_log_that_cannot_be_read() -> None:
    """Five polls without a read turn it red, and one read turns it green again."""
    checked = await a_checked_replica()
    checked.clock.advance(5.1)
    health = checked.health()
    assert health.status is Status.UNAVAILABLE
    assert not health.is_ready
    assert health.checks["log"]["status"] == "unreadable"
    await checked.replica.log_replica.follow()
    assert checked.health().is_ready


async def test_a_replaced_log() -> None:
    """It is named, and the replica is not ready."""
    checked = await a_checked_replica()
    del checked.log.changes[1:]
    await checked.replica.log_replica.follow()
    health = checked.health()
    assert not health.is_ready
    assert health.checks["log"]["status"] == "log replaced"


async def test_a_log_that_cannot_be_written_degrades() -> None:
    """A failing write is shown with its reason until a write succeeds; reads go on."""
    checked = await a_checked_replica()
    checked.replica.log_replica.appending.failed("disk full")
    health = checked.health()
    assert (health.status, health.is_ready) == (Status.DEGRADED, True)
    assert health.checks["log"]["detail"] == "the log cannot be written: disk full"
    checked.replica.log_replica.appending.recovered()
    assert checked.health().status is Status.OK


async def test_rabbitmq_away_degrades_only() -> None:
    """Unconnected, unconfirmed or failing, publishing is behind and the service is ready."""
    checked = await a_checked_replica()
    checked.channel.is_up = False
    assert checked.health().status is Status.DEGRADED
    checked.channel.is_up = True
    assert checked.health().status is Status.OK
    checked.log.changes.append(a_change(2))
    await checked.replica.log_replica.follow()
    health = checked.health()
    assert health.is_ready
    assert (health.status, health.checks["publishing"]["status"]) == (Status.DEGRADED, "behind")
    checked.channel.fail()
    await checked.publisher.step(checked.channel)
    assert checked.health().checks["publishing"]["failures_in_a_row"] == 1
    checked.channel.error = None
    await checked.publisher.step(checked.channel)
    assert checked.health().status is Status.OK


async def test_a_stop_turns_it_red_first() -> None:
    """Whatever the checks say, a service that is about to stop wants no more requests."""
    checked = await a_checked_replica()
    health = checked.health(draining=True)
    assert health.status is Status.DRAINING
    assert not health.is_ready
