"""The effect of an event on the held campaigns."""

import asyncio
from typing import Any

import pytest

from profile_service.cache.outcomes import EventOutcome, Outcome
from profile_service.cache.reading import UnreadableSnapshot
from profile_service.cache.schedule import Cause
from testbed.builders import OTHER_STORE_ID, a_head, a_published_campaign, a_snapshot, an_event
from testbed.fakes import FakeOrigin, body_of, event_of
from tests.profile_service.cache.caches import (
    TTL,
    a_running_cache,
    held,
    held_revision,
    receive,
    revision,
    take,
)
from tests.simulated_time import settle, simulated


@simulated
async def test_a_newer_revision_replaces_the_held_one() -> None:
    """An event that brings a newer snapshot is enough; the origin is not asked."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        await take(cache, revision(6))
        assert held_revision(cache) == 6
        assert held(cache).confirmed
        assert cache.staleness == pytest.approx(0, abs=0.01)
        assert len(origin.asked) == 1


@simulated
async def test_a_replacement_keeps_what_did_not_change() -> None:
    """The campaigns that both revisions have are the very same objects."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        before = held(cache).campaigns.get("always")
        await take(cache, revision(6))
        assert held(cache).campaigns.get("always") is before


@simulated
async def test_the_same_revision_confirms_the_held_one() -> None:
    """It is as fresh as the sender's look at the log, and its body is not read."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        before = held(cache)
        await asyncio.sleep(100)
        await cache.receive(event_of(revision(5), log_age=7.5), b"not read")
        assert cache.staleness == pytest.approx(7.5)
        assert held(cache).body == before.body
        assert len(origin.asked) == 1


@simulated
async def test_confirmations_keep_the_origin_from_being_asked() -> None:
    """While heartbeats come, nothing expires."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        for _ in range(30):
            await asyncio.sleep(60)
            await receive(cache, revision(5))
            assert not cache.is_stale
        assert len(origin.asked) == 1


@simulated
async def test_an_older_revision_is_dropped() -> None:
    """It neither replaces nor confirms, and its body is not read."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        before = held(cache)
        await asyncio.sleep(10)
        await cache.receive(event_of(revision(4)), b"not read")
        await settle()
        assert cache.held is before
        assert not cache.origin_behind
        assert len(origin.asked) == 1


@simulated
async def test_a_heartbeat_with_an_unknown_revision_forces_a_refetch() -> None:
    """What it names and does not bring is fetched at once."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.snapshot = revision(8)
        await receive(cache, revision(8))
        assert held_revision(cache) == 8
        assert cache.refetcher.refetches[Cause.UNKNOWN_REVISION, Outcome.REPLACED] == 1


@simulated
async def test_an_origin_that_does_not_show_a_revision_yet_is_asked_again() -> None:
    """What a heartbeat named is looked for until a replica that lags has it too."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        await receive(cache, revision(6))
        assert held_revision(cache) == 5
        origin.snapshot = revision(6)
        await asyncio.sleep(1)
        assert held_revision(cache) == 6


@simulated
async def test_the_newest_revision_that_was_named_is_the_one_looked_for() -> None:
    """A replica that lags and speaks last does not end the search for what another named."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        await receive(cache, revision(8))
        await receive(cache, revision(7))
        origin.snapshot = revision(7)
        await asyncio.sleep(1)
        assert held_revision(cache) == 7
        origin.snapshot = revision(8)
        await asyncio.sleep(20)
        assert held_revision(cache) == 8


@simulated
async def test_a_revision_that_nobody_shows_is_given_up() -> None:
    """After a few tries it was never there, and the TTL carries on."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        await receive(cache, revision(6))
        await asyncio.sleep(0.5 * TTL)
        tries = len(origin.asked)
        assert 2 < tries <= 8
        await asyncio.sleep(0.2 * TTL)
        assert len(origin.asked) == tries
        assert held_revision(cache) == 5


@simulated
async def test_the_first_event_is_a_reason_to_fetch() -> None:
    """An instance that holds nothing asks the origin, which decides what store is held."""
    origin = FakeOrigin(revision(6))
    origin.seconds = 1.0
    async with a_running_cache(origin) as cache:
        await take(cache, revision(6))
        assert cache.held is None
        await asyncio.sleep(3)
        assert held_revision(cache) == 6
        assert cache.events == {EventOutcome.ASKED: 1}


@simulated
async def test_the_same_revision_with_another_head_is_an_origin_behind() -> None:
    """The log was replaced: that is logged, nothing is confirmed, and the held one stays."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        before = held(cache)
        await asyncio.sleep(10)
        await take(cache, revision(5, head=a_head(999)))
        assert cache.origin_behind
        assert cache.held is before


