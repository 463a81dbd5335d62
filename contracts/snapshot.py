"""CampaignSnapshot: all campaigns that run, will run or have run, as of one revision of the log."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    ConfigDict,
    Field,
    model_validator,
)

from contracts.campaign import Campaign
from contracts.contract import MAX_INTEGER, Received
from contracts.matchers import KeepsUnknownMatchers
from contracts.segment import Segment

SCHEMA = 1
MAX_RENEWALS = 100  # earlier stores that a snapshot names

Revision = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
# JSON has no UUID: strict mode would take only a UUID object.
Uuid = Annotated[UUID, Field(strict=False)]
# The stores that a log was renewed from, newest first.
Renewals = Annotated[tuple[Uuid, ...], Field(strict=False, max_length=MAX_RENEWALS)]


class SnapshotReason(StrEnum):
    """Why a snapshot or a heartbeat was sent."""

    STARTUP = "startup"
    CHANGE = "change"
    RECONNECT = "reconnect"
    HEARTBEAT = "heartbeat"
    REQUEST = "request"


class LogPosition(Received):
    """A place in a change log: the log's id, a revision, and the id of the change that made it.

    Two logs with the same store and revision but another head have diverged: one of
    them was replaced, by a restored backup for example.
    """

    store_id: Uuid
    revision: Revision
    head: Uuid


class PublishedCampaign(KeepsUnknownMatchers, Campaign):
    """A campaign with the revision of its last change.

    A receiver that holds the same name and revision of a store holds the same campaign.
    Unknown keys are ignored; matchers that cannot be read are UnknownMatchers.
    """

    model_config = ConfigDict(extra="ignore")

    revision: Revision


class PublishedSegment(KeepsUnknownMatchers, Segment):
    """A segment with the revision of its last change; read as a PublishedCampaign is."""

    model_config = ConfigDict(extra="ignore")

    revision: Revision


# Left out when there are none, as in the snapshots of versions without segments.
_Segments = Annotated[
    tuple[PublishedSegment, ...],
    Field(strict=False, exclude_if=lambda segments: not segments),
]


class SnapshotHeader(Received):
    """All of a snapshot but the campaigns.

    `renewed_from` are the stores that this one continues, newest first, at most 100. `segments`
    are all that there are. There is no time in it: a snapshot of a store and a revision is the
    same bytes from every replica.
    """

    schema_: int = Field(alias="schema", ge=SCHEMA, le=SCHEMA)
    store_id: Uuid
    renewed_from: Renewals = ()
    revision: Revision
    head: Uuid
    segments: _Segments = ()

    @model_validator(mode="after")
    def _segments_differ(self) -> Self:
        _check_names("segments", self.segments)
        return self

    @property
    def position(self) -> LogPosition:
        """Where in which log this snapshot was taken."""
        return LogPosition(store_id=self.store_id, revision=self.revision, head=self.head)


class CampaignSnapshot(SnapshotHeader):
    """Every campaign that is enabled and not archived, by name; scheduled and ended ones too."""

    campaigns: tuple[PublishedCampaign, ...]

    @model_validator(mode="before")
    @classmethod
    def _campaigns_as_tuple(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("campaigns"), list):
            return {**value, "campaigns": tuple(value["campaigns"])}
        return value

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        _check_names("campaigns", self.campaigns)
        return self


def _check_names(what: str, named: Sequence[Campaign | Segment]) -> None:
    if len({each.name for each in named}) != len(named):
        message = f"{what} must have different names"
        raise ValueError(message)
