"""The names on the wire between the two services, and its limits.

A snapshot event's body is a CampaignSnapshot as JSON; a heartbeat's body is empty.
Both carry a SnapshotEvent in their AMQP headers, and so does every answer to
GET /snapshot in its HTTP headers, so that a receiver that holds the
revision already need not read the body.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from contracts.contract import Received
from contracts.instants import Instant, format_instant
from contracts.snapshot import LogPosition, Revision, SnapshotReason, Uuid

SNAPSHOT_EXCHANGE = "campaigns.snapshot"  # fanout, durable
DEAD_LETTER_EXCHANGE = "campaigns.dead"  # fanout, durable
DEAD_LETTER_QUEUE = "campaigns.dead"
INSTANCE_QUEUE_PREFIX = "profile."

SNAPSHOT_TYPE = "campaigns.snapshot"
HEARTBEAT_TYPE = "campaigns.heartbeat"

SNAPSHOT_PATH = "/snapshot"

MAX_SNAPSHOT_BYTES = 12 * 1024 * 1024

STORE_ID_HEADER = "x-store-id"
REVISION_HEADER = "x-revision"
HEAD_HEADER = "x-head"
LOG_AGE_HEADER = "x-log-age"
HEARTBEAT_HEADER = "x-heartbeat-interval"
PUBLISHED_AT_HEADER = "x-published-at"
REASON_HEADER = "x-reason"

_FIELDS = {
    "store_id": STORE_ID_HEADER,
    "revision": REVISION_HEADER,
    "head": HEAD_HEADER,
    "log_age": LOG_AGE_HEADER,
    "heartbeat_interval": HEARTBEAT_HEADER,
    "published_at": PUBLISHED_AT_HEADER,
    "reason": REASON_HEADER,
}


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        message = "must be a number"
        raise ValueError(message)  # noqa: TRY004 - pydantic makes a ValidationError of it
    return value


# Numbers travel as text.
_NumberText = BeforeValidator(_no_bool)


class SnapshotEvent(Received):
    """The headers of a snapshot, of a heartbeat, and of an answer to GET /snapshot.

    `log_age` and `heartbeat_interval` are in seconds: how long before `published_at` the log
    was last read and this revision seen as its newest, and how often the sender repeats
    itself when nothing changes. `published_at` and `reason` are for people: a reader takes a
    message without them, and a reason that it does not know.
    """

    store_id: Uuid
    revision: Annotated[Revision, Field(strict=False), _NumberText]
    head: Uuid
    log_age: Annotated[float, Field(ge=0, strict=False), _NumberText]
    heartbeat_interval: Annotated[float, Field(gt=0, strict=False), _NumberText]
    published_at: Instant | None = None
    reason: SnapshotReason | str | None = None

    @property
    def position(self) -> LogPosition:
        """Where in which log the sender is."""
        return LogPosition(store_id=self.store_id, revision=self.revision, head=self.head)

    def to_headers(self) -> dict[str, str]:
        """Return the headers; all values are text, as HTTP has no other."""
        values = {field: getattr(self, field) for field in _FIELDS}
        return {
            _FIELDS[field]: format_instant(value) if isinstance(value, datetime) else str(value)
            for field, value in values.items()
            if value is not None
        }

    @classmethod
    def from_headers(cls, headers: Mapping[str, object]) -> "SnapshotEvent":
        """Read the headers of an event or of an HTTP answer; other headers are ignored.

        Raises:
            pydantic.ValidationError: one is missing or is not what it must be.
        """
        return cls.model_validate(
            {field: headers[header] for field, header in _FIELDS.items() if header in headers}
        )


def snapshot_etag(position: LogPosition) -> str:
    """Return the ETag of a snapshot: weak, as a compressed body may carry it too."""
    return f'W/"{position.store_id}-{position.revision}"'
