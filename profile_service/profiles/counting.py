"""Counting the profiles that match a query, one by one and within a time."""

import asyncio
from collections.abc import AsyncIterable, Iterable
from contextlib import aclosing
from typing import Any

from contracts.profile import PLAYER_ID_FIELD
from foundation.slices import in_slices
from profile_service.profiles.query import Query


class Tally:
    """How many profiles match so far, and the ids of up to `most` of them."""

    def __init__(self, query: Query, *, most: int) -> None:
        self.matching = 0
        self.sample: list[str] = []
        self._query = query
        self._most = most

    def add(self, count: int, player_ids: Iterable[object]) -> None:
        """Count profiles that match, some of which are given by id."""
        self.matching += count
        for player_id in player_ids:
            if len(self.sample) < self._most and isinstance(player_id, str):
                self.sample.append(player_id)

    async def judge(
        self, profiles: Iterable[dict[str, Any]] | AsyncIterable[dict[str, Any]], *, until: float
    ) -> bool:
        """Count those of the profiles that match; return whether all were judged by `until`.

        `until` is a time of the event loop. Requests are answered meanwhile.
        """
        loop = asyncio.get_running_loop()
        async with aclosing(in_slices(profiles)) as sliced:
            async for profile in sliced:
                if loop.time() >= until:
                    return False
                if self._query.matches(profile):
                    self.add(1, [profile.get(PLAYER_ID_FIELD)])
        return True
