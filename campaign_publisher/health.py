"""The health checks of the campaign service: the log, and the publishing."""

from campaign_publisher.log.replica import LogReplica
from campaign_publisher.publishing.publisher import SnapshotChannel, SnapshotPublisher
from foundation.health import Check, Report, Status


def examine(
    replica: LogReplica, publisher: SnapshotPublisher, channel: SnapshotChannel, *, draining: bool
) -> Report:
    """Return the report on everything that the service needs.

    Without the log it is unavailable; without RabbitMQ, or while the log cannot be written,
    it is degraded.
    """
    checks = {"log": _log(replica), "publishing": _publishing(replica, publisher, channel)}
    return Report.of(checks, draining=draining)


def _log(replica: LogReplica) -> Check:
    """Return the check of the log; `age` is the seconds since it was last read."""
    status, said, detail = _log_status(replica)
    state = replica.state if replica.is_loaded else None
    shown = {
        "status": said,
        "store_id": str(state.store_id) if state else None,
        "revision": state.revision if state else None,
        "campaigns": len(state.campaigns) if state else None,
        "segments": len(state.segments) if state else None,
        "age": round(replica.age, 3) if state else None,
    }
    return Check(status, shown if detail is None else {**shown, "detail": detail})


def _log_status(replica: LogReplica) -> tuple[Status, str, str | None]:
    """Return the effect on the whole, the status that is shown, and the reason."""
    if not replica.is_loaded:
        return Status.UNAVAILABLE, "loading", replica.problem or replica.reading.reason
    if replica.replaced:
        return Status.UNAVAILABLE, "log replaced", replica.problem
    if not replica.is_current:
        return Status.UNAVAILABLE, "unreadable", replica.reading.reason
    if replica.appending.is_failing:
        return Status.DEGRADED, "degraded", f"the log cannot be written: {replica.appending.reason}"
    return Status.OK, "ok", None


def _publishing(
    replica: LogReplica, publisher: SnapshotPublisher, channel: SnapshotChannel
) -> Check:
    """Return the check of whether RabbitMQ has confirmed the newest snapshot."""
    confirmed = publisher.confirmed
    newest = replica.state.position if replica.is_loaded else None
    works = channel.is_up and not publisher.failures_in_a_row
    is_level = works and confirmed is not None and confirmed == newest
    shown = {
        "status": "ok" if is_level else "behind",
        "connected": channel.is_up,
        "confirmed_revision": None if confirmed is None else confirmed.revision,
        "failures_in_a_row": publisher.failures_in_a_row,
        "snapshots_sent": publisher.snapshots_sent,
        "heartbeats_sent": publisher.heartbeats_sent,
    }
    return Check(Status.OK if is_level else Status.DEGRADED, shown)
