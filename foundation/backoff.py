"""How long to wait before trying again."""

import random


def full_jitter(attempt: int, *, base: float, cap: float) -> float:
    """Return the seconds to wait before retry number `attempt` (0 is the first).

    Uniform between 0 and the capped exponential, after "Exponential Backoff And
    Jitter" (M. Brooker, 2015): clients that failed together do not return together.
    """
    ceiling = min(cap, base * 2 ** min(attempt, 32))
    return random.uniform(0.0, ceiling)  # noqa: S311 - spreading load is no cryptography


class Backoff:
    """Counts failures in a row and returns the wait after each; `reset` after a success."""

    def __init__(self, *, base: float, cap: float) -> None:
        self._base = base
        self._cap = cap
        self._attempt = 0

    def next(self) -> float:
        """Return the seconds to wait after one more failure."""
        delay = full_jitter(self._attempt, base=self._base, cap=self._cap)
        self._attempt += 1
        return delay

    def reset(self) -> None:
        """Forget the failures so far."""
        self._attempt = 0
