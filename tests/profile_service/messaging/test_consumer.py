"""Events from RabbitMQ: handed to the cache, rejected, or missed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange, TestRabbitBroker

from contracts.wire import SNAPSHOT_EXCHANGE
from foundation.clock import Clock
from profile_service.cache.outcomes import EventOutcome, Outcome
from profile_service.cache.schedule import Cause
from profile_service.messaging.consumer import register
from profile_service.messaging.handler import EventHandler
from testbed.builders import OTHER_STORE_ID, an_event
from testbed.fakes import (
    DeadLetter,
    FakeDeadLetters,
    FakeOrigin,
    FakeSubscription,
    body_of,
    event_of,
)
from tests.profile_service.cache.caches import (
    TTL,
    RunCache,
    SleepingClock,
    a_cache,
    a_running_cache,
    held_revision,
    refetching,
    revision,
)
from tests.simulated_time import SimulatedClock, settle, simulated, unended

INTERVAL = 60.0
GOOD = event_of(revision(6)).to_headers()


def a_handler(cache: RunCache, clock: Clock | None = None) -> EventHandler:
    """Return a handler of a running cache."""
    return EventHandler(cache, cache.refetcher, clock=clock or SimulatedClock())


@asynccontextmanager
async def watching(handler: EventHandler, subscription: FakeSubscription) -> AsyncIterator[None]:
    """Run the heartbeat watch while the block lasts; it must not end by itself."""
    async with unended(handler.watch(subscription)):
        yield


@simulated
async def test_a_good_event_reaches_the_cache() -> None:
    """It is applied, and not rejected."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        assert await a_handler(cache).handle(body_of(revision(6)), GOOD, "id") is None
        assert held_revision(cache) == 6


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "headers"),
        ({**GOOD, "x-revision": "six"}, "headers"),
        ({**GOOD, "x-revision": True}, "headers"),
        ({**GOOD, "x-store-id": None}, "headers"),
        ({**GOOD, "x-log-age": "-1"}, "headers"),
        ({**GOOD, "x-log-age": "nan"}, "headers"),
        ({**GOOD, "x-heartbeat-interval": "0"}, "headers"),
        ({**GOOD, "x-heartbeat-interval": "inf"}, "headers"),
        ({**GOOD, "x-head": {"a": [b"\xff"]}}, "headers"),
        ({**GOOD, "x-revision": "7"}, "another revision"),
    ],
)
@simulated
async def test_an_unreadable_event_is_rejected_and_the_origin_asked(
    headers: Mapping[str, object], reason: str
) -> None:
    """The reason is returned, the held snapshot stays, and the origin is asked."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        before = cache.held
        unreadable = await a_handler(cache).handle(body_of(revision(6)), headers, "id")
        assert cache.held is before
        assert unreadable is not None
        assert reason in unreadable
        origin.snapshot = revision(7)
        await settle()
        assert held_revision(cache) == 7


@simulated
async def test_a_flood_of_rubbish_is_counted_and_told_of_rarely(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Every event counts once; the log gets a line a second, and the origin is left in peace."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        handler = a_handler(cache)
        for _ in range(1000):
            await handler.handle(b"rubbish", {}, None)
            await asyncio.sleep(0.01)
        assert cache.events == {EventOutcome.DEAD: 1000}
        assert held_revision(cache) == 5
        assert len([line for line in caplog.messages if "unreadable event" in line]) <= 11
        assert len(origin.asked) < 10


@simulated
async def test_a_connect_refetches() -> None:
    """Events may have been missed before it."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        handler = a_handler(cache)
        origin.snapshot = revision(6)
        await handler.connected()
        await settle()
        assert held_revision(cache) == 6


@simulated
async def test_silence_on_a_link_that_looks_alive_is_a_reason_to_subscribe_anew() -> None:
    """After three intervals without any event, and later after each restart in vain."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        handler = a_handler(cache)
        subscription = FakeSubscription()
        async with watching(handler, subscription):
            await asyncio.sleep(3 * INTERVAL - 1)
            assert subscription.restarts == 0
            await asyncio.sleep(INTERVAL + 3)
            assert subscription.restarts == 1
            await asyncio.sleep(5 * INTERVAL)
            assert subscription.restarts == 1
            await asyncio.sleep(4 * INTERVAL)
            assert subscription.restarts == 2


@simulated
async def test_silence_asks_the_origin_first_and_restarts_apart() -> None:
    """Instances that miss the same publisher ask at once, and subscribe anew at random."""
    restarted = []
    for _ in range(10):
        async with a_running_cache(FakeOrigin(revision(5))) as cache:
            subscription = FakeSubscription()
            async with watching(a_handler(cache), subscription):
                await asyncio.sleep(3 * INTERVAL + 1.1)
                assert cache.refetcher.refetches[Cause.SILENCE, Outcome.CONFIRMED] == 1
                began = asyncio.get_running_loop().time()
                while not subscription.restarts:  # noqa: ASYNC110 - simulated time
                    await asyncio.sleep(0.1)
                restarted.append(asyncio.get_running_loop().time() - began)
    assert max(restarted) <= INTERVAL + 1
    assert max(restarted) - min(restarted) > INTERVAL / 4


@simulated
async def test_an_event_ends_the_backoff_of_restarts() -> None:
    """The next silence is noticed after three intervals again."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        handler = a_handler(cache)
        subscription = FakeSubscription()
        async with watching(handler, subscription):
            await asyncio.sleep(12 * INTERVAL)
            assert subscription.restarts == 2
            await handler.handle(b"", event_of(revision(5)).to_headers(), None)
            await asyncio.sleep(4 * INTERVAL + 2)
            assert subscription.restarts == 3


