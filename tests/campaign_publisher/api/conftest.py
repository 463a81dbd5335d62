"""The campaign service's app, in process, on a log in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from pydantic import SecretStr

from campaign_publisher.log.change import ChangeLog
from campaign_publisher.main import create_app
from campaign_publisher.publishing.publisher import SnapshotChannel
from campaign_publisher.settings import Settings
from foundation.rabbit import OnConnected
from testbed.fakes import FakeChannel, FakeClock, InMemoryLog

TOKEN = "secret"
WRITER = {"Authorization": f"Bearer {TOKEN}"}


async def until(
    client: httpx.AsyncClient, path: str, holds: Callable[[httpx.Response], bool]
) -> httpx.Response:
    """Ask for 5 s at most until `holds` is true of the answer; return that answer."""
    async with asyncio.timeout(5):
        while True:
            response = await client.get(path)
            if holds(response):
                return response
            await asyncio.sleep(0.005)


@dataclass
class Api:
    """A client of the service that may write, and what stands behind the service."""

    client: httpx.AsyncClient
    log: InMemoryLog
    channel: FakeChannel
    clock: FakeClock

    async def put(self, name: str, **fields: Any) -> httpx.Response:
        """Put a campaign, of which only the name matters unless more is said."""
        return await self.client.put(
            f"/campaigns/{name}", json={"name": name, "game": "mygame", **fields}
        )

    async def put_segment(self, name: str, **matchers: Any) -> httpx.Response:
        """Put a segment with these matchers."""
        return await self.client.put(f"/segments/{name}", json={"matchers": matchers})

    async def names(self, **query: str) -> list[str]:
        """Return the names that GET /campaigns lists."""
        response = await self.client.get("/campaigns", params=query)
        assert response.status_code == 200, response.text
        return [campaign["name"] for campaign in response.json()]


@dataclass
class Seams:
    """What the app is given in place of MongoDB, RabbitMQ and the clock."""

    log: InMemoryLog = field(default_factory=InMemoryLog)
    channel: FakeChannel = field(default_factory=FakeChannel)
    clock: FakeClock = field(default_factory=FakeClock)

    @asynccontextmanager
    async def open_log(self, _: Settings) -> AsyncIterator[ChangeLog]:
        """Yield the log."""
        yield self.log

    @asynccontextmanager
    async def open_channel(
        self, _: Settings, on_connected: OnConnected
    ) -> AsyncIterator[SnapshotChannel]:
        """Yield the channel, which is connected at once."""
        await on_connected()
        yield self.channel


StartApi = Callable[..., Awaitable[Api]]


@pytest.fixture
async def start_api() -> AsyncIterator[StartApi]:
    """Start a service, with a log and tokens of the test's choice; it is stopped at the end."""
    async with AsyncExitStack() as stack:

        async def start(
            log: InMemoryLog | None = None,
            *,
            tokens: str = TOKEN,
            read_tokens: str = "",
            until_loaded: bool = True,
        ) -> Api:
            seams = Seams(log=log or InMemoryLog())
            settings = Settings(
                admin_token=SecretStr(tokens),
                read_token=SecretStr(read_tokens),
                changes_poll_interval=timedelta(milliseconds=20),
                shutdown_delay=timedelta(),
            )
            app = create_app(
                settings,
                open_log=seams.open_log,
                open_channel=seams.open_channel,
                clock=seams.clock,
            )
            manager = await stack.enter_async_context(LifespanManager(app))
            client = await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(manager.app),
                    base_url="http://campaigns",
                    headers=WRITER if tokens else {},
                )
            )
            if until_loaded:
                await until(client, "/snapshot", lambda response: response.is_success)
            return Api(client, seams.log, seams.channel, seams.clock)

        yield start


@pytest.fixture
async def api(start_api: StartApi) -> Api:
    """A service on an empty log."""
    return await start_api()
