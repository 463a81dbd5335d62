"""Slots: a limit on how many requests of one costly kind are served at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from foundation.errors import Unavailable


class Slots:
    """Room for `limit` requests at a time; `what` names them in the refusal of more."""

    def __init__(self, limit: int, what: str) -> None:
        self._free = limit
        self._refusal = f"{limit} {what} are being served, and no more at a time; try again"

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a slot for the time of the block.

        Raises:
            Unavailable: there is none; nobody waits for one.
        """
        if not self._free:
            raise Unavailable(self._refusal)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
