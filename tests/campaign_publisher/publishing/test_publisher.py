"""Publishing: the newest snapshot until RabbitMQ has it, and heartbeats in between."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import pytest

from campaign_publisher.log.replica import keep_up
from campaign_publisher.publishing.publisher import (
    LOOK_SECONDS,
    MAX_BACKOFF_SECONDS,
    PUBLISH_SECONDS,
    PublishFailed,
    SnapshotPublisher,
)
from campaign_publisher.publishing.snapshots import Snapshots
from contracts.snapshot import CampaignSnapshot
from contracts.wire import HEARTBEAT_TYPE, SNAPSHOT_TYPE
from foundation.preconditions import Preconditions
from foundation.tasks import running
from testbed.builders import a_campaign, a_head
from testbed.fakes import FakeChannel, InMemoryLog, Sent
from tests.campaign_publisher.replicas import POLL, Replica, a_change, a_replica
from tests.simulated_time import SimulatedClock, settle, simulated

HEARTBEAT = 60.0


@dataclass
class PublishingReplica:
    """A replica that follows its log, and the publisher that tells of it."""

    log: InMemoryLog
    replica: Replica
    publisher: SnapshotPublisher
    channel: FakeChannel = field(default_factory=FakeChannel)

    async def put(self, name: str) -> None:
        """Commit a campaign through this replica."""
        await self.replica.service.put(a_campaign(name), Preconditions(), actor="me")

    @property
    def snapshots(self) -> list[Sent]:
        """What was sent, but for heartbeats."""
        return [sent for sent in self.channel.sent if sent.message_type == SNAPSHOT_TYPE]

    @property
    def revisions(self) -> list[int]:
        """The revisions of the snapshots that were sent, in order."""
        return [sent.event.revision for sent in self.snapshots]

    @property
    def reasons(self) -> list[str]:
        """Why they were."""
        return [str(sent.event.reason) for sent in self.snapshots]

    @property
    def heartbeats(self) -> list[Sent]:
        """The heartbeats that were sent."""
        return [sent for sent in self.channel.sent if sent.message_type == HEARTBEAT_TYPE]


def a_publishing_replica(log: InMemoryLog | None = None) -> PublishingReplica:
    """Return a replica that was not started yet, on a log with its first change only."""
    log = log or InMemoryLog(a_change(0))
    clock = SimulatedClock()
    replica = a_replica(log, clock=clock)
    interval = timedelta(seconds=HEARTBEAT)
    snapshots = Snapshots(replica.log_replica, clock=clock, heartbeat_interval=interval)
    publisher = SnapshotPublisher(snapshots, heartbeat_interval=interval, clock=clock)
    replica.log_replica.subscribe(publisher.wake)
    return PublishingReplica(log, replica, publisher)


@asynccontextmanager
async def playing(publishing: PublishingReplica) -> AsyncIterator[PublishingReplica]:
    """Run a publishing's loops while the block lasts."""
    follow = partial(keep_up, publishing.replica.log_replica, poll_interval=POLL)
    async with (
        running(follow, name="change log"),
        running(partial(publishing.publisher.run, publishing.channel), name="publisher"),
    ):
        await settle()
        yield publishing


@simulated
async def test_a_start_publishes_once() -> None:
    """The newest snapshot is sent as soon as the log was read, because of the start."""
    async with playing(a_publishing_replica()) as publishing:
        await asyncio.sleep(HEARTBEAT / 2)
        assert publishing.revisions == [0]
        assert publishing.reasons == ["startup"]
        assert publishing.publisher.confirmed == publishing.replica.state.position


@simulated
async def test_a_change_is_published_at_once() -> None:
    """A change that this replica commits is sent without waiting for a poll."""
    async with playing(a_publishing_replica()) as publishing:
        await publishing.put("a")
        await settle()
        assert publishing.revisions == [0, 1]
        assert publishing.reasons == ["startup", "change"]
        snapshot = CampaignSnapshot.model_validate_json(publishing.snapshots[-1].body)
        assert [campaign.name for campaign in snapshot.campaigns] == ["a"]
        assert publishing.snapshots[-1].event.position == snapshot.position


@simulated
async def test_a_change_of_another_replica_is_published_too() -> None:
    """A change of another replica is sent at the next poll: that replica may be gone."""
    async with playing(a_publishing_replica()) as publishing:
        publishing.log.changes.append(a_change(1, a_campaign("a")))
        await asyncio.sleep(POLL.total_seconds() + 0.1)
        assert publishing.revisions == [0, 1]


@simulated
async def test_only_the_newest_is_sent() -> None:
    """Changes that come while one is on its way are sent as one snapshot, the newest."""
    async with playing(a_publishing_replica()) as publishing:

        async def slowly() -> None:
            await asyncio.sleep(1)

        publishing.channel.sending = slowly
        for name in "abcde":
            await publishing.put(name)
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)
        assert publishing.revisions == [0, 1, 5]


