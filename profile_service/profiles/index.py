"""ProfileIndex: the unique index on player_id, made in the background."""

import asyncio
import logging

from foundation.backoff import Backoff
from profile_service.profiles.repository import ProfileRepository, ProfilesUnavailable

logger = logging.getLogger(__name__)

DUPLICATES_SECONDS = 60.0


class ProfileIndex:
    """Makes the index, and says whether it is made and which players forbid it.

    `duplicates` are ids that several documents hold, at most 10.
    """

    def __init__(self, profiles: ProfileRepository) -> None:
        self.duplicates: list[str] = []
        self.is_made = False
        self._profiles = profiles

    async def make(self) -> None:
        """Make the index; try again until the store can be reached and has no duplicates."""
        backoff = Backoff(base=0.25, cap=5.0)
        logged = None
        while True:
            try:
                found = await self._profiles.prepare()
            except ProfilesUnavailable as error:
                if str(error) != logged:
                    logged = str(error)
                    logger.warning("the index on player_id is not made yet: %s", logged)
                await asyncio.sleep(backoff.next())
                continue
            if found and found != self.duplicates:
                logger.error("players stored more than once: %s", ", ".join(found))
            self.duplicates = found
            if not found:
                self.is_made = True
                return
            await asyncio.sleep(DUPLICATES_SECONDS)
