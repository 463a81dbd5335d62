"""ProfileService: what is answered to a game's client, and how profiles are written."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from contracts.profile import ACTIVE_CAMPAIGNS_FIELD, LISTS_FIELD, OVERRIDES_FIELD, Override
from contracts.snapshot import LogPosition
from foundation.clock import Clock
from foundation.errors import Conflict, NotFound, Unavailable
from foundation.preconditions import Preconditions
from profile_service.cache.cache import CampaignCache
from profile_service.matching.compiled import CompiledCampaigns
from profile_service.matching.overrides import Override as HeldOverride
from profile_service.profiles.loader import ProfileLoader
from profile_service.profiles.overrides import in_force, removing, setting, valid_override
from profile_service.profiles.rendering import etag_of_profile
from profile_service.profiles.repository import (
    ActiveCampaignsUpdate,
    Condition,
    FieldChange,
    ProfileContended,
    ProfileDocument,
    ProfileRepository,
    ProfilesClosed,
    ProfilesRefused,
    ProfilesUnavailable,
    ProfileUnreadable,
    Written,
    written_document,
)
from profile_service.profiles.updates import PendingUpdates
from profile_service.profiles.validation import valid_profile

WRITE_SECONDS = 10.0
CONFLICT = "another document holds this player_id"
CONTENDED = "the profile kept changing meanwhile; try again"
UNREADABLE = "the profile cannot be read"

UNCONDITIONAL = Preconditions()

CAMPAIGNS_FIELD = "campaigns"  # of the answer
# For operators: a client needs neither, and an override names an operator.
_OPERATORS_FIELDS = (LISTS_FIELD, OVERRIDES_FIELD)

Result = TypeVar("Result")


class ClientConfig(NamedTuple):
    """A profile with its active campaigns, and which campaigns it was compared with.

    `age` is in seconds: how long ago that revision was known to be the newest. `overridden`
    says whether an override of the player is about one of the campaigns.
    """

    document: ProfileDocument
    revision: int
    age: float
    stale: bool
    overridden: bool


class Wanted(NamedTuple):
    """What a client asks for besides the profile: the campaigns, those with one of the tags."""

    tags: frozenset[str] | None = None


class StoredProfile(NamedTuple):
    """A profile as a write left it, with its ETag, and whether the write created it."""

    document: ProfileDocument
    etag: str
    created: bool


def writable_position(cache: CampaignCache) -> LogPosition | None:
    """Return the revision whose campaigns may be written into profiles; None while stale.

    A stale instance would undo what others have written.
    """
    return None if cache.is_stale else cache.position


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
        self.lists = profiles.lists
        self._profiles = profiles
        self._cache = cache
        self._updates = updates
        self._clock = clock
        self._hidden_fields = tuple(hidden_fields)

    async def client_config(self, player_id: str, wanted: Wanted | None = None) -> ClientConfig:
        """Return a player's profile with the campaigns that are active and match now.

        With `wanted`, what a client needs of each campaign is added as `campaigns`.

        Raises:
            NotFound: there is no such profile.
            Unavailable: no snapshot is held yet, or the profile did not come within 2 s.
        """
        if self._cache.held is None:
            raise Unavailable("no campaigns are known yet")
        document = await self.profile(player_id)
        held = self._cache.held
        active, overrides = held.campaigns.matched(document, self._clock.now())
        stale = self._cache.is_stale
        stored = document.get(ACTIVE_CAMPAIGNS_FIELD)
        # What a tester is shown is nothing that others should read in the profile.
        is_written = self._updates is not None and not stale and not overrides
        if self._updates is not None and is_written and not _same_set(stored, active):
            decided_on = {field: document.get(field) for field in held.campaigns.matched_fields}
            self._updates.add(
                ActiveCampaignsUpdate(player_id, stored, active, decided_on), held.position
            )
        shown = {**document, ACTIVE_CAMPAIGNS_FIELD: active}
        for field in _OPERATORS_FIELDS:
            shown.pop(field, None)
        if wanted is not None:
            shown[CAMPAIGNS_FIELD] = _offers(held.campaigns, active, overrides, document, wanted)
        for field in self._hidden_fields:
            shown.pop(field, None)
        return ClientConfig(
            document=shown,
            revision=held.position.revision,
            age=held.staleness(self._clock.elapsed()),
            stale=stale,
            overridden=bool(overrides),
        )

    async def profile(self, player_id: str) -> ProfileDocument:
        """Return the stored profile. It is shared with other requests: don't change it.

        Raises:
            NotFound: there is none.
            Unavailable: it did not come within 2 s, or cannot be read.
        """
        try:
            document = await self.loader.load(player_id)
        except (ProfilesRefused, ProfilesClosed) as error:
            raise Unavailable(str(error)) from None
        except ProfilesUnavailable:
            raise Unavailable("profiles cannot be reached") from None
        except ProfileUnreadable:
            raise Unavailable(UNREADABLE) from None
        if document is None:
            raise NotFound("Profile not found")
        return document

    async def close(self) -> None:
        """Fail all pending loads: the service is stopping."""
        await self.loader.close()

    async def put(
        self, player_id: str, body: Any, conditions: Preconditions = UNCONDITIONAL
    ) -> StoredProfile:
        """Write a profile as it was sent, but for the service's own fields.

        Raises:
            Invalid: naming each field that is wrong.
            PreconditionFailed: `conditions` do not hold for the stored profile.
            Conflict: what is stored does not let it be written.
            Unavailable: the write could not be made, or its outcome is not known.
        """
        profile = valid_profile(body, player_id)
        if conditions:
            written = await within_limit(self._profiles.put_if(profile, _holding(conditions)))
        else:
            written = await self.write([profile])
        if written.conflicts:
            raise Conflict(CONFLICT)
        if written.contended:
            raise Unavailable(CONTENDED)
        document = written_document(profile, written.kept[player_id])
        return StoredProfile(document, etag_of_profile(document), written.created > 0)

    async def write(self, profiles: Sequence[ProfileDocument]) -> Written:
        """Write valid profiles, each of another player; return what came of it.

        Raises:
            Unavailable: the write could not be made, or its outcome is not known.
        """
        return await within_limit(self._profiles.put(profiles))

    async def delete(self, player_id: str, conditions: Preconditions = UNCONDITIONAL) -> None:
        """Remove a profile.

        Raises:
            PreconditionFailed: `conditions` do not hold for the stored profile.
            NotFound: there is none.
            Unavailable: it could not be removed, or the outcome is not known.
        """
        if conditions:
            found = await within_limit(self._profiles.delete_if(player_id, _holding(conditions)))
        else:
            found = await within_limit(self._profiles.delete(player_id))
        if not found:
            raise NotFound("Profile not found")

    async def set_override(
        self, player_id: str, campaign: str, body: Any, *, actor: str
    ) -> Override:
        """Put a player into a campaign, or keep the player out of it, until a time.

        Raises:
            Invalid: naming each field that is wrong.
            NotFound: there is no such profile.
            Conflict: the player has too many overrides.
            Unavailable: the write could not be made, or its outcome is not known.
        """
        now = self._clock.now()
        override = valid_override(body, campaign, actor=actor, now=now)
        await self._change_overrides(player_id, setting(override, now))
        return override

    async def remove_override(self, player_id: str, campaign: str) -> None:
        """Let the campaign be for the player what it is for all others.

        Raises:
            NotFound: there is no such profile, or it has no such override.
            Unavailable: the write could not be made, or its outcome is not known.
        """
        await self._change_overrides(player_id, removing(campaign, self._clock.now()))

    async def overrides(self, player_id: str) -> list[ProfileDocument]:
        """Return the player's overrides that hold now, as they are stored.

        Raises:
            NotFound: there is no such profile.
            Unavailable: it did not come within 2 s, or cannot be read.
        """
        document = await self.profile(player_id)
        return in_force(document.get(OVERRIDES_FIELD), self._clock.now())

    async def _change_overrides(self, player_id: str, change: FieldChange) -> None:
        if not await within_limit(self._profiles.change_overrides(player_id, change)):
            raise NotFound("Profile not found")


def _holding(conditions: Preconditions) -> Condition:
    """Return the preconditions of a request as a condition on what is stored."""

    def check(stored: ProfileDocument | None) -> None:
        conditions.check(None if stored is None else etag_of_profile(stored))

    return check


async def within_limit(write: Awaitable[Result]) -> Result:
    """Await a write.

    Raises:
        Unavailable: it could not be made, or its outcome is not known.
    """
    try:
        async with asyncio.timeout(WRITE_SECONDS):
            return await write
    except (TimeoutError, ProfilesUnavailable):
        raise Unavailable("profiles cannot be written now") from None
    except ProfileContended:
        raise Unavailable(CONTENDED) from None
    except ProfileUnreadable:
        raise Unavailable(UNREADABLE) from None


def _offers(
    campaigns: CompiledCampaigns,
    names: Sequence[str],
    overrides: Mapping[str, HeldOverride],
    profile: ProfileDocument,
    wanted: Wanted,
) -> list[dict[str, Any]]:
    """Return the offers of the player's campaigns, in their order."""
    offers: list[dict[str, Any]] = []
    for name in names:
        offer = campaigns.offer(name)
        if wanted.tags is None or not wanted.tags.isdisjoint(offer.tags):
            override = overrides.get(name)
            variant = offer.variant(profile, override.variant if override else None)
            offers.append(offer.content(variant))
    return offers


def _same_set(stored: Any, active: list[str]) -> bool:
    if stored == active:
        return True
    try:
        return isinstance(stored, list) and len(stored) == len(active) and {*stored} == {*active}
    except TypeError:  # others may have stored what cannot be in a set
        return False
