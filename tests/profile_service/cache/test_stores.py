"""Which store the held campaigns may come from."""

import asyncio
from uuid import UUID

import pytest

from contracts.snapshot import CampaignSnapshot
from profile_service.cache.outcomes import EventOutcome, Outcome
from profile_service.cache.schedule import Cause
from testbed.builders import OTHER_STORE_ID, STORE_ID, a_head
from testbed.fakes import FakeOrigin, event_of
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

THIRD_STORE_ID = UUID("5a1f6a0e-0000-4000-8000-000000000003")


@simulated
async def test_a_stranger_s_events_are_not_believed() -> None:
    """Another environment on the exchange: not applied, named, and the origin decides."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        before = held(cache)
        await take(cache, revision(9, store_id=OTHER_STORE_ID))
        assert held(cache).position == before.position
        assert cache.events[EventOutcome.FOREIGN] == 1
        assert cache.refetcher.refetches[Cause.FOREIGN, Outcome.CONFIRMED] == 1


@simulated
async def test_a_stranger_s_events_ask_rarely() -> None:
    """At most one refetch in a tenth of the TTL, however many come."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        for _ in range(int(TTL)):
            await receive(cache, revision(9, store_id=OTHER_STORE_ID))
            await asyncio.sleep(1)
        assert cache.refetcher.refetches[Cause.FOREIGN, Outcome.CONFIRMED] <= 11
        assert not cache.is_stale


@simulated
async def test_a_stranger_does_not_say_how_often_we_hear_from_ours() -> None:
    """The interval of heartbeats is that of the held store's sender."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        stranger = event_of(revision(9, store_id=OTHER_STORE_ID), heartbeat_interval=0.001)
        await cache.receive(stranger, b"")
        assert cache.heartbeat_interval == 60.0


@pytest.mark.parametrize("renewed_from", [None, THIRD_STORE_ID, OTHER_STORE_ID])
@simulated
async def test_an_origin_with_another_store_empties_nothing(renewed_from: UUID | None) -> None:
    """A mistyped database: kept, gone stale, both stores named, looked at again in a TTL."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        before = held(cache)
        origin.snapshot = revision(0, store_id=OTHER_STORE_ID, renewed_from=renewed_from)
        await asyncio.sleep(5 * TTL)
        assert cache.held is before
        assert cache.is_stale
        assert cache.foreign_store == OTHER_STORE_ID
        assert len(origin.asked) <= 8
        origin.snapshot = revision(5)
        await asyncio.sleep(TTL)
        assert not cache.is_stale
        assert cache.foreign_store is None


@simulated
async def test_a_renewed_store_is_followed() -> None:
    """The origin's snapshot names the held store as the one it continues, revision by revision."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.snapshot = revision(3, store_id=OTHER_STORE_ID, renewed_from=STORE_ID)
        await receive(cache, revision(3, store_id=OTHER_STORE_ID))
        assert held(cache).position == origin.snapshot.position
        assert cache.foreign_store is None
        await take(cache, revision(4, store_id=OTHER_STORE_ID))
        assert held_revision(cache) == 4


@simulated
async def test_a_chain_of_renewals_is_followed_and_never_back() -> None:
    """Each continues the one before; a store that was left does not come back by itself."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        chain = [(OTHER_STORE_ID, STORE_ID), (THIRD_STORE_ID, OTHER_STORE_ID)]
        for store, renewed_from in chain:
            origin.snapshot = revision(6, store_id=store, renewed_from=renewed_from)
            await cache.refetcher.invalidate()
            assert held(cache).position == origin.snapshot.position
        for left in (STORE_ID, OTHER_STORE_ID):
            origin.snapshot = revision(99, store_id=left, renewed_from=THIRD_STORE_ID)
            assert not (await cache.refetcher.invalidate()).refetched
            assert held(cache).position.store_id == THIRD_STORE_ID
            assert cache.foreign_store == left


@simulated
async def test_an_operator_lets_a_store_in() -> None:
    """By its id, for that one refetch; the store that was left stays out."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.snapshot = revision(0, store_id=OTHER_STORE_ID)
        assert not (await cache.refetcher.invalidate()).refetched
        assert not (await cache.refetcher.invalidate(accept_store=THIRD_STORE_ID)).refetched
        assert held_revision(cache) == 5
        done = await cache.refetcher.invalidate(accept_store=OTHER_STORE_ID)
        assert done.refetched
        assert done.after == origin.snapshot.position
        origin.snapshot = revision(6)
        assert not (await cache.refetcher.invalidate()).refetched
        assert held_revision(cache) == 0


@simulated
async def test_an_operator_may_go_back() -> None:
    """A store that was left enters again where somebody asks for it by name."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.snapshot = revision(0, store_id=OTHER_STORE_ID)
        await cache.refetcher.invalidate(accept_store=OTHER_STORE_ID)
        origin.snapshot = revision(6)
        await cache.refetcher.invalidate(accept_store=STORE_ID)
        assert held_revision(cache) == 6
        assert cache.left_stores == (OTHER_STORE_ID,)


