"""The campaign service's metrics."""

from campaign_publisher.log.replica import LogReplica
from campaign_publisher.publishing.publisher import SnapshotChannel, SnapshotPublisher
from foundation.health import Report
from foundation.metrics import Counters, Gauges, Labelled, Metrics, metrics


def metrics_of(
    replica: LogReplica, publisher: SnapshotPublisher, channel: SnapshotChannel, report: Report
) -> Metrics:
    """Return every metric with its current value, or without one while none is known."""
    state = replica.state if replica.is_loaded else None
    confirmed = publisher.confirmed
    gauges: Gauges = [
        ("campaign_service_ready", "Whether readiness is green.", report.is_ready),
        (
            "campaign_service_log_revision",
            "The newest revision of the change log that this replica has read.",
            state.revision if state else None,
        ),
        (
            "campaign_service_log_age_seconds",
            "Seconds since the log was last read.",
            replica.age if state else None,
        ),
        (
            "campaign_service_log_replaced",
            "Whether the log no longer holds what was read from it.",
            replica.replaced,
        ),
        (
            "campaign_service_campaigns",
            "Campaigns in the newest state.",
            len(state.campaigns) if state else None,
        ),
        (
            "campaign_service_segments",
            "Segments in the newest state.",
            len(state.segments) if state else None,
        ),
        (
            "campaign_service_rabbitmq_connected",
            "Whether the connection to RabbitMQ is believed to work.",
            channel.is_up,
        ),
        (
            "campaign_service_confirmed_revision",
            "The newest revision that RabbitMQ has confirmed since the last connect.",
            confirmed.revision if confirmed else None,
        ),
        (
            "campaign_service_publish_lag_seconds",
            "Seconds since the first news that RabbitMQ has not confirmed; 0 when there is none.",
            publisher.lag,
        ),
    ]
    counters: Counters = [
        (
            "campaign_service_published",
            "Messages that RabbitMQ has confirmed.",
            Labelled(
                ("kind",),
                {
                    ("snapshot",): publisher.snapshots_sent,
                    ("heartbeat",): publisher.heartbeats_sent,
                },
            ),
        ),
        (
            "campaign_service_unheard",
            (
                "Messages that RabbitMQ has confirmed and that no profile service was there to "
                "receive."
            ),
            publisher.unheard,
        ),
        (
            "campaign_service_publish_failures",
            "Messages that RabbitMQ did not confirm in time; each is tried again.",
            publisher.failures,
        ),
    ]
    return metrics(gauges, counters)
