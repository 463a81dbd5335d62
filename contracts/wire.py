"""The names on the wire between the two services, and its limits.

A snapshot event's body is a CampaignSnapshot as JSON; a heartbeat's body is empty.
Both carry a SnapshotEvent in their AMQP headers, and so does every answer to
GET /snapshot in its HTTP headers, so that a receiver who holds the revision
already need not read the body.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from contracts.campaign import Contract
from contracts.snapshot import LogPosition, Revision, Uuid

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

_FIELDS = {
    "store_id": STORE_ID_HEADER,
    "revision": REVISION_HEADER,
    "head": HEAD_HEADER,
    "log_age": LOG_AGE_HEADER,
    "heartbeat_interval": HEARTBEAT_HEADER,
}


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        message = "must be a number"
        raise ValueError(message)  # noqa: TRY004 - pydantic makes a ValidationError of it
    return value


# Numbers travel as text.
_NumberText = BeforeValidator(_no_bool)


class SnapshotEvent(Contract):
    """What the headers of a snapshot or a heartbeat say.

    `log_age` and `heartbeat_interval` are in seconds; the interval is how often the
    sender repeats itself when nothing changes.
    """

    store_id: Uuid
    revision: Annotated[Revision, Field(strict=False), _NumberText]
    head: Uuid
    log_age: Annotated[float, Field(ge=0, strict=False), _NumberText]
    heartbeat_interval: Annotated[float, Field(gt=0, strict=False), _NumberText]

    @property
    def position(self) -> LogPosition:
        """Where in which log the sender is."""
        return LogPosition(store_id=self.store_id, revision=self.revision, head=self.head)

    def to_headers(self) -> dict[str, str]:
        """Give the headers; all values are text, as HTTP has no other."""
        return {header: str(getattr(self, field)) for field, header in _FIELDS.items()}

    @classmethod
    def from_headers(cls, headers: Mapping[str, object]) -> "SnapshotEvent":
        """Read the headers of an event or of an HTTP answer; headers of others are ignored.

        Raises:
            pydantic.ValidationError: one is missing or is not what it must be.
        """
        return cls.model_validate(
            {field: headers[header] for field, header in _FIELDS.items() if header in headers}
        )


def snapshot_etag(position: LogPosition) -> str:
    """Give the weak ETag of a snapshot: the body also holds times, which are not compared."""
    return f'W/"{position.store_id}-{position.revision}"'