@simulated
async def test_a_reconnect_publishes_again() -> None:
    """A queue made after a reconnect may have missed the snapshot: it is sent again."""
    async with playing(a_publishing_replica()) as publishing:
        await publishing.publisher.reconnected()
        await settle()
        assert publishing.revisions == [0, 0]
        assert publishing.reasons == ["startup", "reconnect"]
        await publishing.put("a")
        await settle()
        assert publishing.reasons == ["startup", "reconnect", "change"]


@simulated
async def test_the_first_connect_is_a_start() -> None:
    """Connecting before anything was sent is no reconnect."""
    publishing = a_publishing_replica()
    await publishing.publisher.reconnected()
    async with playing(publishing):
        assert publishing.reasons == ["startup"]


@simulated
async def test_a_reconnect_in_between_does_not_count_as_confirmed() -> None:
    """A snapshot that was confirmed while the connection was made anew is sent once more."""
    publishing = a_publishing_replica()

    async def reconnect() -> None:
        publishing.channel.sending = None
        await publishing.publisher.reconnected()

    publishing.channel.sending = reconnect
    async with playing(publishing):
        await settle()
        assert publishing.revisions == [0, 0]


ERRORS = {
    "not confirmed": PublishFailed("the test"),
    # aio-pika lets one out of a publish whose connection broke.
    "cancelled by nobody": asyncio.CancelledError(),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS.keys())
def test_a_failed_publish_is_repeated(error: BaseException) -> None:
    """Whatever the way in which it failed, it is tried again until it is confirmed."""

    @simulated
    async def play() -> None:
        publishing = a_publishing_replica()
        publishing.channel.error = error
        async with playing(publishing):
            await asyncio.sleep(30)
            assert publishing.channel.tries > 10
            assert publishing.publisher.failures_in_a_row == publishing.channel.tries
            assert publishing.publisher.confirmed is None
            await publishing.put("a")
            publishing.channel.error = None
            await asyncio.sleep(MAX_BACKOFF_SECONDS)
            assert publishing.revisions == [1]
            assert publishing.reasons == ["startup"]
            assert publishing.publisher.failures_in_a_row == 0

    play()


@simulated
async def test_a_publish_that_hangs_is_given_up() -> None:
    """A black-holed link blocks neither writes nor, once it is mended, the newest snapshot."""
    async with playing(a_publishing_replica()) as publishing:
        publishing.channel.hanging = True
        await publishing.put("a")
        await publishing.put("b")
        await asyncio.sleep(2 * (PUBLISH_SECONDS + MAX_BACKOFF_SECONDS))
        assert publishing.publisher.failures_in_a_row >= 2
        publishing.channel.hanging = False
        await asyncio.sleep(PUBLISH_SECONDS + MAX_BACKOFF_SECONDS)
        assert publishing.revisions == [0, 2]


@simulated
async def test_changes_do_not_hammer_a_broker_that_is_away() -> None:
    """However many changes come, tries stay as far apart as the backoff says."""
    async with playing(a_publishing_replica()) as publishing:
        publishing.channel.fail()
        publishing.channel.tries = 0
        for number in range(600):
            await publishing.put(f"campaign {number}")
            await asyncio.sleep(0.1)
        assert publishing.channel.tries <= 200
        publishing.channel.error = None
        await asyncio.sleep(MAX_BACKOFF_SECONDS)
        assert publishing.revisions[-1] == 600


@simulated
async def test_a_change_during_the_try_that_succeeds_again_is_not_late() -> None:
    """After failures, a change made during the first successful publish follows at once."""
    publishing = a_publishing_replica()
    publishing.channel.fail()
    changed = asyncio.Event()

    async def change() -> None:
        publishing.channel.sending = None
        await publishing.put("a")
        changed.set()

    async with playing(publishing):
        await asyncio.sleep(5)
        publishing.channel.error = None
        publishing.channel.sending = change
        await changed.wait()
        await settle()
        assert publishing.revisions == [0, 1]


@simulated
async def test_heartbeats() -> None:
    """When nothing changes, the headers alone are sent once an interval, without a body."""
    async with playing(a_publishing_replica()) as publishing:
        await asyncio.sleep(3.5 * HEARTBEAT)
        assert len(publishing.heartbeats) == 3
        assert publishing.revisions == [0]
        for heartbeat in publishing.heartbeats:
            assert heartbeat.body == b""
            assert heartbeat.event.position == publishing.replica.state.position
            assert heartbeat.event.log_age <= POLL.total_seconds() + 0.1
            assert heartbeat.event.heartbeat_interval == HEARTBEAT
        ids = {sent.message_id for sent in publishing.channel.sent}
        assert len(ids) == len(publishing.channel.sent)


