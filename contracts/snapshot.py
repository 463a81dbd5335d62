"""CampaignSnapshot: all campaigns that run or will run, as of one revision of the change log."""

from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from contracts.campaign import Campaign, Contract
from contracts.instants import Instant

SCHEMA = 1

Revision = Annotated[int, Field(ge=0, lt=2**63)]
# JSON has no UUID: strict mode would take only a UUID object.
Uuid = Annotated[UUID, Field(strict=False)]


class SnapshotReason(StrEnum):
    """Why a snapshot was published."""

    STARTUP = "startup"
    CHANGE = "change"
    RECONNECT = "reconnect"


class LogPosition(Contract):
    """A place in a change log: the log's id, a revision, and the id of the change that made it.

    Two logs with the same store and revision but another head have parted: one of
    them was replaced, by a restored backup for example.
    """

    store_id: Uuid
    revision: Revision
    head: Uuid


class PublishedCampaign(Campaign):
    """A campaign with the revision of its last change.

    A receiver that holds the same name, revision and `last_updated` holds the same campaign.
    """

    revision: Revision


class SnapshotHeader(Contract):
    """All of a snapshot but the campaigns.

    `renewed_from` is the store that this one continues. `log_age` is in seconds: how
    long before `published_at` the log was last read and this revision seen as its newest.
    """

    schema_: int = Field(alias="schema", ge=SCHEMA, le=SCHEMA)
    store_id: Uuid
    renewed_from: Uuid | None = None
    revision: Revision
    head: Uuid
    published_at: Instant
    log_age: Annotated[float, Field(ge=0)]
    reason: Annotated[SnapshotReason, Field(strict=False)]

    @property
    def position(self) -> LogPosition:
        """Where in which log this snapshot was taken."""
        return LogPosition(store_id=self.store_id, revision=self.revision, head=self.head)


class CampaignSnapshot(SnapshotHeader):
    """Every campaign that is enabled and has not ended, scheduled ones included."""

    campaigns: tuple[PublishedCampaign, ...]

    @model_validator(mode="before")
    @classmethod
    def _campaigns_as_tuple(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("campaigns"), list):
            return {**value, "campaigns": tuple(value["campaigns"])}
        return value

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        if len({campaign.name for campaign in self.campaigns}) != len(self.campaigns):
            message = "campaigns must have different names"
            raise ValueError(message)
        return self
