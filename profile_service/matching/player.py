"""Player: a profile at an instant, as predicates ask about it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

# Whether a player meets some matchers.
Predicate = Callable[["Player"], bool]


class Player:
    """A profile and the time of evaluation; each segment is evaluated at most once."""

    __slots__ = ("_segments", "_verdicts", "at", "profile")

    def __init__(
        self, profile: Mapping[str, Any], at: datetime, segments: Mapping[str, Predicate]
    ) -> None:
        self.profile = profile
        self.at = at
        self._segments = segments
        self._verdicts: dict[str, bool] = {}

    def is_in(self, segment: str) -> bool:
        """Return whether the player is in a segment.

        Raises:
            KeyError: there is no such segment; rules that refer to one are never asked.
        """
        verdict = self._verdicts.get(segment)
        if verdict is None:
            verdict = self._verdicts[segment] = self._segments[segment](self)
        return verdict
