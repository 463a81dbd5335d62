"""Snapshots: available only while this replica is authoritative, and the same from every one."""

from datetime import timedelta

import pytest

from campaign_publisher.publishing.snapshots import Snapshots
from contracts.snapshot import CampaignSnapshot, SnapshotReason
from foundation.errors import Unavailable
from testbed.builders import NOW, STORE_ID, a_campaign, a_head
from testbed.fakes import FakeClock, InMemoryLog
from tests.campaign_publisher.replicas import a_change, a_loaded_replica, a_replica

HEARTBEAT = timedelta(seconds=60)


async def test_headers_and_body_say_the_same() -> None:
    """The event is of the snapshot's place in the log and of its age, and names the interval."""
    clock = FakeClock()
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")))
    log_replica = (await a_loaded_replica(log, clock=clock)).log_replica
    clock.advance(2.5)
    snapshots = Snapshots(log_replica, clock=clock, heartbeat_interval=HEARTBEAT)
    event, body = snapshots.snapshot(SnapshotReason.RECONNECT)
    snapshot = CampaignSnapshot.model_validate_json(body)
    assert (event.store_id, event.revision, event.head) == (STORE_ID, 1, a_head(1))
    assert snapshot.position == event.position
    assert event.log_age == 2.5
    assert event.heartbeat_interval == 60
    assert event.reason is SnapshotReason.RECONNECT
    assert event.published_at == clock.now()
    assert [campaign.name for campaign in snapshot.campaigns] == ["a"]


async def test_clocks_do_not_decide_what_a_snapshot_holds() -> None:
    """Replicas whose dates are a year apart serve the same bytes, before and after the end date."""
    clocks = [FakeClock(), FakeClock(now=NOW + timedelta(days=365))]
    ending = a_campaign("ending", start=NOW, end=NOW + timedelta(hours=1))
    log = InMemoryLog(a_change(0), a_change(1, ending, a_campaign("a")))
    bodies = set()
    for clock in clocks:
        log_replica = (await a_loaded_replica(log, clock=clock)).log_replica
        snapshots = Snapshots(log_replica, clock=clock, heartbeat_interval=HEARTBEAT)
        for _ in range(2):
            bodies.add(snapshots.snapshot(SnapshotReason.REQUEST)[1])
            clock.advance(7200)
            await log_replica.follow()
    [body] = bodies
    snapshot = CampaignSnapshot.model_validate_json(body)
    assert [campaign.name for campaign in snapshot.campaigns] == ["a", "ending"]


async def test_an_outdated_replica_serves_nothing() -> None:
    """Not before the log was read, not when that is too long ago, not when it was replaced."""
    clock = FakeClock()
    log = InMemoryLog(a_change(0), a_change(1))
    replica = a_replica(log, clock=clock)
    snapshots = Snapshots(replica.log_replica, clock=clock, heartbeat_interval=HEARTBEAT)

    def is_silent() -> bool:
        for read in (snapshots.event, snapshots.snapshot):
            try:
                read(SnapshotReason.CHANGE)
            except Unavailable:
                continue
            return False
        return True

    assert is_silent()
    await replica.log_replica.load()
    assert not is_silent()
    clock.advance(5.001)
    assert is_silent()
    await replica.log_replica.follow()
    assert not is_silent()
    del log.changes[1:]
    await replica.log_replica.follow()
    assert is_silent()


async def test_a_refusal_names_no_secret_and_says_what_to_do() -> None:
    """The client is sent to another replica."""
    clock = FakeClock()
    replica = await a_loaded_replica(InMemoryLog(a_change(0)), clock=clock)
    clock.advance(60)
    snapshots = Snapshots(replica.log_replica, clock=clock, heartbeat_interval=HEARTBEAT)
    with pytest.raises(Unavailable, match="ask another replica"):
        snapshots.event(SnapshotReason.CHANGE)
