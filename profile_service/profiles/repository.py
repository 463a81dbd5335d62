"""ProfileRepository: where profiles are kept, as the service sees it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from profile_service.profiles.outages import StoreOutages

# A profile as it is stored: JSON's types, and whatever else BSON has when others wrote it.
ProfileDocument = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """How many profiles a write made and how many it replaced.

    `conflicts` are the ids of those that it could not write: they kept changing meanwhile,
    or another document holds the id, in a list of ids. `active_campaigns` is what the written
    ones have there now, by player id.
    """

    created: int
    replaced: int
    conflicts: frozenset[str] = frozenset()
    active_campaigns: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class ActiveCampaignsUpdate:
    """A new value for a profile's `active_campaigns`, valid only while it is still `read`.

    `read` is what the document held; None stands for a missing field too.
    """

    player_id: str
    read: Any
    active_campaigns: list[str]


class ProfilesUnavailable(Exception):
    """The profiles cannot be reached, or did not answer in time."""


class ProfileUnreadable(Exception):
    """A stored profile, or one of those that were asked for together, cannot be decoded."""


class ProfileRepository(Protocol):
    """Profiles by player id. Every method raises ProfilesUnavailable when it cannot do its work.

    `outages` says which operations fail now.
    """

    @property
    def outages(self) -> StoreOutages:
        """What fails now, and why."""
        ...

    async def get(self, player_id: str) -> ProfileDocument | None:
        """Give the stored document without its `_id`, or None when there is none.

        Raises:
            ProfileUnreadable: it cannot be decoded.
        """
        ...

    async def get_many(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
        """Give the stored documents without their `_id`, by player id, of those there are.

        Raises:
            ProfileUnreadable: one of them cannot be decoded.
        """
        ...

    async def put(self, profiles: Sequence[ProfileDocument]) -> Written:
        """Write profiles whole, each with another player_id.

        A stored profile keeps its `active_campaigns`; a new one starts with an empty list.
        """
        ...

    async def delete(self, player_id: str) -> bool:
        """Remove a profile, with all copies of it; False when there is none."""
        ...

    async def update_active_campaigns(self, updates: Sequence[ActiveCampaignsUpdate]) -> int:
        """Set that one field where the stored value is still what was read; give how many were.

        Never creates a profile.
        """
        ...

    async def ping(self) -> None:
        """Do nothing but reach the store."""
        ...

    async def prepare(self) -> list[str]:
        """Make the unique index on player_id; give the duplicates that forbid it (at most 10).

        It is made when there are none. This may take minutes.
        """
        ...
