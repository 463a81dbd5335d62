"""ProfileIndex: the indexes on player_id and on lists, made in the background."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from foundation.backoff import Backoff
from profile_service.profiles.repository import ProfileRepository, ProfilesUnavailable

logger = logging.getLogger(__name__)

DUPLICATES_SECONDS = 60.0

Result = TypeVar("Result")


class ProfileIndex:
    """Makes the indexes of the profiles, and says which are made and which players forbid one.

    `is_made` is about the unique index on player_id, `lists_is_made` about the one on lists.
    `duplicates` are ids that several documents hold, at most 10.
    """

    def __init__(self, profiles: ProfileRepository) -> None:
        self.duplicates: list[str] = []
        self.is_made = False
        self.lists_is_made = False
        self._profiles = profiles

    async def make(self) -> None:
        """Make them; try again until the store can be reached and has no duplicates.

        Duplicates do not keep the index on lists from being made.
        """
        while True:
            found = await _made(self._profiles.prepare, "player_id")
            if found and found != self.duplicates:
                logger.error("players stored more than once: %s", ", ".join(found))
            self.duplicates = found
            self.is_made = not found
            if not self.lists_is_made:
                await _made(self._profiles.lists.prepare, "lists")
                self.lists_is_made = True
            if not found:
                return
            await asyncio.sleep(DUPLICATES_SECONDS)


async def _made(prepare: Callable[[], Awaitable[Result]], field: str) -> Result:
    """Make the index on a field; try again until the store can be reached."""
    backoff = Backoff(base=0.25, cap=5.0)
    logged = None
    while True:
        try:
            return await prepare()
        except ProfilesUnavailable as error:
            if str(error) != logged:
                logged = str(error)
                logger.warning("the index on %s is not made yet: %s", field, logged)
            await asyncio.sleep(backoff.next())
