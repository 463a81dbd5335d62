"""When the origin is asked, and what its answers do to the held campaigns."""

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from contracts.snapshot import CampaignSnapshot
from profile_service.cache.cache import LAG_SECONDS
from profile_service.cache.origin import Fetched, OriginUnavailable
from profile_service.cache.outcomes import Outcome
from profile_service.cache.refetcher import FETCH_SECONDS
from profile_service.cache.schedule import FIRST_SNAPSHOT_CAP_SECONDS, Cause
from testbed.builders import a_head
from testbed.fakes import FakeOrigin, event_of
from tests.profile_service.cache.caches import (
    TTL,
    SleepingClock,
    a_cache,
    a_running_cache,
    held,
    held_revision,
    receive,
    refetching,
    revision,
    take,
)
from tests.simulated_time import settle, simulated


@simulated
async def test_it_fetches_at_the_start() -> None:
    """What is held then is fresh."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        assert held_revision(cache) == 5
        assert not cache.is_stale
        assert origin.asked == [None]
        assert cache.refetcher.refetches == {(Cause.START, Outcome.REPLACED): 1}


@simulated
async def test_without_any_snapshot_it_asks_again_soon() -> None:
    """Every answer is a 503 meanwhile: the pauses stay under 2 s, however long it takes."""
    origin = FakeOrigin()
    async with a_running_cache(origin) as cache:
        for _ in range(100):
            asked = len(origin.asked)
            await asyncio.sleep(FIRST_SNAPSHOT_CAP_SECONDS + 0.1)
            assert len(origin.asked) > asked
        assert cache.held is None
        assert not cache.is_stale
        assert cache.staleness is None
        origin.snapshot = revision(5)
        await asyncio.sleep(FIRST_SNAPSHOT_CAP_SECONDS)
        assert held_revision(cache) == 5


@simulated
async def test_it_asks_again_at_the_end_of_the_ttl() -> None:
    """Without any event the origin is asked once in each TTL, before it is over."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        for turn in range(1, 20):
            await asyncio.sleep(TTL)
            assert turn < len(origin.asked) <= 1 + (turn + 1) / 0.9
            assert not cache.is_stale
        assert set(cache.refetcher.refetches) == {
            (Cause.START, Outcome.REPLACED),
            (Cause.TTL, Outcome.CONFIRMED),
        }


@simulated
async def test_instances_that_were_confirmed_together_ask_apart() -> None:
    """The last tenth of the TTL is what their questions are spread over."""
    origins = [FakeOrigin(revision(5)) for _ in range(50)]
    async with AsyncExitStack() as stack:
        for origin in origins:
            await stack.enter_async_context(a_running_cache(origin))
        await asyncio.sleep(0.9 * TTL - 1)
        asked = [sum(len(origin.asked) - 1 for origin in origins)]
        for _ in range(4):
            await asyncio.sleep(0.025 * TTL + 0.5)
            asked.append(sum(len(origin.asked) - 1 for origin in origins))
        assert asked[0] == 0
        assert asked[-1] == 50
        assert all(before < after for before, after in pairwise(asked))


@pytest.mark.parametrize(
    "trouble",
    [
        OriginUnavailable("status 500"),
        Fetched(event_of(revision(9)), b"<html>"),
        Fetched(event_of(revision(9)), b'{"campaigns": ['),
        Fetched(event_of(revision(9)), b""),
        Fetched(event_of(revision(9)), b'{"campaigns": []}'),
        Fetched(event_of(revision(9)), revision(10).model_dump_json(by_alias=True).encode()),
        Fetched(event_of(revision(9)), None),
    ],
)
@simulated
async def test_no_error_empties_the_cache(trouble: Exception | Fetched) -> None:
    """What is held goes on being served, past its TTL as stale, until the origin is well again."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        before = held(cache)
        if isinstance(trouble, Exception):
            origin.error = trouble
        else:
            origin.answer = trouble
        await asyncio.sleep(0.8 * TTL)
        assert not cache.is_stale
        await asyncio.sleep(10 * TTL)
        assert cache.held is before
        assert cache.is_stale
        assert cache.staleness == pytest.approx(10.8 * TTL, abs=1)
        origin.error = origin.answer = None
        origin.snapshot = revision(6)
        await asyncio.sleep(TTL / 10 + 0.1)
        assert held_revision(cache) == 6
        assert not cache.is_stale


@simulated
async def test_failures_are_retried_with_backoff() -> None:
    """While the origin is away it is asked about every half tenth of the TTL, not in a flood."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin):
        origin.error = OriginUnavailable("away")
        await asyncio.sleep(TTL)
        asked = len(origin.asked)
        await asyncio.sleep(20 * TTL)
        # The pauses are uniform between nothing and a tenth of the TTL.
        assert 200 < len(origin.asked) - asked < 800


