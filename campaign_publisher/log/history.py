"""The history of the campaigns, page by page, as the log has it."""

from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from campaign_publisher.log.change import LogUnavailable
from campaign_publisher.log.replica import LogReplica
from foundation.errors import Unavailable

MAX_CHANGES = 1000
MAX_CHANGES_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Page:
    """Changes as JSON, their store, and the start of the next page; None on the last one."""

    store_id: UUID
    changes: tuple[bytes, ...]
    next: int | None


async def read_page(replica: LogReplica, since: int) -> Page:
    """Return the changes after revision `since`, at most 1,000 or 16 MiB of them.

    Raises:
        Unavailable: the log cannot be read now, or was replaced.
    """
    if replica.replaced:
        raise Unavailable("the change log was replaced: its history waits for POST /store/renew")
    store_id = replica.state.store_id
    changes: list[bytes] = []
    size = 0
    last = since
    try:
        async with aclosing(replica.log.read(since + 1)) as found:
            async for change in found:
                text = change.model_dump_json(exclude_none=True).encode()
                size += len(text)
                if changes and (len(changes) == MAX_CHANGES or size > MAX_CHANGES_BYTES):
                    return Page(store_id, tuple(changes), next=last)
                changes.append(text)
                last = change.revision
    except LogUnavailable as error:
        replica.listing.failed(error)
        raise Unavailable("the change log cannot be read") from error
    replica.listing.recovered()
    return Page(store_id, tuple(changes), next=None)