@simulated
async def test_after_a_suspension_everything_is_asked_for_at_once() -> None:
    """A process that was suspended refetches and subscribes anew as soon as it runs."""
    clock = SleepingClock()
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        subscription = FakeSubscription()
        async with watching(a_handler(cache, clock), subscription):
            await asyncio.sleep(5)
            clock.slept = 60.0
            await asyncio.sleep(1.1)
            assert subscription.restarts == 1
            assert cache.refetcher.refetches[Cause.SUSPENDED, Outcome.CONFIRMED] == 1
            await asyncio.sleep(5)
            assert subscription.restarts == 1


@simulated
async def test_who_hears_something_stays_subscribed() -> None:
    """Any event shows that the queue is still bound: a heartbeat, a stranger's, rubbish."""
    heard: list[Mapping[str, Any]] = [
        event_of(revision(5)).to_headers(),
        an_event(store_id=OTHER_STORE_ID).to_headers(),
        {},
    ]
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        handler = a_handler(cache)
        subscription = FakeSubscription()
        async with watching(handler, subscription):
            for _ in range(10):
                for headers in heard:
                    await asyncio.sleep(2.5 * INTERVAL)
                    await handler.handle(b"", headers, None)
            assert subscription.restarts == 0


@simulated
async def test_a_link_that_is_down_is_not_restarted() -> None:
    """It is on its way back already, and its return is heard of as a connect."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        handler = a_handler(cache)
        subscription = FakeSubscription(is_up=False)
        async with watching(handler, subscription):
            await asyncio.sleep(10 * INTERVAL)
            assert subscription.restarts == 0
            await handler.connected()
            subscription.is_up = True
            await asyncio.sleep(2.9 * INTERVAL)
            assert subscription.restarts == 0


@simulated
async def test_nobody_waits_for_heartbeats_of_an_unknown_interval() -> None:
    """Until a sender has said how often it repeats itself, silence means nothing."""
    cache = a_cache(FakeOrigin())
    async with refetching(cache):
        handler = a_handler(cache)
        subscription = FakeSubscription()
        async with watching(handler, subscription):
            await asyncio.sleep(10 * TTL)
            assert subscription.restarts == 0


@simulated
async def test_a_sender_in_a_hurry_makes_no_storm() -> None:
    """However short the interval that a sender claims, a second of silence is nothing."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        handler = a_handler(cache)
        subscription = FakeSubscription()
        await handler.handle(b"", event_of(revision(5), heartbeat_interval=1e-9).to_headers(), None)
        async with watching(handler, subscription):
            await asyncio.sleep(10)
            assert 1 <= subscription.restarts <= 10


async def test_bytes_reach_the_handler_as_they_came() -> None:
    """No body is decoded on the way, and what the handler rejects becomes a dead letter."""
    taken: list[tuple[bytes, object, str | None]] = []

    class Recorder(EventHandler):
        async def handle(
            self, body: bytes, headers: Mapping[str, object], message_id: str | None
        ) -> str | None:
            taken.append((body, headers.get("x-revision"), message_id))
            return "no JSON" if body == b"{" else None

    broker, dead = RabbitBroker(), FakeDeadLetters()
    cache = a_cache(FakeOrigin())
    register(broker, Recorder(cache, cache.refetcher, clock=SimulatedStill()), dead)
    exchange = RabbitExchange(SNAPSHOT_EXCHANGE, type=ExchangeType.FANOUT, durable=True)
    async with TestRabbitBroker(broker):
        for body in (b"", b"{", b'{"a": 1}', b"\xff"):
            await broker.publish(
                body, exchange=exchange, headers={"x-revision": "6"}, message_id="id"
            )
    assert taken == [(body, "6", "id") for body in (b"", b"{", b'{"a": 1}', b"\xff")]
    assert dead.letters == [DeadLetter(b"{", "no JSON", "id")]


class SimulatedStill(SimulatedClock):
    """A clock that needs no loop."""

    def elapsed(self) -> float:
        return 0.0
