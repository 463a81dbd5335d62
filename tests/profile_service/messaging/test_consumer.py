"""What comes from RabbitMQ: handed to the cache, published, or missed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange, TestRabbitBroker

from contracts.wire import SNAPSHOT_EXCHANGE
from profile_service.cache.cache import CampaignCache
from profile_service.cache.outcomes import EventOutcome, Outcome
from profile_service.cache.schedule import Cause
from profile_service.messaging.consumer import EventHandler, register
from testbed.builders import OTHER_STORE_ID, an_event
from testbed.fakes import FakeDeadLetters, FakeOrigin, FakeSubscription, body_of, event_of
from tests.profile_service.cache.stage import (
    TTL,
    a_cache,
    a_running_cache,
    held_revision,
    refetching,
    revision,
)
from tests.simulated_time import SimulatedClock, settle, simulated, unended

INTERVAL = 60.0
GOOD = event_of(revision(6)).to_headers()


def a_handler(cache: CampaignCache) -> tuple[EventHandler, FakeDeadLetters]:
    """Give a handler with its dead letters."""
    handler, dead = EventHandler(cache, clock=SimulatedClock()), FakeDeadLetters()
    handler.dead_letters = dead
    return handler, dead


@asynccontextmanager
async def watching(handler: EventHandler, subscription: FakeSubscription) -> AsyncIterator[None]:
    """Run the heartbeat watch while the block lasts; it must not end by itself."""
    async with unended(handler.watch(subscription)):
        yield


@simulated
async def test_a_good_event_reaches_the_cache() -> None:
    """It is applied, and nothing is published."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        handler, dead = a_handler(cache)
        await handler.handle(body_of(revision(6)), GOOD, "id")
        assert held_revision(cache) == 6
        assert dead.letters == []


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
async def test_what_nobody_can_read_is_buried_and_doubted(
    headers: Mapping[str, object], reason: str
) -> None:
    """It is kept for people as it came, the held snapshot stays, and the origin is asked."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        handler, dead = a_handler(cache)
        before = cache.held
        await handler.handle(body_of(revision(6)), headers, "id")
        assert cache.held is before
        [letter] = dead.letters
        assert (letter.body, letter.message_id) == (body_of(revision(6)), "id")
        assert reason in letter.reason
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
        handler, _ = a_handler(cache)
        for _ in range(1000):
            await handler.handle(b"rubbish", {}, None)
            await asyncio.sleep(0.01)
        assert cache.events == {EventOutcome.DEAD: 1000}
        assert held_revision(cache) == 5
        assert len([line for line in caplog.messages if "unreadable event" in line]) <= 11
        assert len(origin.asked) < 10


@simulated
async def test_without_dead_letters_rubbish_is_still_doubted() -> None:
    """Where nobody keeps what is unreadable the origin is asked all the same."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        handler = EventHandler(cache, clock=SimulatedClock())
        await handler.handle(b"rubbish", {}, None)
        await settle()
        assert cache.refetches[Cause.UNREADABLE, Outcome.CONFIRMED] == 1


@simulated
async def test_a_connect_refetches() -> None:
    """Events may have been missed before it."""
    origin = FakeOrigin(revision(5))
    async with a_running_cache(origin) as cache:
        handler, _ = a_handler(cache)
        origin.snapshot = revision(6)
        await handler.connected()
        await settle()
        assert held_revision(cache) == 6


@simulated
async def test_silence_on_a_link_that_looks_alive_is_a_reason_to_subscribe_anew() -> None:
    """After three intervals without any event, and again after three more."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        handler, _ = a_handler(cache)
        subscription = FakeSubscription()
        async with watching(handler, subscription):
            await asyncio.sleep(3 * INTERVAL - 1)
            assert subscription.restarts == 0
            await asyncio.sleep(3)
            assert subscription.restarts == 1
            await asyncio.sleep(3 * INTERVAL - 4)
            assert subscription.restarts == 1
            await asyncio.sleep(6)
            assert subscription.restarts == 2


@simulated
async def test_who_hears_something_stays_subscribed() -> None:
    """Any event shows that the queue is still bound: a heartbeat, a stranger's, rubbish."""
    heard: list[Mapping[str, Any]] = [
        event_of(revision(5)).to_headers(),
        an_event(store_id=OTHER_STORE_ID).to_headers(),
        {},
    ]
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        handler, _ = a_handler(cache)
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
        handler, _ = a_handler(cache)
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
        handler, _ = a_handler(cache)
        subscription = FakeSubscription()
        async with watching(handler, subscription):
            await asyncio.sleep(10 * TTL)
            assert subscription.restarts == 0


@simulated
async def test_a_sender_in_a_hurry_makes_no_storm() -> None:
    """However short the interval that a sender claims, a second of silence is nothing."""
    async with a_running_cache(FakeOrigin(revision(5))) as cache:
        handler, _ = a_handler(cache)
        subscription = FakeSubscription()
        await handler.handle(b"", event_of(revision(5), heartbeat_interval=1e-9).to_headers(), None)
        async with watching(handler, subscription):
            await asyncio.sleep(10)
            assert 5 <= subscription.restarts <= 10


async def test_bytes_reach_the_handler_as_they_came() -> None:
    """Neither a heartbeat's empty body nor rubbish is decoded on the way."""
    taken: list[tuple[bytes, object, str | None]] = []

    class Recorder(EventHandler):
        async def handle(
            self, body: bytes, headers: Mapping[str, object], message_id: str | None
        ) -> None:
            taken.append((body, headers.get("x-revision"), message_id))

    broker = RabbitBroker()
    register(broker, Recorder(a_cache(FakeOrigin()), clock=SimulatedStill()))
    exchange = RabbitExchange(SNAPSHOT_EXCHANGE, type=ExchangeType.FANOUT, durable=True)
    async with TestRabbitBroker(broker):
        for body in (b"", b"{", b'{"a": 1}', b"\xff"):
            await broker.publish(
                body, exchange=exchange, headers={"x-revision": "6"}, message_id="id"
            )
    assert taken == [(body, "6", "id") for body in (b"", b"{", b'{"a": 1}', b"\xff")]


class SimulatedStill(SimulatedClock):
    """A clock that needs no loop."""

    def elapsed(self) -> float:
        return 0.0
