"""Clocks: one for ages, which a change of the wall clock does not touch, and one for dates."""

import time
from datetime import UTC, datetime
from typing import Protocol

# Counts the time that a machine sleeps, where there is such a clock (Linux): a laptop or
# a paused virtual machine must not wake up believing that its campaigns are fresh.
_AGE_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """The two clocks that a service reads."""

    def elapsed(self) -> float:
        """Return the seconds since some fixed moment; never goes backwards."""
        ...

    def now(self) -> datetime:
        """Return the date and time, aware UTC."""
        ...


class SystemClock:
    """The machine's clocks."""

    def elapsed(self) -> float:
        """Return the seconds since the machine started."""
        return time.clock_gettime(_AGE_CLOCK)

    def now(self) -> datetime:
        """Return the machine's date and time, aware UTC."""
        return datetime.now(UTC)