@pytest.mark.parametrize("number", [5, 6])
@simulated
async def test_a_log_that_is_right_again_is_not_behind(number: int) -> None:
    """The next event of the held log ends `origin behind`."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        await receive(cache, revision(5, head=a_head(999)))
        await take(cache, revision(number))
        assert not cache.origin_behind
        assert held_revision(cache) == number


@pytest.mark.parametrize(
    "headers",
    [
        {"revision": 7, "head": a_head(6)},
        {"revision": 6, "head": a_head(7)},
        {"revision": 7, "head": a_head(7)},
    ],
)
@simulated
async def test_headers_that_contradict_the_body_make_it_unreadable(headers: dict[str, Any]) -> None:
    """Which of the two is right is not guessed; the held snapshot stays."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        before = cache.held
        with pytest.raises(UnreadableSnapshot, match="headers"):
            await take(cache, revision(6), **headers)
        assert cache.held is before


@simulated
async def test_a_body_of_another_store_makes_it_unreadable() -> None:
    """No store enters under another's name."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        before = cache.held
        foreign = body_of(revision(6, store_id=OTHER_STORE_ID))
        with pytest.raises(UnreadableSnapshot, match="headers"):
            await cache.receive(an_event(revision=6), foreign)
        assert cache.held is before


@pytest.mark.parametrize("body", [b"{", b"null", b"{}", b"<html>", b" "])
@simulated
async def test_a_body_that_cannot_be_read_changes_nothing(body: bytes) -> None:
    """The held snapshot stays, and the sender's next event is taken."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        before = cache.held
        with pytest.raises(UnreadableSnapshot):
            await cache.receive(an_event(revision=6), body)
        assert cache.held is before
        await take(cache, revision(6))
        assert held_revision(cache) == 6


@simulated
async def test_doubt_is_a_reason_to_fetch() -> None:
    """After an event that nobody could read the origin is asked."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.snapshot = revision(6)
        cache.reject()
        await settle()
        assert held_revision(cache) == 6
        assert cache.refetcher.refetches[Cause.UNREADABLE, Outcome.REPLACED] == 1


@simulated
async def test_a_connect_is_a_reason_to_fetch() -> None:
    """Events may have been missed before it, each time."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        for number in (6, 7, 8):
            origin.snapshot = revision(number)
            cache.connected()
            await settle()
            assert held_revision(cache) == number


@simulated
async def test_events_that_are_read_side_by_side_leave_the_newest() -> None:
    """Reading a large body gives way to others; ending last is no reason to win."""
    large = [a_published_campaign(f"campaign {number}") for number in range(1000)]
    newer, newest = (a_snapshot(large, revision=number) for number in (6, 7))
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        for order in ((newest, newer), (newer, newest)):
            await asyncio.gather(*(take(cache, each) for each in order))
            assert cache.position == newest.position


@simulated
async def test_the_interval_of_heartbeats_is_the_sender_s() -> None:
    """It is learnt from the origin, and from each event."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        assert cache.heartbeat_interval == 60
        await receive(cache, revision(4), heartbeat_interval=2.5)
        assert cache.heartbeat_interval == 2.5


@simulated
async def test_events_are_counted_by_what_they_are() -> None:
    """Each event counts once, by what it did."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        await take(cache, revision(6))
        await receive(cache, revision(6))
        await receive(cache, revision(6))
        await receive(cache, revision(5))
        await receive(cache, revision(6, head=a_head(1)))
        await receive(cache, revision(6, store_id=OTHER_STORE_ID))
        await receive(cache, revision(7))
        cache.reject()
        assert cache.events == {
            EventOutcome.APPLIED: 1,
            EventOutcome.CONFIRMED: 2,
            EventOutcome.DROPPED: 1,
            EventOutcome.ASKED: 1,
            EventOutcome.BEHIND: 1,
            EventOutcome.FOREIGN: 1,
            EventOutcome.DEAD: 1,
        }


@simulated
async def test_a_sender_that_has_not_seen_its_log_for_ever_does_no_harm() -> None:
    """An age that no calendar holds confirms nothing, and is no error."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        await receive(cache, revision(5), log_age=1e300)
        await take(cache, revision(6), log_age=1e300)
        assert held_revision(cache) == 6
        origin.snapshot, origin.log_age = revision(7), 1e300
        await cache.refetcher.invalidate()
        assert held_revision(cache) == 7
