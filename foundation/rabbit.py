"""A connection to RabbitMQ that starts by itself whenever RabbitMQ is there.

FastStream's broker reconnects once it has been connected; this adds the first connect,
which it gives up at once, and a fresh broker in place of one that looks alive and is not.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, TypeVar
from urllib.parse import unquote, urlencode, urlsplit

from aio_pika import RobustConnection
from faststream.rabbit import RabbitBroker

from foundation.backoff import Backoff
from foundation.outage import Outage
from foundation.tasks import running

logger = logging.getLogger(__name__)

START_SECONDS = 10.0
STOP_SECONDS = 3.0
CLOSE_SECONDS = 1.0
MAX_RECONNECT_SECONDS = 2.0
DEFAULT_HEARTBEAT_SECONDS = 10

OnConnected = Callable[[], Awaitable[None]]
Part = TypeVar("Part")


class RabbitLink(Generic[Part]):
    """Keeps a broker started; calls `on_connected` after each connect, the first included.

    `set_up` registers publishers or subscribers with each new broker; `part` is what it
    returned for the current one.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        on_connected: OnConnected,
        set_up: Callable[[RabbitBroker], Part],
    ) -> None:
        self._url = url
        self._name = name
        self._on_connected = on_connected
        self._set_up = set_up
        self._restart = asyncio.Event()
        self._outage = Outage(logger, "RabbitMQ cannot be reached", "RabbitMQ can be reached again")
        self._closing: set[asyncio.Task[None]] = set()
        self._session = self._new_session()

    @property
    def is_up(self) -> bool:
        """Whether the connection is believed to work."""
        return self._session.is_up

    @property
    def broker(self) -> RabbitBroker:
        """The current broker."""
        return self._session.broker

    @property
    def part(self) -> Part:
        """What `set_up` returned for the current broker."""
        return self._session.part

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
            await self._session.close()
            if self._closing:
                await asyncio.wait(self._closing)

    async def _keep_started(self) -> None:
        backoff = Backoff(base=0.25, cap=MAX_RECONNECT_SECONDS)
        while True:
            self._restart.clear()
            try:
                async with asyncio.timeout(START_SECONDS):
                    await self._session.broker.start()
                    await self._session.connected()
            except Exception as error:  # noqa: BLE001 - a bad vhost or password is no connection error
                self._outage.failed(_reason(error, self._url))
                await asyncio.sleep(backoff.next())
            else:
                self._outage.recovered()
                backoff.reset()
                await self._restart.wait()
                logger.warning("starting the connection to RabbitMQ afresh")
            self._replace_session()

    def _replace_session(self) -> None:
        """Begin with a fresh broker; the old one is closed meanwhile.

        Starting a broker twice doubles its consumers, and stopping one whose connection is
        dead takes as long as it may: neither is for the successor to wait for.
        """
        old, self._session = self._session, self._new_session()
        old.forget()
        closing = asyncio.create_task(old.close(), name="rabbitmq closing")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _new_session(self) -> "_Session[Part]":
        return _Session(
            named_url(self._url, self._name), self._name, self._on_connected, self._set_up
        )


class _Session(Generic[Part]):
    """One broker, from its start to its end."""

    def __init__(
        self,
        url: str,
        name: str,
        on_connected: OnConnected,
        set_up: Callable[[RabbitBroker], Part],
    ) -> None:
        self.is_up = False
        self._on_connected = on_connected
        self._is_current = True
        self._opened: RobustConnection | None = None
        self.broker = RabbitBroker(
            url,
            app_id=name,
            timeout=5.0,
            # Spread, so that the instances of a fleet do not return in one instant.
            reconnect_interval=random.uniform(0.5, MAX_RECONNECT_SECONDS),  # noqa: S311
            graceful_timeout=STOP_SECONDS,
            on_reconnected=[self.connected],
            on_close=[self._closed],
            # Injection would find each argument of a handler in a thread of its own.
            apply_types=False,
            logger=logger,
            log_level=logging.DEBUG,
        )
        # A connection whose first connect is cut off goes on trying, hears no cancellation, and
        # the broker does not know of it: it is remembered here. There is no public way to it.
        self.broker._connection_kwargs["connection_class"] = self._open  # noqa: SLF001
        self.part = set_up(self.broker)

    async def connected(self, *_: Any) -> None:
        """Take note of a connect."""
        if self._is_current:
            self.is_up = True
            logger.info("connected to RabbitMQ")
            await self._on_connected()

    def forget(self) -> None:
        """Report nothing any more: a successor has taken over."""
        self._is_current = self.is_up = False

    async def close(self) -> None:
        """Close the connection, however dead it is; takes a few seconds at most."""
        self.forget()
        for close, seconds in ((self.broker.stop, STOP_SECONDS), (self._close, CLOSE_SECONDS)):
            try:
                async with asyncio.timeout(seconds):
                    await close()
            except Exception as error:  # noqa: BLE001 - a connection that is being thrown away
                logger.debug("closing the connection to RabbitMQ: %r", error)

    def _closed(self, *_: Any) -> None:
        if self.is_up:
            logger.warning("lost the connection to RabbitMQ")
        self.is_up = False

    def _open(self, *args: Any, **kwargs: Any) -> RobustConnection:
        self._opened = RobustConnection(*args, **kwargs)
        return self._opened

    async def _close(self) -> None:
        if self._opened is not None:
            await self._opened.close()


def _reason(error: Exception, url: str) -> str:
    """Return a line for the log: a time-out has no text, and a vhost's refusal a cryptic one."""
    text = str(error)
    if "Connection.OpenOk" in text:
        vhost = unquote(urlsplit(url).path[1:]) or "/"
        return f"there is no virtual host {vhost!r}, or the user has no access to it"
    return text or type(error).__name__


def named_url(url: str, name: str) -> str:
    """Add the connection's name, and a heartbeat, unless the URL has them.

    The management page tells connections apart by their names; the client's own
    heartbeat of 60 s notices a dead link too late.
    """
    query = {key.partition("=")[0] for key in urlsplit(url).query.split("&")}
    options = {"name": name, "heartbeat": str(DEFAULT_HEARTBEAT_SECONDS)}
    added = urlencode({key: value for key, value in options.items() if key not in query})
    return f"{url}{'&' if '?' in url else '?'}{added}" if added else url
