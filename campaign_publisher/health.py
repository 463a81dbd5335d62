"""What the health routes say: the log, the publishing, and both together."""

from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from campaign_publisher.log.replica import LogReplica
from campaign_publisher.publishing.publisher import SnapshotChannel, SnapshotPublisher


class HealthStatus(StrEnum):
    """What the service as a whole is."""

    OK = "ok"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"
    DRAINING = "draining"


class LogCheck(BaseModel):
    """Whether the log can be read; `age` is the seconds since the last time that it was."""

    status: Literal["ok", "degraded", "loading", "unreadable", "log replaced"]
    store_id: UUID | None = None
    revision: int | None = None
    campaigns: int | None = None
    age: float | None = None
    detail: str | None = None


class PublishingCheck(BaseModel):
    """Whether RabbitMQ has confirmed the newest snapshot."""

    status: Literal["ok", "behind"]
    connected: bool
    confirmed_revision: int | None
    failures_in_a_row: int
    snapshots_sent: int
    heartbeats_sent: int


class Checks(BaseModel):
    """Each check by its name."""

    log: LogCheck
    publishing: PublishingCheck


class Health(BaseModel):
    """The answer of the health routes."""

    status: HealthStatus
    checks: Checks

    @property
    def is_ready(self) -> bool:
        """Whether requests should be sent here."""
        return self.status in {HealthStatus.OK, HealthStatus.DEGRADED}


def examine(
    replica: LogReplica, publisher: SnapshotPublisher, channel: SnapshotChannel, *, draining: bool
) -> Health:
    """Look at everything that the service needs. RabbitMQ's absence only degrades it."""
    checks = Checks(log=_log(replica), publishing=_publishing(replica, publisher, channel))
    if draining:
        status = HealthStatus.DRAINING
    elif checks.log.status not in {"ok", "degraded"}:
        status = HealthStatus.UNAVAILABLE
    elif checks.log.status != "ok" or checks.publishing.status != "ok":
        status = HealthStatus.DEGRADED
    else:
        status = HealthStatus.OK
    return Health(status=status, checks=checks)


def _log(replica: LogReplica) -> LogCheck:
    if not replica.is_loaded:
        return LogCheck(status="loading", detail=replica.problem)
    state = replica.state
    status: Literal["ok", "degraded", "unreadable", "log replaced"]
    if replica.replaced:
        status, detail = "log replaced", replica.problem
    elif not replica.is_current:
        status, detail = "unreadable", None
    elif replica.appending.is_failing:
        status, detail = "degraded", "the log cannot be written"
    else:
        status, detail = "ok", None
    return LogCheck(
        status=status,
        detail=detail,
        store_id=state.store_id,
        revision=state.revision,
        campaigns=len(state.campaigns),
        age=round(replica.age, 3),
    )


def _publishing(
    replica: LogReplica, publisher: SnapshotPublisher, channel: SnapshotChannel
) -> PublishingCheck:
    confirmed = publisher.confirmed
    newest = replica.state.position if replica.is_loaded else None
    works = channel.is_up and not publisher.failures_in_a_row
    return PublishingCheck(
        status="ok" if works and confirmed is not None and confirmed == newest else "behind",
        connected=channel.is_up,
        confirmed_revision=None if confirmed is None else confirmed.revision,
        failures_in_a_row=publisher.failures_in_a_row,
        snapshots_sent=publisher.snapshots_sent,
        heartbeats_sent=publisher.heartbeats_sent,
    )
