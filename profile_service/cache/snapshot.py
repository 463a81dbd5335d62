"""The snapshot that an instance holds, and its age."""

from dataclasses import dataclass, replace
from datetime import datetime

from contracts.snapshot import LogPosition
from profile_service.matching.compiled import CompiledCampaigns


@dataclass(frozen=True)
class HeldSnapshot:
    """An immutable snapshot, swapped as a whole.

    `as_of` is when its revision was last known to be the newest, `first_seen` when that
    was first known, both in seconds of the clock of ages; `confirmed_at` is `as_of` by
    the wall clock, for the last-good file. `confirmed` is false for a snapshot that was
    read from that file or is `provisional`: taken from an event while nothing was held
    and the origin was away, until the origin answers. `body` is the snapshot as received.
    """

    position: LogPosition
    campaigns: CompiledCampaigns
    body: bytes
    as_of: float
    first_seen: float
    confirmed_at: datetime
    confirmed: bool
    provisional: bool = False

    def staleness(self, elapsed: float) -> float:
        """Return the seconds since this was known to be the newest revision."""
        return max(0.0, elapsed - self.as_of)

    def confirm(self, as_of: float, at: datetime) -> "HeldSnapshot":
        """Return the same snapshot, known to be the newest at `as_of`.

        An older confirmation than the known one changes no age: events and fetches
        arrive in any order, and staleness never goes backwards.
        """
        if self.confirmed and as_of <= self.as_of:
            return self
        return replace(self, as_of=as_of, confirmed_at=at, confirmed=True, provisional=False)