@simulated
async def test_a_fetch_that_hangs_is_given_up() -> None:
    """Each try has a deadline; there is never more than one, and an event still gets in."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.hanging = True
        cache.connected()
        await asyncio.sleep(FETCH_SECONDS - 0.1)
        assert origin.in_flight == 1
        await take(cache, revision(6))
        assert held_revision(cache) == 6
        await asyncio.sleep(0.2)
        assert cache.refetcher.refetches[Cause.CONNECT, Outcome.FAILED] == 1
        await asyncio.sleep(TTL)
        assert origin.most_in_flight == 1


@simulated
async def test_a_slow_trickle_is_within_the_deadline_too() -> None:
    """An answer that takes longer than the deadline is no answer."""
    origin = FakeOrigin(revision(5))
    origin.seconds = FETCH_SECONDS + 1
    async with a_running_cache(origin) as cache:
        await asyncio.sleep(60)
        assert cache.held is None
        assert origin.most_in_flight == 1


@simulated
async def test_one_fetch_at_a_time_and_one_more_for_all_that_asked_meanwhile() -> None:
    """Whoever asks during a flight is answered by one that starts after it."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.seconds = 1.0
        cache.connected()
        await settle()
        assert len(origin.asked) == 2
        origin.snapshot = revision(6)
        for _ in range(10):
            cache.connected()
            cache.reject()
            await receive(cache, revision(6))
        assert len(origin.asked) == 2
        await asyncio.sleep(1.0)
        assert held_revision(cache) == 5
        assert len(origin.asked) == 3
        await asyncio.sleep(1.0)
        assert held_revision(cache) == 6
        await asyncio.sleep(60)
        assert len(origin.asked) == 3
        assert origin.most_in_flight == 1


@simulated
async def test_the_first_doubt_is_followed_at_once_and_many_are_not() -> None:
    """A flood of events is followed with pauses that grow to a tenth of the TTL."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        cache.reject()
        await settle()
        assert len(origin.asked) == 2
        for _ in range(int(TTL)):
            cache.reject()
            await asyncio.sleep(1)
        assert len(origin.asked) < 35


@pytest.mark.parametrize("log_age", [0.0, 40.0])
@simulated
async def test_the_origin_s_look_at_the_log_is_what_counts(log_age: float) -> None:
    """Staleness starts at the log's age, and the time that the answer took counts too."""
    origin = FakeOrigin(revision(5))
    origin.log_age = log_age
    origin.seconds = 2.0
    async with a_running_cache(origin) as cache:
        await asyncio.sleep(10.0)
        assert cache.staleness == pytest.approx(10.0 + log_age, abs=0.01)


@simulated
async def test_staleness_never_goes_backwards() -> None:
    """Older news of the same revision, or a newer one seen earlier, ages nothing."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        await receive(cache, revision(5), log_age=100.0)
        assert cache.staleness == pytest.approx(0.0, abs=0.1)
        await take(cache, revision(6), log_age=100.0)
        assert cache.staleness == pytest.approx(0.0, abs=0.1)


@simulated
async def test_old_news_does_not_put_off_the_refetch() -> None:
    """However often old news is repeated, the origin is asked at the end of the TTL."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        for second in range(int(1.2 * TTL)):
            await asyncio.sleep(1)
            await receive(cache, revision(5), log_age=second + 1)
        assert len(origin.asked) >= 2
        assert not cache.is_stale


@simulated
async def test_an_origin_that_sees_an_old_log_makes_stale() -> None:
    """Its answers confirm nothing newer than its own look, and it is asked with pauses."""
    origin = FakeOrigin(revision(5))
    origin.log_age = 2 * TTL
    async with a_running_cache(origin) as cache:
        assert held_revision(cache) == 5
        assert cache.is_stale
        await asyncio.sleep(10 * TTL)
        assert len(origin.asked) < 130


@pytest.mark.parametrize("older", [revision(4), revision(5, head=a_head(999))])
@simulated
async def test_an_origin_behind_changes_nothing(older: CampaignSnapshot) -> None:
    """A lower revision, or the held one with another head, is logged and changes nothing."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        before = held(cache)
        origin.snapshot = older
        await asyncio.sleep(2 * TTL)
        assert cache.held is before
        assert cache.origin_behind
        assert cache.is_stale
        assert cache.refetcher.refetches[Cause.TTL, Outcome.BEHIND] == 1
        origin.snapshot = revision(6)
        await asyncio.sleep(TTL / 10 + 0.1)
        assert held_revision(cache) == 6
        assert not cache.origin_behind


@pytest.mark.parametrize("unchanged", [True, False])
@simulated
async def test_an_answer_that_an_event_overtakes_is_no_origin_behind(*, unchanged: bool) -> None:
    """It was the newest when it left the origin; what the event brought stays."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.seconds = 1.0
        origin.snapshot = revision(5 if unchanged else 6)
        cache.connected()
        await settle()
        await take(cache, revision(7))
        await asyncio.sleep(1.0)
        assert held_revision(cache) == 7
        assert not cache.origin_behind
        assert cache.refetcher.refetches[Cause.CONNECT, Outcome.OVERTAKEN] == 1
        await asyncio.sleep(60)
        assert len(origin.asked) == 2