def lines_about_listeners(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the log lines about listeners."""
    return [line for line in caplog.messages if "listens" in line]


@simulated
async def test_that_nobody_listens_is_counted_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An unrouted message is confirmed and sent once; a line says so, and one when it ends."""
    caplog.set_level(logging.INFO)
    publishing = a_publishing_replica()
    publishing.channel.deserted = True
    async with playing(publishing):
        await asyncio.sleep(3.5 * HEARTBEAT)
        assert (publishing.revisions, len(publishing.heartbeats)) == ([0], 3)
        assert publishing.publisher.confirmed == publishing.replica.state.position
        assert publishing.publisher.failures == 0
        assert publishing.publisher.unheard == 4
        assert len(lines_about_listeners(caplog)) == 1
        publishing.channel.deserted = False
        await asyncio.sleep(2 * HEARTBEAT)
        assert publishing.publisher.unheard == 4
        assert len(lines_about_listeners(caplog)) == 2
        publishing.channel.deserted = True
        await asyncio.sleep(2 * HEARTBEAT)
        assert publishing.publisher.unheard == 6
        assert len(lines_about_listeners(caplog)) == 3


@simulated
async def test_a_snapshot_is_a_heartbeat() -> None:
    """An interval counts from the last message of either kind."""
    async with playing(a_publishing_replica()) as publishing:
        await asyncio.sleep(0.9 * HEARTBEAT)
        await publishing.put("a")
        await asyncio.sleep(0.9 * HEARTBEAT)
        assert not publishing.heartbeats


@simulated
async def test_a_heartbeat_that_fails_is_repeated() -> None:
    """A lost heartbeat is sent again within the backoff, not an interval later."""
    async with playing(a_publishing_replica()) as publishing:
        publishing.channel.fail()
        await asyncio.sleep(1.5 * HEARTBEAT)
        publishing.channel.error = None
        await asyncio.sleep(MAX_BACKOFF_SECONDS)
        assert len(publishing.heartbeats) == 1
        assert publishing.publisher.heartbeats_sent == 1


@simulated
async def test_a_replica_that_cannot_read_the_log_sends_nothing() -> None:
    """Without a read of the log for five polls nothing is sent; after one it goes on."""
    async with playing(a_publishing_replica()) as publishing:
        publishing.log.unavailable = True
        await asyncio.sleep(10 * HEARTBEAT)
        assert not publishing.heartbeats
        await publishing.publisher.reconnected()
        await asyncio.sleep(HEARTBEAT)
        assert publishing.revisions == [0]
        publishing.log.unavailable = False
        await asyncio.sleep(MAX_BACKOFF_SECONDS + LOOK_SECONDS)
        assert publishing.revisions == [0, 0]
        assert publishing.snapshots[-1].event.log_age <= MAX_BACKOFF_SECONDS + LOOK_SECONDS


@simulated
async def test_nothing_is_sent_of_a_replaced_log() -> None:
    """While the log is not the one that was read, no heartbeat confirms it; a renewal is sent."""
    async with playing(a_publishing_replica(InMemoryLog(a_change(0), a_change(1)))) as publishing:
        publishing.log.changes[1] = a_change(1, a_campaign("restored"), id=a_head(40))
        await asyncio.sleep(3 * HEARTBEAT)
        assert not publishing.heartbeats
        assert publishing.revisions == [1]
        renewed = await publishing.replica.service.renew(actor="me")
        await settle()
        snapshot = CampaignSnapshot.model_validate_json(publishing.snapshots[-1].body)
        assert snapshot.store_id == renewed.store_id
        assert snapshot.renewed_from == renewed.renewed_from


@simulated
async def test_it_stops_when_it_is_asked_to() -> None:
    """Cancelled while a message is on its way, or while it waits, it ends."""
    for hanging in (False, True):
        publishing = a_publishing_replica()
        publishing.channel.hanging = hanging
        await publishing.replica.log_replica.load()
        task = asyncio.create_task(publishing.publisher.run(publishing.channel))
        await settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@simulated
async def test_it_stops_although_the_cancellation_was_swallowed() -> None:
    """A client that hides a cancellation in a confirmation does not make it run for ever."""
    publishing = a_publishing_replica()
    await publishing.replica.log_replica.load()

    async def swallow() -> None:
        try:
            await asyncio.sleep(3)
        except asyncio.CancelledError:
            return

    publishing.channel.sending = swallow
    task = asyncio.create_task(publishing.publisher.run(publishing.channel))
    await settle()
    task.cancel()
    async with asyncio.timeout(10):
        await task


def test_the_log_says_it_once(caplog: pytest.LogCaptureFixture) -> None:
    """An hour without RabbitMQ is one line when it begins and one when it ends."""
    caplog.set_level(logging.INFO, "campaign_publisher.publishing.publisher")

    @simulated
    async def play() -> None:
        async with playing(a_publishing_replica()) as publishing:
            publishing.channel.fail()
            await publishing.put("a")
            await asyncio.sleep(3600)
            publishing.channel.error = None
            await asyncio.sleep(MAX_BACKOFF_SECONDS)

    play()
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "cannot be published" in line]) == 1
    assert len([line for line in lines if "works again" in line]) == 1
