"""The link to RabbitMQ: named, watched, and kept up."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from foundation.rabbit import RabbitLink, named_url
from testbed.background import Background
from testbed.proxy import Proxy

LIMIT = 30.0
PROMPT = 1.5
NOBODY = "amqp://me:hunter2@127.0.0.1:1/"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("amqp://h/", "amqp://h/?name=the+service&heartbeat=10"),
        ("amqp://h/v?x=1", "amqp://h/v?x=1&name=the+service&heartbeat=10"),
        ("amqp://h/?heartbeat=1", "amqp://h/?heartbeat=1&name=the+service"),
        ("amqp://h/?name=mine&heartbeat=1", "amqp://h/?name=mine&heartbeat=1"),
        ("amqps://h/?cafile=a%2Fb", "amqps://h/?cafile=a%2Fb&name=the+service&heartbeat=10"),
    ],
)
def test_a_connection_is_named_and_watched_unless_its_url_says_so(url: str, named: str) -> None:
    """Name and heartbeat are added; what the URL says stays as it is."""
    assert named_url(url, "the service") == named


class Connects:
    """Counts how often a link said that it is connected."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1


@asynccontextmanager
async def linked(url: str, connects: Connects) -> AsyncIterator[RabbitLink[None]]:
    """Keep a link up while the block lasts."""
    link = RabbitLink(url, name="tests", on_connected=connects, set_up=lambda _: None)
    async with link.running():
        yield link


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, for a while."""
    async with asyncio.timeout(LIMIT):
        while not condition():  # noqa: ASYNC110 - it is nobody's event
            await asyncio.sleep(0.01)


async def test_a_connect_that_is_cut_off_leaves_nothing_behind() -> None:
    """A server that accepts and is silent: once the link is left, nobody goes on trying."""
    accepted = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        async with linked(f"amqp://127.0.0.1:{port}/", Connects()):
            await accepted.wait()
            await asyncio.sleep(0.1)
        server.close()
        await asyncio.sleep(0.1)
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_first_connect_and_a_restart_are_told_of(amqp_url: str) -> None:
    """Whoever listens hears of every connect, and the link knows that it is up."""
    connects = Connects()
    async with linked(amqp_url, connects) as link:
        await until(lambda: link.is_up and connects.count == 1)
        link.restart()
        await until(lambda: link.is_up and connects.count == 2)
    assert not link.is_up


async def test_a_broker_that_is_away_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """The block runs meanwhile; tries go on in silence; no password is in a line."""
    connects = Connects()
    with caplog.at_level(logging.DEBUG):
        async with linked(NOBODY, connects) as link:
            await until(lambda: _tries(caplog) >= 2)
            assert not link.is_up
    assert connects.count == 0
    warnings = [
        record
        for record in caplog.records
        if record.name == "foundation.rabbit" and record.levelno == logging.WARNING
    ]
    assert len(warnings) == 1
    assert "RabbitMQ cannot be reached: " in warnings[0].getMessage()
    assert "hunter2" not in caplog.text


def _tries(caplog: pytest.LogCaptureFixture) -> int:
    return sum("Connecting to" in record.getMessage() for record in caplog.records)


async def test_a_restart_does_not_wait_for_a_dead_connection(amqp_url: str) -> None:
    """A connection that swallows everything delays its successor by no more than a moment."""
    url = urlsplit(amqp_url)
    with Background() as background, Proxy(background, url.port or 5672) as proxy:
        connects = Connects()
        proxied = url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{proxy.port}")
        async with linked(proxied.geturl(), connects) as link:
            await until(lambda: link.is_up and connects.count == 1)
            await asyncio.to_thread(proxy.strand)
            started = asyncio.get_running_loop().time()
            link.restart()
            await until(lambda: connects.count == 2)
            assert asyncio.get_running_loop().time() - started < PROMPT


async def test_a_wrong_virtual_host_is_named(
    amqp_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason says which virtual host it is, and nothing of the protocol."""
    url = urlsplit(amqp_url)._replace(path="/no%20where").geturl()
    async with linked(url, Connects()):
        await until(lambda: "cannot be reached" in caplog.text)
    [line] = [line for line in caplog.messages if "cannot be reached" in line]
    assert line == (
        "RabbitMQ cannot be reached: "
        "there is no virtual host 'no where', or the user has no access to it"
    )
