"""Subscription: the flow of events, as the watch, the health checks and the metrics see it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass
class DeadLetterCounts:
    """How many unreadable events were published as dead letters, and how many were not."""

    published: int = 0
    dropped: int = 0


class DeadLetters(Protocol):
    """Where unreadable events are kept."""

    async def publish(self, body: bytes, *, reason: str, message_id: str | None) -> None:
        """Keep an event, with the reason why it is unreadable; never raises."""
        ...


class Subscription(Protocol):
    """A subscription to the events."""

    @property
    def is_up(self) -> bool:
        """Whether the connection is believed to work."""
        ...

    @property
    def dead_letters(self) -> DeadLetterCounts:
        """The counts of unreadable events."""
        ...

    def restart(self) -> None:
        """Subscribe anew."""
        ...
