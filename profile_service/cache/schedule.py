"""When the next refetch of the snapshot is due, and why."""

import random
from enum import StrEnum

from foundation.backoff import full_jitter

RETRY_BASE_SECONDS = 0.5
FIRST_SNAPSHOT_CAP_SECONDS = 2.0  # without any snapshot every answer is a 503
EARLIEST_EXPIRY = 0.9  # of the TTL: instances that were confirmed together expire apart


class Cause(StrEnum):
    """Why the snapshot is fetched."""

    START = "start"
    CONNECT = "connect"  # RabbitMQ is (again) there: events may have been missed
    OPERATOR = "operator"
    TTL = "ttl"
    RETRY = "retry"
    UNKNOWN_REVISION = "unknown_revision"  # an event names a revision without its campaigns
    UNREADABLE = "unreadable"
    FOREIGN = "foreign"
    SILENCE = "silence"  # heartbeats have stopped
    SUSPENDED = "suspended"  # the process did not run for a while


# Any client that may publish on the exchange can cause these: they are paced, so that none
# can flood the campaign service.
PACED = frozenset({Cause.UNKNOWN_REVISION, Cause.UNREADABLE, Cause.FOREIGN})


class _Pace:
    """Lets the first through at once, then one after each of growing waits up to the cap."""

    def __init__(self, *, cap: float, base: float) -> None:
        self._cap = cap
        self._base = base
        self._attempt = 0
        self._last = float("-inf")
        self._allowed = float("-inf")

    def allowed_at(self, now: float) -> float:
        return max(now, self._allowed)

    def passed(self, now: float) -> None:
        if now - self._last > 2 * self._cap:
            self._attempt = 0
        ceiling = min(self._cap, self._base * 2 ** min(self._attempt, 32))
        self._attempt += 1
        self._last = now
        # Half fixed, half jitter: never faster than half the ceiling.
        self._allowed = now + random.uniform(ceiling / 2, ceiling)  # noqa: S311

    def reset(self) -> None:
        self._attempt = 0
        self._allowed = float("-inf")


class RefetchSchedule:
    """Plain bookkeeping in seconds of a clock that the caller reads; nothing here waits."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._cap = ttl / 10
        self._asked: dict[Cause, float] = {}
        self._failures = 0
        self._expiry = float("inf")
        self._paces = {
            Cause.UNKNOWN_REVISION: _Pace(cap=self._cap, base=RETRY_BASE_SECONDS),
            Cause.UNREADABLE: _Pace(cap=self._cap, base=RETRY_BASE_SECONDS),
            # A second environment on the same exchange will not go away by itself.
            Cause.FOREIGN: _Pace(cap=2 * self._cap, base=2 * self._cap),
        }

    @property
    def due_at(self) -> float:
        """When the next refetch is due; infinity when none is."""
        return min([self._expiry, *self._asked.values()])

    def ask(self, cause: Cause, now: float) -> None:
        """Ask for a refetch as soon as its cause may have one."""
        due = self._paces[cause].allowed_at(now) if cause in PACED else now
        self._asked[cause] = min(due, self._asked.get(cause, due))

    def begin(self, now: float) -> frozenset[Cause]:
        """Start a refetch: return the causes that it answers, and forget them."""
        # A fetch that starts now also answers the causes that are due later.
        causes = set(self._asked)
        if self._expiry <= now:
            causes.add(Cause.TTL)
        for cause in causes & PACED:
            self._paces[cause].passed(now)
        self._asked.clear()
        self._expiry = float("inf")
        return frozenset(causes)

    def succeeded(self) -> None:
        """The refetch brought an answer that can be used."""
        self._failures = 0

    def failed(self, now: float, *, holding: bool) -> None:
        """The refetch failed: try again after a wait that grows with each failure in a row."""
        cap = self._cap if holding else min(self._cap, FIRST_SNAPSHOT_CAP_SECONDS)
        self._asked[Cause.RETRY] = now + full_jitter(
            self._failures, base=RETRY_BASE_SECONDS, cap=cap
        )
        self._failures += 1

    def confirmed(self, as_of: float, now: float) -> None:
        """The held snapshot was the newest at `as_of`: it expires a TTL later, a little spread.

        A confirmation that was old when it came leads to a refetch after a pause, not at
        once; further ones do not prolong that pause.
        """
        spread = random.uniform(EARLIEST_EXPIRY, 1.0)  # noqa: S311
        # Without the minimum, old confirmations that keep coming would put it off for ever.
        pause = min(self._expiry, now + self._cap * spread)
        self._expiry = max(as_of + self._ttl * spread, pause)

    def answered_foreign(self, now: float) -> None:
        """The origin serves another store; an operator changes that, so look again in a TTL."""
        self._failures = 0
        self._expiry = now + self._ttl * random.uniform(EARLIEST_EXPIRY, 1.0)  # noqa: S311

    def advanced(self) -> None:
        """An event brought a newer revision: the next announcement may be fetched at once again."""
        self._paces[Cause.UNKNOWN_REVISION].reset()
        self._paces[Cause.UNREADABLE].reset()
