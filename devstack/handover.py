"""Handover: the publisher passes its snapshots directly to the consumer's handler."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from campaign_publisher.publishing.publisher import Delivery, PublishFailed
from foundation.tasks import running
from profile_service.messaging.subscription import DeadLetterCounts

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0


class Handler(Protocol):
    """The profile service's side, as its consumers have it."""

    async def handle(
        self, body: bytes, headers: Mapping[str, object], message_id: str | None
    ) -> object:
        """Take one event."""
        ...

    async def connected(self) -> None:
        """Take note that events come from now on."""
        ...


class Handover:
    """What RabbitMQ is between the two services, when both run in one process.

    The services' apps take its `open_channel` and `open_subscription`. As soon as both
    sides are there, it announces to each that it is connected.
    """

    def __init__(self, *, patience: float = PATIENCE_SECONDS) -> None:
        self.dead_letters = DeadLetterCounts()
        self._patience = patience
        self._handler: Handler | None = None
        self._on_connected: Callable[[], Awaitable[None]] | None = None
        self._subscribed = asyncio.Event()
        self._announce_again = asyncio.Event()

    @asynccontextmanager
    async def open_channel(
        self, _: object, on_connected: Callable[[], Awaitable[None]]
    ) -> AsyncIterator["Handover"]:
        """Yield the channel of the campaign service."""
        self._on_connected = on_connected
        self.restart()
        try:
            yield self
        finally:
            self._on_connected = None

    @asynccontextmanager
    async def open_subscription(self, _: object, handler: Handler) -> AsyncIterator["Handover"]:
        """Subscribe the profile service while the block lasts."""
        self._handler = handler
        self._subscribed.set()
        try:
            async with running(self._announce, name="handover"):
                yield self
        finally:
            self._subscribed.clear()
            self._handler = None

    async def publish(
        self, body: bytes, *, headers: dict[str, str], message_type: str, message_id: str
    ) -> Delivery:
        """Wait until the profile service has handled an event.

        It is a little later to start than the publisher, which waits for it so long.

        Raises:
            PublishFailed: nobody has subscribed, or the handler failed.
        """
        handler = await self._subscriber()
        try:
            await handler.handle(body, headers, message_id)
        except Exception as error:
            logger.exception("a %s was not handled", message_type)
            raise PublishFailed("the profile service did not handle it") from error
        return Delivery.ROUTED

    async def _subscriber(self) -> Handler:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await self._subscribed.wait()
        if self._handler is None:
            raise PublishFailed("the profile service has not subscribed")
        return self._handler

    @property
    def is_up(self) -> bool:
        """Whether both sides are there."""
        return self._handler is not None and self._on_connected is not None

    def restart(self) -> None:
        """Announce to both sides again that they are connected."""
        self._announce_again.set()

    async def _announce(self) -> None:
        while True:
            self._announce_again.clear()
            if self._handler is not None and self._on_connected is not None:
                await self._handler.connected()
                await self._on_connected()
            await self._announce_again.wait()
