"""Previews: how many players some matchers would reach."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from contracts.campaign import Campaign
from contracts.matchers import Matchers
from foundation.clock import Clock
from foundation.errors import Invalid, Unavailable
from foundation.slots import Slots
from profile_service.cache.cache import CampaignCache
from profile_service.matching.evaluator import known_segments
from profile_service.profiles.query import query_of
from profile_service.profiles.repository import (
    ProfileRepository,
    ProfilesUnavailable,
    ProfileUnreadable,
)

MAX_PREVIEWS = 2  # at a time: each may read the whole collection
# For what follows a count that used up its time: the last answer of the store.
GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Preview:
    """How many players match, out of how many, and the ids of some of them.

    Unless it `is_exact`, at least so many match. `seconds` is how long it took.
    """

    matching: int
    total: int
    sample: list[str]
    is_exact: bool
    seconds: float


class Previewing:
    """Counts players in the store, with the segments that are held; each time for `seconds`."""

    def __init__(
        self, *, profiles: ProfileRepository, cache: CampaignCache, clock: Clock, seconds: float
    ) -> None:
        self._profiles = profiles
        self._cache = cache
        self._clock = clock
        self._seconds = seconds
        self._slots = Slots(MAX_PREVIEWS, "previews")

    async def of_campaign(self, campaign: Campaign, *, sample: int) -> Preview:
        """Count the players whom the campaign's matchers match now.

        Raises:
            Invalid: as `of_matchers`, or the campaign is of a game that is not served here.
            Unavailable: as `of_matchers`.
        """
        game = self._cache.game
        if game is not None and campaign.game != game:
            raise Invalid.at("campaign", "game", msg=f"must be {game}: no other is served here")
        return await self._count(
            campaign.matchers, name=campaign.name, sample=sample, loc=("campaign", "matchers")
        )

    async def of_matchers(self, matchers: Matchers, *, sample: int) -> Preview:
        """Count the players whom matchers match now that are of no campaign.

        Raises:
            Invalid: the matchers refer to a segment that is not known.
            Unavailable: two previews are under way, segments are needed and no snapshot is held,
                or the profiles cannot be counted.
        """
        return await self._count(matchers, name="", sample=sample, loc=("matchers",))

    async def _count(
        self, matchers: Matchers, *, name: str, sample: int, loc: tuple[str, ...]
    ) -> Preview:
        segments = self._segments_for(matchers, loc)
        with self._slots.one():
            started = self._clock.elapsed()
            # In a thread: with segments that refer to many others it may take seconds.
            query = await asyncio.to_thread(
                query_of, matchers, self._clock.now(), name=name, segments=segments
            )
            try:
                async with asyncio.timeout(self._seconds + GRACE_SECONDS):
                    counted = await self._profiles.count(
                        query, seconds=self._seconds, sample=sample
                    )
            except (TimeoutError, ProfilesUnavailable, ProfileUnreadable):
                raise Unavailable("profiles cannot be counted now") from None
            seconds = self._clock.elapsed() - started
        return Preview(counted.matching, counted.total, counted.sample, counted.is_exact, seconds)

    def _segments_for(self, matchers: Matchers, loc: tuple[str, ...]) -> Mapping[str, Matchers]:
        wanted = matchers.segments()
        if not wanted:
            return {}
        if self._cache.held is None:
            raise Unavailable("no campaigns are known yet, and so no segments")
        segments = self._cache.held.campaigns.segments
        unknown = ", ".join(sorted(wanted - known_segments(segments)))
        if unknown:
            raise Invalid.at(*loc, msg=f"must refer to known segments; not known: {unknown}")
        return segments
