"""Change: one commit to the campaigns; and ChangeLog, where commits are kept."""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import Field

from contracts.campaign import Campaign, Contract
from contracts.instants import Instant
from contracts.snapshot import Revision, Uuid

MAX_CHANGE_BYTES = 12 * 1024 * 1024  # of its document; MongoDB holds no more than 16 MiB


class Operation(StrEnum):
    """What an operator did."""

    FOUND = "found"
    PUT = "put"
    PATCH = "patch"
    DELETE = "delete"
    IMPORT = "import"
    RENEW = "renew"


class Change(Contract):
    """One commit: what was written (`put`) and what was removed (`deleted`), by whom and when.

    Revision 0 founds a store and gives its `store_id`; a renewal gives the log a new
    `store_id`, with the one that it continues in `renewed_from`.
    """

    revision: Revision
    id: Uuid
    at: Instant
    actor: str
    op: Annotated[Operation, Field(strict=False)]
    put: Annotated[tuple[Campaign, ...], Field(strict=False)] = ()
    deleted: Annotated[tuple[str, ...], Field(strict=False)] = ()
    store_id: Uuid | None = None
    renewed_from: Uuid | None = None


class Checkpoint(Contract):
    """The state of the campaigns as of the change `head` at `revision`, as bytes of JSON."""

    revision: Revision
    head: Uuid
    state: bytes


class LogUnavailable(Exception):
    """The log could not be read, or a write was certainly not made."""


class AppendUnsettled(LogUnavailable):
    """A write was sent and nothing tells whether it was made."""


class ChangeTooLarge(Exception):
    """A change is over what one document of the log may hold."""


class ChangeLog(Protocol):
    """An append-only log of changes, one per revision, shared by all replicas."""

    def read(self, first: int) -> AsyncIterator[Change]:
        """Yield the changes from revision `first` (included) on, in order.

        Raises:
            LogUnavailable: it cannot be read.
        """
        ...

    async def newest(self) -> Change | None:
        """Give the change with the highest revision, or None when the log is empty.

        Raises:
            LogUnavailable: it cannot be read.
        """
        ...

    async def append(self, change: Change) -> bool:
        """Commit a change; False when its revision is taken by a change with another id.

        Appending a change that the log already holds is a success: a write whose
        outcome was hidden may be repeated.

        Raises:
            ChangeTooLarge: its document would be over MAX_CHANGE_BYTES.
            AppendUnsettled: the write may or may not have been made.
            LogUnavailable: the write was certainly not made.
        """
        ...

    async def newest_checkpoint(self) -> Checkpoint | None:
        """Give the newest complete checkpoint whose head the log holds, if there is one.

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
        """Make the log ready for use: its unique index, or its table.

        Raises:
            LogUnavailable: it cannot be made now.
        """
        ...
