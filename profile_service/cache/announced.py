"""AnnouncedRevision: the newest revision that an event announced and no fetch has brought yet."""

from contracts.snapshot import LogPosition
from profile_service.cache.position import Relation, relation

MAX_MISSES = 5


class AnnouncedRevision:
    """Remembers a revision until the origin has it, and gives up after MAX_MISSES fetches.

    A replica that lags catches up within moments; a revision that no replica has after a few
    fetches never was.
    """

    def __init__(self) -> None:
        self._position: LogPosition | None = None
        self._misses = 0

    def note(self, position: LogPosition) -> None:
        """Remember a position, unless a newer one was announced."""
        if relation(self._position, position) not in {Relation.OLDER, Relation.SAME}:
            self._position = position
            self._misses = 0

    def forget(self) -> None:
        """Forget the revision: it has come, or never will, or another store is held."""
        self._position = None
        self._misses = 0

    def is_missing_from(self, held: LogPosition | None) -> bool:
        """Return whether the snapshot just fetched and held lacks the announced revision."""
        if self._position is None or held is None:
            return False
        if relation(held, self._position) is not Relation.NEWER or self._misses >= MAX_MISSES:
            self.forget()
            return False
        self._misses += 1
        return True
