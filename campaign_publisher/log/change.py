"""Change: one commit to campaigns and segments; and ChangeLog, where commits are kept."""

from collections.abc import AsyncGenerator
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from contracts.campaign import LoggedCampaign
from contracts.contract import Received
from contracts.instants import Instant
from contracts.segment import LoggedSegment
from contracts.snapshot import Revision, Uuid

SERVICE_ACTOR = "campaign service"  # the actor of changes that no operator asked for
MAX_CHANGE_BYTES = 12 * 1024 * 1024  # of its document; MongoDB holds no more than 16 MiB


class Operation(StrEnum):
    """The operations of the log. A later version may write others."""

    FOUND = "found"
    PUT = "put"
    PATCH = "patch"
    DELETE = "delete"
    IMPORT = "import"
    PUT_SEGMENT = "put_segment"
    DELETE_SEGMENT = "delete_segment"
    IMPORT_SEGMENTS = "import_segments"
    RENEW = "renew"
    ARCHIVE = "archive"


def _is_empty(values: tuple[object, ...]) -> bool:
    return not values


# Left out when it is empty, as in the changes of versions without segments.
_OrAbsent = Field(strict=False, exclude_if=_is_empty)


class Change(Received):
    """One commit: campaigns written (`put`), names removed (`deleted`), the actor and the time.

    `put_segments` and `deleted_segments` are the same of segments, and absent when empty.
    `previous` is the id of the change before this one; None only at revision 0. Revision 0
    creates a store and names its `store_id`; a renewal gives the log a new `store_id`, with
    the one that it continues in `renewed_from`. A change is folded by these fields alone:
    an `op` of a later version is no obstacle, and its unknown keys are kept.
    """

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, JsonValue]

    revision: Revision
    id: Uuid
    previous: Uuid | None = None
    at: Instant
    actor: str
    op: str
    put: Annotated[tuple[LoggedCampaign, ...], Field(strict=False)] = ()
    deleted: Annotated[tuple[str, ...], Field(strict=False)] = ()
    store_id: Uuid | None = None
    renewed_from: Uuid | None = None
    put_segments: Annotated[tuple[LoggedSegment, ...], _OrAbsent] = ()
    deleted_segments: Annotated[tuple[str, ...], _OrAbsent] = ()


class Checkpoint(Received):
    """The state as of the change `head` at `revision`, as bytes of JSON."""

    revision: Revision
    head: Uuid
    state: bytes


class LogUnavailable(Exception):
    """The log could not be read, or a write was certainly not made.

    The text is shown by /health, which everybody may read: no secret may be in it.
    """


class AppendUnsettled(LogUnavailable):
    """A write was sent and nothing tells whether it was made."""


class ChangeTooLarge(Exception):
    """A change is over what one document of the log may hold."""


class ChangeLog(Protocol):
    """An append-only log of changes, one per revision, shared by all replicas."""

    def read(self, first: int) -> AsyncGenerator[Change, None]:
        """Yield the changes from revision `first` (included) on, in order.

        Raises:
            LogUnavailable: it cannot be read.
        """
        ...

    async def holds(self, revision: int, change_id: UUID) -> bool:
        """Return whether the change at a revision is the one with this id.

        Raises:
            LogUnavailable: it cannot be read.
        """
        ...

    async def is_free(self, revision: int) -> bool:
        """Return whether the log has no change at a revision.

        Read so that a server which is no longer the primary cannot answer: a state before a
        free revision was the newest one when this was called.

        Raises:
            LogUnavailable: it cannot be read.
        """
        ...

    async def newest_store(self) -> int:
        """Return the revision of the newest change that names a store, 0 when none does.

        Raises:
            LogUnavailable: it cannot be read.
        """
        ...

    async def newest(self) -> Change | None:
        """Return the change with the highest revision, or None when the log is empty.

        Raises:
            LogUnavailable: it cannot be read.
        """
        ...

    async def append(self, change: Change) -> bool:
        """Commit a change; return False when its revision is taken by a change with another id.

        Appending a change that the log already holds is a success: a write whose
        outcome was hidden may be repeated.

        Raises:
            ChangeTooLarge: its document would be over MAX_CHANGE_BYTES.
            AppendUnsettled: the write may or may not have been made.
            LogUnavailable: the write was certainly not made.
        """
        ...

    async def newest_checkpoint(self) -> Checkpoint | None:
        """Return the newest complete checkpoint whose head the log holds, if there is one.

        Raises:
            LogUnavailable: it cannot be read.
        """
        ...

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint beside the log, and forget all but the newest two.

        Raises:
            LogUnavailable: it cannot be written.
        """
        ...

    async def prepare(self) -> None:
        """Make the log ready for use: make its table, or check its form.

        Raises:
            LogUnavailable: it cannot be used now, or holds a log of an earlier form.
        """
        ...
