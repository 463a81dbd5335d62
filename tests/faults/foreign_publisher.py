"""A foreign publisher on the exchange."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange

from contracts.wire import SNAPSHOT_EXCHANGE
from testbed.background import Background

# A body, and its headers.
Event = tuple[bytes, Mapping[str, str]]


class ForeignPublisher:
    """Publishes events of the test's choice."""

    def __init__(self, background: Background, amqp_url: str) -> None:
        self._background = background
        self._url = amqp_url
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._exchange: AbstractExchange | None = None

    def __enter__(self) -> Self:
        self._background.run(self._connect())
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection:
            with suppress(OSError):
                self._background.run(self._connection.close())

    def publish(self, events: Iterable[Event]) -> None:
        """Publish all of them, and return when RabbitMQ has them."""
        self._background.run(self._publish(events), limit=120.0)

    async def _connect(self) -> None:
        self._connection = await aio_pika.connect(self._url, timeout=10.0)
        # To wait for each confirmation would take minutes; see _publish.
        self._channel = await self._connection.channel(publisher_confirms=False)
        self._exchange = await self._channel.get_exchange(SNAPSHOT_EXCHANGE)

    async def _publish(self, events: Iterable[Event]) -> None:
        assert self._exchange
        assert self._channel
        for body, headers in events:
            message = aio_pika.Message(body, headers=dict(headers))
            await self._exchange.publish(message, "", mandatory=False)
        # A channel is served in order: once this is answered, all before it has arrived.
        await self._channel.get_exchange(SNAPSHOT_EXCHANGE)
