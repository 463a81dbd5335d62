"""Player: a profile at an instant, as predicates ask about it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from contracts.profile import PLAYER_ID_FIELD
from profile_service.matching.found import FoundValues
from profile_service.matching.paths import parts_of, values_at

# Whether a player meets some matchers.
Predicate = Callable[["Player"], bool]


class Player:
    """A profile and the time of evaluation; each segment is evaluated at most once.

    `id` is the player's id as UTF-8, None for a profile without one.
    """

    __slots__ = ("_found", "_segments", "_verdicts", "at", "id", "profile")

    def __init__(
        self, profile: Mapping[str, Any], at: datetime, segments: Mapping[str, Predicate]
    ) -> None:
        self.profile = profile
        self.at = at
        player_id = profile.get(PLAYER_ID_FIELD)
        self.id = player_id.encode(errors="replace") if type(player_id) is str else None
        self._segments = segments
        self._verdicts: dict[str, bool] = {}
        self._found: dict[str, FoundValues] = {}

    def found(self, path: str) -> FoundValues:
        """Return what stands at a path; looked for once."""
        found = self._found.get(path)
        if found is None:
            if "." in path:
                values = values_at(self.profile, parts_of(path))
            else:
                values = (self.profile[path],) if path in self.profile else ()
            found = self._found[path] = FoundValues(values)
        return found

    def is_in(self, segment: str) -> bool:
        """Return whether the player is in a segment.

        Raises:
            KeyError: there is no such segment; rules that refer to one are never asked.
        """
        verdict = self._verdicts.get(segment)
        if verdict is None:
            verdict = self._verdicts[segment] = self._segments[segment](self)
        return verdict
