"""ProfileService: what is answered to a game's client, and how profiles are written."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from contracts.profile import (
    ACTIVE_CAMPAIGNS_FIELD,
)
from foundation.clock import Clock
from foundation.errors import Conflict, NotFound, Unavailable
from profile_service.cache.cache import CampaignCache
from profile_service.profiles.loader import ProfileLoader
from profile_service.profiles.repository import (
    ActiveCampaignsUpdate,
    ProfileDocument,
    ProfileRepository,
    ProfilesUnavailable,
    ProfileUnreadable,
    Written,
)
from profile_service.profiles.updates import PendingUpdates
from profile_service.profiles.validation import valid_profile

WRITE_SECONDS = 10.0
CONFLICT = "another document holds this player_id, or the profile kept changing meanwhile"


class ClientConfig(NamedTuple):
    """A profile with its active campaigns, and which campaigns it was compared with.

    `age` is in seconds: how long ago that revision was known to be the newest.
    """

    document: ProfileDocument
    revision: int
    age: float
    stale: bool


class ProfileService:
    """Answers from a repository of profiles and the cache of campaigns."""

    def __init__(
        self,
        *,
        profiles: ProfileRepository,
        cache: CampaignCache,
        updates: PendingUpdates | None,
        clock: Clock,
        hidden_fields: Collection[str] = (),
    ) -> None:
        self.loader = ProfileLoader(profiles)
        self._profiles = profiles
        self._cache = cache
        self._updates = updates
        self._clock = clock
        self._hidden_fields = tuple(hidden_fields)

    async def client_config(self, player_id: str) -> ClientConfig:
        """Give a player's profile with the campaigns that are active and match now.

        Raises:
            NotFound: there is no such profile.
            Unavailable: no snapshot is held yet, or the profile did not come within 2 s.
        """
        if self._cache.held is None:
            raise Unavailable("no campaigns are known yet")
        document = await self.profile(player_id)
        held = self._cache.held
        active = held.campaigns.matching(document, self._clock.now())
        stale = self._cache.is_stale
        stored = document.get(ACTIVE_CAMPAIGNS_FIELD)
        # Written by what is known to be right only: a stale instance would undo others' work.
        if self._updates is not None and not stale and not _same_set(stored, active):
            self._updates.add(ActiveCampaignsUpdate(player_id, stored, active))
        shown = {**document, ACTIVE_CAMPAIGNS_FIELD: active}
        for field in self._hidden_fields:
            shown.pop(field, None)
        return ClientConfig(
            document=shown,
            revision=held.position.revision,
            age=held.staleness(self._clock.elapsed()),
            stale=stale,
        )

    async def profile(self, player_id: str) -> ProfileDocument:
        """Give the stored profile. It is shared with who else asks for it: don't change it.

        Raises:
            NotFound: there is none.
            Unavailable: it did not come within 2 s, or cannot be read.
        """
        try:
            document = await self.loader.load(player_id)
        except ProfilesUnavailable:
            raise Unavailable("profiles cannot be reached") from None
        except ProfileUnreadable:
            raise Unavailable("the profile cannot be read") from None
        if document is None:
            raise NotFound("Profile not found")
        return document

    async def close(self) -> None:
        """Answer those who still wait for a profile that it cannot be reached."""
        await self.loader.close()

    async def put(self, player_id: str, body: Any) -> tuple[ProfileDocument, bool]:
        """Write a profile as it was sent, but for `active_campaigns`.

        Give the document that is stored now, and whether it is new.

        Raises:
            Invalid: naming each field that is wrong.
            Conflict: what is stored does not let it be written.
            Unavailable: the write could not be made, or its outcome is not known.
        """
        profile = valid_profile(body, player_id)
        written = await self.write([profile])
        if written.conflicts:
            raise Conflict(CONFLICT)
        kept = written.active_campaigns[player_id]
        return {**profile, ACTIVE_CAMPAIGNS_FIELD: kept}, written.created > 0

    async def write(self, profiles: Sequence[ProfileDocument]) -> Written:
        """Write valid profiles, each of another player; give what came of it.

        Raises:
            Unavailable: the write could not be made, or its outcome is not known.
        """
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                return await self._profiles.put(profiles)
        except (TimeoutError, ProfilesUnavailable):
            raise Unavailable("profiles cannot be written now") from None

    async def delete(self, player_id: str) -> None:
        """Remove a profile.

        Raises:
            NotFound: there is none.
            Unavailable: it could not be removed, or the outcome is not known.
        """
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                found = await self._profiles.delete(player_id)
        except (TimeoutError, ProfilesUnavailable):
            raise Unavailable("profiles cannot be written now") from None
        if not found:
            raise NotFound("Profile not found")


def _same_set(stored: Any, active: list[str]) -> bool:
    if stored == active:
        return True
    try:
        return isinstance(stored, list) and len(stored) == len(active) and {*stored} == {*active}
    except TypeError:  # others may have stored what cannot be in a set
        return False
