"""A connection to RabbitMQ that starts by itself whenever RabbitMQ is there.

FastStream's broker reconnects once it has been connected; this adds the first connect,
which it gives up at once, and a fresh start for one that looks alive and hears nothing.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

from aio_pika import RobustConnection
from faststream.rabbit import RabbitBroker

from foundation.backoff import Backoff
from foundation.settings import ServiceSettings
from foundation.tasks import running

logger = logging.getLogger(__name__)

START_SECONDS = 10.0
STOP_SECONDS = 3.0
CLOSE_SECONDS = 1.0
MAX_RECONNECT_SECONDS = 2.0
DEFAULT_HEARTBEAT_SECONDS = 10

OnConnected = Callable[[], Awaitable[None]]


class RabbitLink:
    """Keeps one broker started; calls `on_connected` after each connect, the first included."""

    def __init__(self, settings: ServiceSettings, *, name: str, on_connected: OnConnected) -> None:
        self._on_connected = on_connected
        self._restart = asyncio.Event()
        self._up = False
        self._opened: RobustConnection | None = None
        self.broker = RabbitBroker(
            named_url(settings.amqp_url.get_secret_value(), name),
            app_id=name,
            timeout=5.0,
            # Spread, so that the instances of a fleet do not return in one instant.
            reconnect_interval=random.uniform(0.5, MAX_RECONNECT_SECONDS),  # noqa: S311
            graceful_timeout=STOP_SECONDS,
            on_reconnected=[self._reconnected],
            on_close=[self._closed],
            # Injection would find each argument of a handler in a thread of its own.
            apply_types=False,
            logger=logger,
            log_level=logging.DEBUG,
        )
        # A connection whose first connect is cut off goes on trying, hears no cancellation, and
        # the broker does not know of it: it is remembered here. There is no public way to it.
        self.broker._connection_kwargs["connection_class"] = self._open  # noqa: SLF001

    @property
    def is_up(self) -> bool:
        """Whether the connection is believed to work."""
        return self._up

    def restart(self) -> None:
        """Ask for a fresh connection and fresh subscriptions, as soon as can be."""
        self._restart.set()

    def running(self) -> AbstractAsyncContextManager[None]:
        """Keep the link up while the block lasts."""
        return self._running()

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        try:
            async with running(self._keep_started, name="rabbitmq"):
                yield
        finally:
            await self._stop()

    async def _keep_started(self) -> None:
        backoff = Backoff(base=0.25, cap=MAX_RECONNECT_SECONDS)
        told = False
        while True:
            # Starting a broker twice doubles its consumers, after a half-failed start too.
            await self._stop()
            self._restart.clear()
            try:
                async with asyncio.timeout(START_SECONDS):
                    await self.broker.start()
                    await self._reconnected()
            except Exception as error:  # noqa: BLE001 - a bad vhost or password is no connection error
                # Once, not at every try; a time-out has no text.
                logger.log(
                    logging.DEBUG if told else logging.WARNING,
                    "RabbitMQ cannot be reached: %s",
                    str(error) or type(error).__name__,
                )
                told = True
                await asyncio.sleep(backoff.next())
                continue
            backoff.reset()
            told = False
            await self._restart.wait()
            logger.warning("starting the connection to RabbitMQ afresh")

    async def _reconnected(self, *_: Any) -> None:
        self._up = True
        logger.info("connected to RabbitMQ")
        await self._on_connected()

    def _closed(self, *_: Any) -> None:
        if self._up:
            logger.warning("lost the connection to RabbitMQ")
        self._up = False

    async def _stop(self) -> None:
        self._up = False
        for close, seconds in ((self.broker.stop, STOP_SECONDS), (self._close, CLOSE_SECONDS)):
            try:
                async with asyncio.timeout(seconds):
                    await close()
            except Exception as error:  # noqa: BLE001 - a connection that is being thrown away
                logger.debug("closing the connection to RabbitMQ: %r", error)

    def _open(self, *args: Any, **kwargs: Any) -> RobustConnection:
        self._opened = RobustConnection(*args, **kwargs)
        return self._opened

    async def _close(self) -> None:
        if self._opened is not None:
            await self._opened.close()


def named_url(url: str, name: str) -> str:
    """Add the connection's name, and a heartbeat, unless the URL has them.

    The management page tells connections apart by their names; the client's own
    heartbeat of 60 s notices a dead link too late.
    """
    query = {key.partition("=")[0] for key in urlsplit(url).query.split("&")}
    options = {"name": name, "heartbeat": str(DEFAULT_HEARTBEAT_SECONDS)}
    added = urlencode({key: value for key, value in options.items() if key not in query})
    return f"{url}{'&' if '?' in url else '?'}{added}" if added else url
