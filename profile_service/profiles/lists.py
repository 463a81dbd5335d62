"""PlayerLists: which players are in a list, as the service sees it."""

from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from typing import Protocol

BATCH_PLAYERS = 500


@dataclass(frozen=True)
class ListChange:
    """What came of adding players to a list or removing them.

    `changed` is how many were added or removed. `unknown` are the ids that have no profile,
    `full` those of players who are in as many lists as a player may be.
    """

    changed: int
    unknown: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()


class ReplacementEnded(Exception):
    """Another replacement of the same list has begun since."""


class PlayerLists(Protocol):
    """The field `lists` of the stored profiles, and no other field of them.

    No method makes a profile. A list is there while a player is in it. Player ids are given
    500 at a time at most. Every method raises ProfilesUnavailable when it cannot do its work.
    """

    async def prepare(self) -> None:
        """Make what finds the members of a list."""
        ...

    async def add(self, name: str, player_ids: Collection[str]) -> ListChange:
        """Put players into a list."""
        ...

    async def remove(self, name: str, player_ids: Collection[str]) -> ListChange:
        """Take players out of a list. A field without any list is removed."""
        ...

    async def count(self, name: str) -> int:
        """Return how many players are in a list."""
        ...

    def members(self, name: str) -> AsyncGenerator[list[str], None]:
        """Yield the ids of the players in a list, in batches; each may be removed meanwhile."""
        ...

    async def begin_replacement(self, name: str) -> str:
        """Return the name of a new replacement of a list; an earlier one of that list ends."""
        ...

    async def note_named(self, replacement: str, player_ids: Collection[str]) -> None:
        """Keep that a replacement names these players.

        Raises:
            ReplacementEnded: it has ended.
        """
        ...

    async def unnamed(self, replacement: str, player_ids: Collection[str]) -> list[str]:
        """Return which of these players a replacement does not name.

        Raises:
            ReplacementEnded: it has ended.
        """
        ...

    async def end_replacement(self, name: str, replacement: str) -> None:
        """Forget whom a replacement names."""
        ...