@simulated
async def test_an_acceptance_ends_with_its_call() -> None:
    """What an operator accepted while the origin was away does not enter later."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.snapshot = None
        await cache.refetcher.invalidate(accept_store=OTHER_STORE_ID)
        origin.snapshot = revision(0, store_id=OTHER_STORE_ID)
        await asyncio.sleep(2 * TTL)
        assert held_revision(cache) == 5


@simulated
async def test_where_databases_are_wiped_every_new_store_is_followed() -> None:
    """But none that was left before, and only when the origin serves it."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin, follow=True) as cache:
        await receive(cache, revision(9, store_id=OTHER_STORE_ID))
        assert held(cache).position.store_id == STORE_ID
        origin.snapshot = revision(0, store_id=OTHER_STORE_ID)
        await cache.refetcher.invalidate()
        assert held(cache).position.store_id == OTHER_STORE_ID
        origin.snapshot = revision(6)
        await cache.refetcher.invalidate()
        assert held(cache).position.store_id == OTHER_STORE_ID


@simulated
async def test_events_of_a_store_that_was_left_are_strangers() -> None:
    """A replica that still serves the old log changes nothing."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.snapshot = revision(6, store_id=OTHER_STORE_ID, renewed_from=STORE_ID)
        await cache.refetcher.invalidate()
        await take(cache, revision(7))
        await settle()
        assert held(cache).position == origin.snapshot.position


@simulated
async def test_each_operator_s_acceptance_is_its_own() -> None:
    """Whatever others ask for at the same time, a store that one accepts enters for that one."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.seconds = 1.0
        origin.snapshot = revision(0, store_id=OTHER_STORE_ID)
        accepting = asyncio.create_task(cache.refetcher.invalidate(accept_store=OTHER_STORE_ID))
        await settle()
        hasty = cache.refetcher.invalidate(accept_store=THIRD_STORE_ID, seconds=0.5)
        assert not (await hasty).refetched
        assert (await accepting).refetched
        assert held(cache).position.store_id == OTHER_STORE_ID


@simulated
async def test_an_acceptance_ends_with_the_operator_s_patience() -> None:
    """A store that comes after the call has ended does not enter."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.seconds = 1.0
        origin.snapshot = revision(0, store_id=OTHER_STORE_ID)
        await cache.refetcher.invalidate(accept_store=OTHER_STORE_ID, seconds=0.5)
        await asyncio.sleep(10)
        assert held_revision(cache) == 5


@simulated
async def test_a_renewal_is_no_stranger_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Its event comes before the origin's answer, and nothing is said against its store."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.snapshot = revision(6, store_id=OTHER_STORE_ID, renewed_from=(STORE_ID,))
        await take(cache, origin.snapshot)
        assert held(cache).position.store_id == OTHER_STORE_ID
    assert caplog.messages == [f"following store {OTHER_STORE_ID}, leaving store {STORE_ID}"]


@simulated
async def test_a_stranger_is_named_once_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """However many of its events come."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        for _ in range(100):
            await receive(cache, revision(9, store_id=OTHER_STORE_ID))
            await asyncio.sleep(10)
    assert caplog.messages == [f"ignoring events of another store: {OTHER_STORE_ID}"]


@simulated
async def test_with_nothing_held_and_nobody_to_ask_an_event_serves_as_stale() -> None:
    """Its snapshot is better than none; it is never confirmed by events, only by the origin."""
    origin = FakeOrigin()
    async with a_running_cache(origin) as cache:
        await take(cache, revision(5))
        assert held_revision(cache) == 5
        await take(cache, revision(6))
        await receive(cache, revision(6))
        assert held_revision(cache) == 6
        assert cache.is_stale
        await take(cache, revision(9, store_id=OTHER_STORE_ID))
        assert held_revision(cache) == 6
        origin.snapshot = revision(6)
        await asyncio.sleep(0.1 * TTL)
        assert not cache.is_stale
        assert cache.left_stores == ()


@pytest.mark.parametrize(
    "ours", [revision(0, store_id=OTHER_STORE_ID), revision(5, head=a_head(99)), revision(9)]
)
@simulated
async def test_the_origin_s_first_answer_replaces_a_provisional_snapshot(
    ours: CampaignSnapshot,
) -> None:
    """The origin alone says which store is ours; a stranger's does not count as left."""
    origin = FakeOrigin()
    async with a_running_cache(origin) as cache:
        await take(cache, revision(5))
        assert cache.is_stale
        origin.snapshot = ours
        await asyncio.sleep(0.1 * TTL)
        assert cache.position == ours.position
        assert not cache.is_stale
        assert cache.left_stores == ()
        assert not cache.origin_behind


@simulated
async def test_a_heartbeat_serves_nobody() -> None:
    """Without a body there is nothing to hold."""
    async with a_running_cache(FakeOrigin()) as cache:
        await receive(cache, revision(5))
        assert cache.held is None
