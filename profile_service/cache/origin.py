"""Origin: where a snapshot is fetched from when no event brings it."""

from dataclasses import dataclass
from typing import Protocol

from contracts.snapshot import LogPosition
from contracts.wire import SnapshotEvent


@dataclass(frozen=True)
class Fetched:
    """The origin's answer. `body` is None when its position is the offered one."""

    event: SnapshotEvent
    body: bytes | None


class OriginUnavailable(Exception):
    """There is no usable answer; the message is the reason, for the log."""


class Origin(Protocol):
    """The campaign service, seen from here."""

    async def fetch(self, held: LogPosition | None) -> Fetched:
        """Ask for the newest snapshot, unless it is the held one.

        Raises:
            OriginUnavailable: there is no answer, or an unusable one.
        """
        ...
