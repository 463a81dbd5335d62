"""ProfileRepository: where profiles are kept, as the service sees it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from contracts.profile import ACTIVE_CAMPAIGNS_FIELD, SERVICE_FIELDS
from profile_service.profiles.lists import PlayerLists
from profile_service.profiles.outages import StoreOutages
from profile_service.profiles.query import Query

# A profile as it is stored: JSON's types, and whatever else BSON has when others wrote it.
ProfileDocument = dict[str, Any]

# Raises what forbids a write of a player for whom this is stored (None: nothing).
Condition = Callable[[ProfileDocument | None], None]
# Returns what takes the place of a field's stored value (None: there is none), or raises what
# forbids the write. An empty list removes the field.
FieldChange = Callable[[Any], list[Any]]


@dataclass(frozen=True)
class Written:
    """How many profiles a write created and how many it replaced.

    `conflicts` are the ids that could not be written because another document holds them, in
    a list of ids; `contended` those that kept changing meanwhile. `kept` is what the written
    profiles have in the service's own fields now, by player id.
    """

    created: int
    replaced: int
    conflicts: frozenset[str] = frozenset()
    contended: frozenset[str] = frozenset()
    kept: dict[str, ProfileDocument] = field(default_factory=dict, compare=False)


def kept_of(stored: Mapping[str, Any]) -> ProfileDocument:
    """Return what a write keeps of a stored document: the service's own fields, where there are.

    `active_campaigns` is always among them, empty for a new profile.
    """
    kept = {field: stored[field] for field in SERVICE_FIELDS if field in stored}
    if kept.get(ACTIVE_CAMPAIGNS_FIELD) is None:
        kept[ACTIVE_CAMPAIGNS_FIELD] = []
    return kept


def written_document(profile: ProfileDocument, kept: ProfileDocument) -> ProfileDocument:
    """Return what a write stores: the profile as sent, and the service's own fields as kept.

    Each of those stands where it was sent, or at the end.
    """
    sent = {
        field: value
        for field, value in profile.items()
        if field in kept or field not in SERVICE_FIELDS
    }
    return {**sent, **kept}


@dataclass(frozen=True)
class ActiveCampaignsUpdate:
    """A new value for a profile's `active_campaigns`, valid only while the profile is as read.

    `read` is the value that the document held, `decided_on` are the other fields that the new
    one follows from. None stands for a missing field too.
    """

    player_id: str
    read: Any
    active_campaigns: list[str]
    decided_on: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Counted:
    """How many profiles match a query, out of about how many, and the ids of some of them.

    Unless it `is_exact`, the time ran out: at least so many match.
    """

    matching: int
    total: int
    sample: list[str]
    is_exact: bool


class ProfilesUnavailable(Exception):
    """The profiles cannot be reached, or did not answer in time."""


class ProfilesRefused(ProfilesUnavailable):
    """Too many requests wait for profiles already."""


class ProfilesClosed(ProfilesUnavailable):
    """The service is stopping."""


class ProfileContended(Exception):
    """A profile kept changing while it was to be written; nothing was written."""


class ProfileUnreadable(Exception):
    """Stored profiles cannot be decoded.

    `unreadable` are their ids, `found` the other profiles that were asked for with them.
    """

    def __init__(
        self,
        reason: str,
        unreadable: frozenset[str] = frozenset(),
        found: Mapping[str, ProfileDocument] | None = None,
    ) -> None:
        super().__init__(reason)
        self.unreadable = unreadable
        self.found = found or {}


class ProfileRepository(Protocol):
    """Profiles by player id. Every method raises ProfilesUnavailable when it cannot do its work.

    `outages` says which operations fail now.
    """

    @property
    def outages(self) -> StoreOutages:
        """What fails now, and why."""
        ...

    @property
    def lists(self) -> PlayerLists:
        """The player lists, which are kept in the profiles."""
        ...

    async def get(self, player_id: str) -> ProfileDocument | None:
        """Return the stored document without its `_id`, or None when there is none.

        Raises:
            ProfileUnreadable: it cannot be decoded.
        """
        ...

    async def get_many(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
        """Return the stored documents without their `_id`, by player id, where there are any.

        Raises:
            ProfileUnreadable: some cannot be decoded; the error holds the others.
        """
        ...

    async def put(self, profiles: Sequence[ProfileDocument]) -> Written:
        """Write profiles whole, each with another player_id.

        A stored profile keeps the service's own fields (`contracts.profile.SERVICE_FIELDS`) as
        they are; a new one starts with empty `active_campaigns` and none of the others.
        """
        ...

    async def put_if(self, profile: ProfileDocument, condition: Condition) -> Written:
        """Write one profile as `put` does, if `condition` allows it.

        The condition and the write are one step: what is replaced is what was judged.
        Whatever the condition raises is raised, and nothing is written.

        Raises:
            ProfileUnreadable: the stored one cannot be decoded.
        """
        ...

    async def delete(self, player_id: str) -> bool:
        """Remove a profile, with all copies of it; return whether there was one."""
        ...

    async def delete_if(self, player_id: str, condition: Condition) -> bool:
        """Remove the profile that `condition` allows to remove; return whether there was one.

        The condition and the removal are one step, as in `put_if`.

        Raises:
            ProfileContended: it kept changing meanwhile.
            ProfileUnreadable: the stored one cannot be decoded.
        """
        ...

    async def change_overrides(self, player_id: str, change: FieldChange) -> bool:
        """Change a profile's `overrides` and no other field; return whether there is a profile.

        Reading and writing are one step. Whatever the change raises is raised, and nothing is
        written.

        Raises:
            ProfileContended: the field kept changing meanwhile.
        """
        ...

    async def update_active_campaigns(self, updates: Sequence[ActiveCampaignsUpdate]) -> int:
        """Set that one field where the profile is still as it was read; return how many were set.

        Never creates a profile.
        """
        ...

    async def count(self, query: Query, *, seconds: float, sample: int) -> Counted:
        """Count the profiles that match, for about `seconds`; name up to `sample` of them.

        A stored document that cannot be decoded matches only as far as the store itself can say.
        """
        ...

    async def ping(self) -> None:
        """Do nothing but reach the store."""
        ...

    async def prepare(self) -> list[str]:
        """Make the unique index on player_id; return the duplicates that forbid it (at most 10).

        It is made when there are none. This may take minutes.
        """
        ...
