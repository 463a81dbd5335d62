"""Propagation: how long after a change's answer the last instance answers players with it."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

import aio_pika
import orjson

from benchmarks.propagation.kept_connection import KeptConnection
from benchmarks.report.quantiles import median, quantile
from benchmarks.report.results import Result, Table
from benchmarks.servers.bare_consumer import declare_exchange
from benchmarks.servers.deployment import TOKEN, Deployment, deployed
from benchmarks.servers.existing_servers import Urls, existing_or_private
from benchmarks.servers.processes import BareConsumer, FakeMongoProcess, start_all
from benchmarks.workload import player_id
from contracts.wire import SNAPSHOT_EXCHANGE, SNAPSHOT_PATH

INSTANCES = (1, 2, 8, 24)
SIZES = (100, 10_000)
CHANGED = "propagated"
ASKED = f"/get_client_config/{player_id(0)}"
WARM_UP = 3
DEADLINE = 60.0
# An instance that answered without the change is asked again after this pause.
PAUSE_SECONDS = 0.005
# Between two changes: what they set off is over.
REST_SECONDS = 0.1


@dataclass(frozen=True)
class Measured:
    """Seconds for each change, and for the same bytes to as many bare consumers.

    `asking` is what it takes to ask all instances once, at the same time, while nothing changes.
    """

    instances: int
    campaigns: int
    changes: list[float]
    bare: list[float]
    asking: list[float]


def run(
    *,
    instances: Sequence[int] = INSTANCES,
    sizes: Sequence[int] = SIZES,
    changes: int = 50,
    urls: Urls,
) -> Result:
    """Measure so many changes for each number of instances and campaigns.

    Every instance and every bare consumer is a process of its own.
    """
    measured = []
    # Profiles from a fake MongoDB: asking players' configurations is not what is measured.
    with existing_or_private(urls) as servers, FakeMongoProcess() as profiles:
        for number in instances:
            with (
                deployed(servers, number, profiles=profiles.url) as deployment,
                _bare_consumers(servers.amqp, number) as bare,
            ):
                for size in sizes:
                    deployment.replace_campaigns(size)
                    run_of_changes = _measure(deployment, servers.amqp, bare, size, changes)
                    measured.append(asyncio.run(run_of_changes))
    return Result(
        benchmark="propagation",
        options={"changes": changes, "pause_seconds": PAUSE_SECONDS},
        tables=[_table(measured)],
        measured=measured,
    )


@contextmanager
def _bare_consumers(amqp_url: str, number: int) -> Iterator[list[BareConsumer]]:
    with ExitStack() as stack:
        started = [BareConsumer(amqp_url) for _ in range(number)]
        start_all(started, stack)
        yield started


async def _measure(
    deployment: Deployment,
    amqp_url: str,
    consumers: Sequence[BareConsumer],
    size: int,
    changes: int,
) -> Measured:
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(KeptConnection(deployment.campaigns.url))
        kept = [
            await stack.enter_async_context(KeptConnection(each.url))
            for each in deployment.instances
        ]
        exchange = await stack.enter_async_context(_bare_exchange(amqp_url))
        published = await stack.enter_async_context(_published(amqp_url))
        took: list[float] = []
        bare: list[float] = []
        asking: list[float] = []
        for number in range(WARM_UP + changes):
            took.append(await _change(publisher, kept, published, matching=number % 2 == 0))
            snapshot = await publisher.request(SNAPSHOT_PATH)
            bare.append(await _bare(exchange, snapshot, consumers))
            await asyncio.sleep(REST_SECONDS)
            asking.append(await _ask_all(kept))
    return Measured(
        len(deployment.instances), size, took[WARM_UP:], bare[WARM_UP:], asking[WARM_UP:]
    )


async def _ask_all(instances: Sequence[KeptConnection]) -> float:
    started = time.monotonic()
    await asyncio.gather(*(each.request(ASKED) for each in instances))
    return time.monotonic() - started


async def _change(
    publisher: KeptConnection,
    instances: Sequence[KeptConnection],
    published: asyncio.Event,
    *,
    matching: bool,
) -> float:
    """Let the player be in the campaign, or not; give the seconds until the last one says so."""
    campaign = {
        "game": "mygame",
        "name": CHANGED,
        "matchers": {"level": {"min": 1 if matching else 100_000}},
    }
    published.clear()
    await publisher.request(
        f"/campaigns/{CHANGED}", method="PUT", token=TOKEN, body=orjson.dumps(campaign)
    )
    answered = time.monotonic()
    async with asyncio.timeout(DEADLINE):
        # Asked sooner, the instances would only be kept from what is measured.
        await published.wait()
        seen = await asyncio.gather(*(_seen(each, matching=matching) for each in instances))
    return max(seen) - answered


async def _seen(instance: KeptConnection, *, matching: bool) -> float:
    while True:
        answer = await instance.request(ASKED)
        if (CHANGED.encode() in answer) is matching:
            return time.monotonic()
        await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def _published(amqp_url: str) -> AsyncIterator[asyncio.Event]:
    """Return an event that is set whenever something comes over the exchange of snapshots."""
    heard = asyncio.Event()

    async def hear(_: aio_pika.abc.AbstractIncomingMessage) -> None:
        heard.set()

    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True, auto_delete=True)
        await queue.bind(SNAPSHOT_EXCHANGE)
        await queue.consume(hear, no_ack=True)
        yield heard


@asynccontextmanager
async def _bare_exchange(amqp_url: str) -> AsyncIterator[aio_pika.abc.AbstractExchange]:
    async with await aio_pika.connect(amqp_url) as connection:
        yield await declare_exchange(await connection.channel())


async def _bare(
    exchange: aio_pika.abc.AbstractExchange, body: bytes, consumers: Sequence[BareConsumer]
) -> float:
    """Publish the same bytes in the same way; give the seconds until the last one has them."""
    message = aio_pika.Message(
        body, message_id=uuid.uuid4().hex, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
    )
    started = time.monotonic()
    await exchange.publish(message, routing_key="")
    last = started
    # They are other processes: when it is seen here does not matter.
    async with asyncio.timeout(DEADLINE):
        for consumer in consumers:
            while (at := consumer.received_at(str(message.message_id))) is None:  # noqa: ASYNC110
                await asyncio.sleep(PAUSE_SECONDS)
            last = max(last, at)
    return last - started


def _table(measured: Sequence[Measured]) -> Table:
    columns = ["instances", "campaigns", "p50 ms", "p99 ms", "bare p50 ms", "bare p99 ms"]
    columns += ["p99 of bare", "asking p50 ms"]
    return Table(
        key="propagation",
        title="From a change's answer to the last instance that answers with it",
        columns=columns,
        rows=[_row(each) for each in measured],
    )


def _row(each: Measured) -> list[str | int | float]:
    slowest, slowest_bare = quantile(each.changes, 0.99), quantile(each.bare, 0.99)
    return [
        str(each.instances),
        each.campaigns,
        median(each.changes) * 1000,
        slowest * 1000,
        median(each.bare) * 1000,
        slowest_bare * 1000,
        slowest / slowest_bare,
        median(each.asking) * 1000,
    ]