@simulated
async def test_an_answer_that_was_old_already_is_not_overtaken() -> None:
    """Older than what was held when it was asked: the origin is asked again."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.seconds = 1.0
        origin.snapshot = revision(4)
        cache.connected()
        await settle()
        await take(cache, revision(7))
        await asyncio.sleep(1.0)
        assert held_revision(cache) == 7
        assert cache.refetcher.refetches[Cause.CONNECT, Outcome.LAGGING] == 1
        assert not cache.origin_behind


@simulated
async def test_by_hand_it_refetches_now() -> None:
    """The result names the positions held before and after."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.snapshot = revision(6)
        done = await cache.refetcher.invalidate()
        assert done.before == revision(5).position
        assert done.after == revision(6).position
        assert done.refetched
        assert held_revision(cache) == 6


@simulated
async def test_by_hand_waits_for_a_fetch_that_began_after_the_call() -> None:
    """A flight that is under way may have left before what the operator knows of."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.seconds = 1.0
        cache.connected()
        await settle()
        origin.snapshot = revision(6)
        done = await cache.refetcher.invalidate()
        assert done.after == revision(6).position


@simulated
async def test_by_hand_with_an_origin_that_fails() -> None:
    """It says so, and what is held stays; many who ask at once get one fetch."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.error = OriginUnavailable("away")
        asked = len(origin.asked)
        many = await asyncio.gather(*(cache.refetcher.invalidate() for _ in range(5)))
        assert not any(done.refetched for done in many)
        assert {done.after for done in many} == {revision(5).position}
        assert len(origin.asked) == asked + 1


@simulated
async def test_by_hand_ends_within_its_limit() -> None:
    """An origin that hangs keeps no operator waiting longer, and one who leaves hurts nobody."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        origin.hanging = True
        leaving = asyncio.create_task(cache.refetcher.invalidate())
        await settle()
        leaving.cancel()
        async with asyncio.timeout(FETCH_SECONDS + 0.1):
            done = await cache.refetcher.invalidate()
        assert not done.refetched
        assert held_revision(cache) == 5


@simulated
async def test_a_machine_that_slept_wakes_up_stale() -> None:
    """The clock of ages counts the sleep that the loop's clock does not see."""
    origin = FakeOrigin(revision(5))
    clock = SleepingClock()
    cache = a_cache(origin, clock=clock)
    async with refetching(cache):
        clock.slept = TTL + 1
        assert cache.is_stale
        await asyncio.sleep(5.1)
        assert not cache.is_stale
        assert len(origin.asked) == 2


@simulated
async def test_two_healthy_replicas_during_writes_are_never_behind() -> None:
    """A replica that polls the log each second is asked while another publishes what it wrote."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        for number in range(6, 106):
            await take(cache, revision(number))
            if number % 4 == 0:
                # The origin polls: from now on it shows this revision, for a while.
                origin.snapshot = revision(number)
                polled = asyncio.get_running_loop().time()
                origin.log_age = 0.0
            else:
                origin.log_age = asyncio.get_running_loop().time() - polled if number > 8 else 1.0
            cache.connected()
            await asyncio.sleep(0.25)
            assert not cache.origin_behind
        assert not cache.refetcher.refetches[Cause.CONNECT, Outcome.BEHIND]
        assert cache.refetcher.refetches[Cause.CONNECT, Outcome.LAGGING] > 10


@simulated
async def test_a_replica_that_stays_behind_is_told_of() -> None:
    """One that reads its log long after the held revision was there, and does not find it."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        await take(cache, revision(6))
        cache.connected()
        await asyncio.sleep(LAG_SECONDS / 2)
        assert not cache.origin_behind
        await asyncio.sleep(TTL)
        assert cache.origin_behind
        assert held_revision(cache) == 6


@pytest.mark.parametrize("holding", [True, False])
@simulated
async def test_an_outage_is_logged_once_with_its_end(
    caplog: pytest.LogCaptureFixture, *, holding: bool
) -> None:
    """However long the campaign service is away, one warning says so, and one line its return."""
    caplog.set_level("INFO")
    origin = FakeOrigin(revision(5) if holding else None)
    async with a_running_cache(origin) as cache:
        origin.snapshot = None
        await asyncio.sleep(3 * TTL)
        assert len(origin.asked) > 10
        origin.snapshot = revision(6)
        await asyncio.sleep(TTL)
        assert held_revision(cache) == 6
    lines = [line for line in caplog.messages if line.startswith("the campaign service")]
    assert lines == [
        "the campaign service gives no snapshot: the test serves nothing",
        "the campaign service gives snapshots again",
    ]
