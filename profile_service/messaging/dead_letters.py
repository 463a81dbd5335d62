"""RabbitDeadLetters: a queue where unreadable events wait to be inspected."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiormq.abc import DeliveredMessage
from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.publisher import RabbitPublisher

from contracts.wire import DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE
from foundation.clock import Clock
from foundation.rabbit import RabbitLink
from foundation.tasks import being_cancelled, running
from profile_service.messaging.subscription import DeadLetterCounts

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
PUBLISH_SECONDS = 5.0
MAX_LETTERS = 1000
MAX_BYTES = 64 * 1024 * 1024

_EXCHANGE = RabbitExchange(DEAD_LETTER_EXCHANGE, type=ExchangeType.FANOUT, durable=True)
_QUEUE = RabbitQueue(
    DEAD_LETTER_QUEUE,
    durable=True,
    arguments={
        "x-max-length": MAX_LETTERS,
        "x-max-length-bytes": MAX_BYTES,
        "x-overflow": "drop-head",
    },
)


@dataclass(frozen=True)
class _Letter:
    body: bytes
    reason: str
    message_id: str | None


class RabbitDeadLetters:
    """Publishes dead letters, at most one a second; the others are only counted.

    They wait in one queue that all instances share, which forgets the oldest when full.
    """

    def __init__(self, url: str, *, clock: Clock) -> None:
        self.counts = DeadLetterCounts()
        self._clock = clock
        self._next = float("-inf")
        self._letters: asyncio.Queue[_Letter] = asyncio.Queue(maxsize=1)
        self._link = RabbitLink(
            url,
            name="profile-service dead letters",
            on_connected=self._declare,
            set_up=_letter_publisher,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the connection up, and publish over it, while the block lasts."""
        async with self._link.running(), running(self._publish_letters, name="dead letters"):
            yield

    async def publish(self, body: bytes, *, reason: str, message_id: str | None) -> None:
        """Have the event published as it came, with the reason in a header; never raises.

        Returns at once: the next event may be a good one.
        """
        if self._clock.elapsed() < self._next or self._letters.full():
            self.counts.dropped += 1
            return
        self._next = self._clock.elapsed() + EVERY_SECONDS
        self._letters.put_nowait(_Letter(body, reason, message_id))

    async def _publish_letters(self) -> None:
        while True:
            if await self._published(await self._letters.get()):
                self.counts.published += 1
            else:
                self.counts.dropped += 1

    async def _published(self, letter: _Letter) -> bool:
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                confirmation = await self._link.part.publish(
                    letter.body,
                    headers={"x-reason": letter.reason},
                    message_id=letter.message_id,
                )
        except asyncio.CancelledError:
            if being_cancelled():
                raise
            return False
        except Exception as error:  # noqa: BLE001 - a letter that is lost is no reason to stop
            logger.warning("dead letter not published: %s", type(error).__name__)
            return False
        if isinstance(confirmation, DeliveredMessage):
            logger.warning("no queue takes dead letters; declaring it anew")
            self._link.restart()
            return False
        return True

    async def _declare(self) -> None:
        """Declare the queue; one that was declared with other bounds is left as it is."""
        broker = self._link.broker
        try:
            queue = await broker.declare_queue(_QUEUE)
            await queue.bind(await broker.declare_exchange(_EXCHANGE))
        except Exception as error:  # noqa: BLE001 - see publish: what can't be kept is counted
            logger.warning("the queue of dead letters cannot be declared: %s", type(error).__name__)


def _letter_publisher(broker: RabbitBroker) -> RabbitPublisher:
    return broker.publisher(
        exchange=_EXCHANGE,
        persist=True,
        title="Unreadable events",
        description="Events that a profile service could not read, as they came.",
        schema=bytes,
    )
