"""Keeping up with the log, whatever happens to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from campaign_publisher.log.replica import MAX_BACKOFF_SECONDS, keep_up
from foundation.tasks import running
from testbed.builders import a_campaign
from testbed.fakes import InMemoryLog
from tests.campaign_publisher.replicas import POLL, Replica, a_change, a_replica
from tests.simulated_time import SimulatedClock, settle, simulated


@asynccontextmanager
async def a_following_replica(log: InMemoryLog) -> AsyncIterator[Replica]:
    """A replica that loads the log and keeps up with it."""
    replica = a_replica(log, clock=SimulatedClock())
    async with running(partial(keep_up, replica.log_replica, poll_interval=POLL), name="follow"):
        await settle()
        yield replica


@simulated
async def test_changes_of_others_are_seen_within_a_poll() -> None:
    """A change that another replica commits is known here at the next poll."""
    log = InMemoryLog(a_change(0))
    async with a_following_replica(log) as replica:
        log.changes.append(a_change(1, a_campaign()))
        await asyncio.sleep(POLL.total_seconds() + 0.01)
        assert replica.state.revision == 1


@simulated
async def test_a_log_that_is_away_is_asked_again() -> None:
    """Away at the start, and away later: within the backoff's cap of its return it is read."""
    log = InMemoryLog(a_change(0))
    log.unavailable = True
    async with a_following_replica(log) as replica:
        await asyncio.sleep(60)
        assert not replica.log_replica.is_loaded
        log.unavailable = False
        await asyncio.sleep(MAX_BACKOFF_SECONDS)
        assert replica.log_replica.is_authoritative
        log.unavailable = True
        await asyncio.sleep(60)
        assert not replica.log_replica.is_authoritative
        log.unavailable = False
        await asyncio.sleep(MAX_BACKOFF_SECONDS)
        assert replica.log_replica.is_authoritative


@simulated
async def test_a_log_that_is_away_is_not_hammered() -> None:
    """Tries back off: a minute's absence costs tens of reads, not thousands."""
    log = InMemoryLog(a_change(0))
    async with a_following_replica(log):
        log.unavailable = True
        log.reads.clear()
        await asyncio.sleep(60)
        assert 20 <= len(log.reads) <= 200


@simulated
async def test_an_outage_of_the_log_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A minute of failed polls is one line with the reason, and one at its end."""
    caplog.set_level("INFO", logger="campaign_publisher.log.replica")
    log = InMemoryLog(a_change(0))
    async with a_following_replica(log) as replica:
        caplog.clear()
        log.unavailable = True
        await asyncio.sleep(60)
        assert replica.log_replica.reading.reason == "the test has switched it off"
        log.unavailable = False
        await asyncio.sleep(MAX_BACKOFF_SECONDS)
    assert [record.getMessage() for record in caplog.records] == [
        "the log cannot be read: the test has switched it off",
        "the log can be read again",
    ]


@simulated
async def test_polls_are_an_interval_apart() -> None:
    """A log where nothing happens is read once every interval."""
    log = InMemoryLog(a_change(0))
    async with a_following_replica(log):
        log.reads.clear()
        await asyncio.sleep(10 * POLL.total_seconds())
        assert 9 <= len(log.reads) <= 11
