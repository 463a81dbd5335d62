"""AnnouncedRevision: the newest revision that events named without bringing its campaigns."""

from contracts.snapshot import LogPosition
from profile_service.cache.position import Relation, relation

MAX_MISSES = 5


class AnnouncedRevision:
    """Remembers what was named until the origin shows it, or has not for a few tries.

    A replica that lags catches up within moments; what no replica shows after a few tries
    was never there.
    """

    def __init__(self) -> None:
        self._named: LogPosition | None = None
        self._misses = 0

    def note(self, position: LogPosition) -> None:
        """Remember a position, unless a newer one was named."""
        if relation(self._named, position) not in {Relation.OLDER, Relation.SAME}:
            self._named = position
            self._misses = 0

    def forget(self) -> None:
        """Forget what was named: it has come, or never will, or another store is held."""
        self._named = None
        self._misses = 0

    def is_missing_from(self, held: LogPosition | None) -> bool:
        """Tell whether what the origin just gave, and is held now, lacks what was named."""
        if self._named is None or held is None:
            return False
        if relation(held, self._named) is not Relation.NEWER or self._misses >= MAX_MISSES:
            self.forget()
            return False
        self._misses += 1
        return True
