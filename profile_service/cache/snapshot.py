"""The snapshot that an instance holds, and how old its news is."""

from dataclasses import dataclass, replace
from datetime import datetime

from contracts.snapshot import LogPosition
from profile_service.matching.compiled import CompiledCampaigns


@dataclass(frozen=True)
class HeldSnapshot:
    """An immutable snapshot, swapped as a whole.

    `as_of` is when its revision was last known to be the newest, in seconds of the
    clock of ages; `confirmed_at` is the same by the wall clock, for the last-good file.
    `confirmed` is false for one that was only read from that file. `body` is the
    snapshot as it was received.
    """

    position: LogPosition
    campaigns: CompiledCampaigns
    body: bytes
    as_of: float
    confirmed_at: datetime
    confirmed: bool

    def staleness(self, elapsed: float) -> float:
        """Give the seconds since this was known to be the newest revision."""
        return max(0.0, elapsed - self.as_of)

    def confirm(self, as_of: float, at: datetime) -> "HeldSnapshot":
        """Give the same snapshot, known to be the newest at `as_of`.

        An older confirmation than what is known already changes no age: news may come
        by two ways, and staleness never goes backwards.
        """
        if self.confirmed and as_of <= self.as_of:
            return self
        return replace(self, as_of=as_of, confirmed_at=at, confirmed=True)
