"""Archiving of campaigns that ended long ago."""

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta

from campaign_publisher.campaigns.archiving import LOOK_SECONDS, archive_ended
from campaign_publisher.log.change import LogUnavailable, Operation
from testbed.builders import NOW, a_campaign
from testbed.fakes import InMemoryLog
from tests.campaign_publisher.replicas import Replica, a_change, a_loaded_replica
from tests.simulated_time import SimulatedClock, simulated, unended

WEEK = timedelta(days=7)
HOUR = 3600.0


def archived(log: InMemoryLog) -> list[tuple[str, ...]]:
    """Return the names that each change of archiving took out."""
    return [change.deleted for change in log.changes if change.op == Operation.ARCHIVE]


async def replicas_of(log: InMemoryLog, count: int, clock: SimulatedClock) -> list[Replica]:
    """Return replicas that have read the log."""
    return [await a_loaded_replica(log, clock=clock) for _ in range(count)]


async def follow(replica: Replica) -> None:
    """Read the log once a second, whenever it can be read."""
    while True:
        await asyncio.sleep(1)
        with suppress(LogUnavailable):
            async with replica.log_replica.lock:
                await replica.log_replica.follow()


async def look_for(seconds: float, replicas: list[Replica], clock: SimulatedClock) -> None:
    """Let the replicas follow the log and archive for some time."""
    async with AsyncExitStack() as stack:
        for replica in replicas:
            archive = archive_ended(replica.log_replica, replica.commits, after=WEEK, clock=clock)
            for work in (follow(replica), archive):
                await stack.enter_async_context(unended(work))
        await asyncio.sleep(seconds)


@simulated
async def test_what_ended_over_a_week_ago_is_archived_once() -> None:
    """Two replicas make one change of it; campaigns that ended later, or never, stay."""
    clock = SimulatedClock()
    now = clock.now()
    ended = [
        a_campaign(name, end=end)
        for name, end in (
            ("long over", now - 2 * WEEK),
            ("over since", now - WEEK - timedelta(hours=1)),
            ("just over", now - WEEK + timedelta(hours=8)),
            ("never", None),
        )
    ]
    log = InMemoryLog(a_change(0), a_change(1, *ended))
    replicas = await replicas_of(log, 2, clock)
    await look_for(HOUR - 60, replicas, clock)
    assert archived(log) == [("long over", "over since")]
    assert log.changes[-1].actor == "campaign service"
    for replica in replicas:
        assert sorted(replica.state.campaigns) == ["just over", "never"]


@simulated
async def test_archiving_is_a_change_an_hour_at_most() -> None:
    """Campaigns that end minutes apart leave together."""
    clock = SimulatedClock()
    start = clock.now() - WEEK
    ended = [
        a_campaign(f"{minutes}", end=start + timedelta(minutes=minutes))
        for minutes in range(0, 300, 10)
    ]
    log = InMemoryLog(a_change(0), a_change(1, *ended))
    await look_for(4 * HOUR, await replicas_of(log, 2, clock), clock)
    assert 2 <= len(archived(log)) <= 5


class JumpingClock(SimulatedClock):
    """A clock whose date can be set ahead."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@simulated
async def test_a_date_that_is_wrong_for_a_moment_archives_nothing() -> None:
    """A replica whose date was a year ahead at one look takes out no campaign that runs."""
    clock = JumpingClock()
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("running", end=clock.now() + WEEK)))
    replicas = await replicas_of(log, 1, clock)

    async def jump() -> None:
        while True:
            await asyncio.sleep(2 * LOOK_SECONDS)
            clock.ahead = timedelta(days=365)
            await asyncio.sleep(LOOK_SECONDS / 2 - 1)
            clock.ahead = timedelta()

    async with unended(jump()):
        await look_for(6 * HOUR, replicas, clock)
    assert archived(log) == []


@simulated
async def test_a_log_that_cannot_be_written_is_tried_again() -> None:
    """What failed is archived at a later look."""
    clock = SimulatedClock()
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("over", end=NOW - 100 * WEEK)))
    replicas = await replicas_of(log, 1, clock)
    log.unavailable = True
    await look_for(2 * LOOK_SECONDS, replicas, clock)
    assert archived(log) == []
    log.unavailable = False
    await look_for(2 * LOOK_SECONDS, replicas, clock)
    assert archived(log) == [("over",)]
