"""The profile service's metrics."""

from foundation.health import Report
from foundation.metrics import Counters, Gauges, Labelled, Metrics, metrics
from profile_service.cache.cache import CampaignCache
from profile_service.cache.outcomes import EventOutcome
from profile_service.cache.refetcher import Refetcher
from profile_service.messaging.subscription import Subscription
from profile_service.profiles.loader import ProfileLoader
from profile_service.profiles.updates import PendingUpdates


def metrics_of(
    report: Report,
    *,
    loader: ProfileLoader,
    cache: CampaignCache,
    subscription: Subscription,
    refetcher: Refetcher,
    updates: PendingUpdates,
) -> Metrics:
    """Return every metric with its current value, or without one while none is known."""
    held = cache.held
    letters = subscription.dead_letters
    gauges: Gauges = [
        ("profile_service_ready", "Whether readiness is green.", report.is_ready),
        (
            "profile_service_rabbitmq_connected",
            "Whether the connection to RabbitMQ is believed to work.",
            subscription.is_up,
        ),
        (
            "profile_service_requests_waiting",
            "Requests that wait for a profile.",
            loader.waiting,
        ),
        (
            "profile_service_snapshot_revision",
            "The revision of the snapshot that is held.",
            held.position.revision if held else None,
        ),
        (
            "profile_service_snapshot_campaigns",
            "Campaigns in the snapshot that is held.",
            len(held.campaigns) if held else None,
        ),
        (
            "profile_service_unknown_matchers",
            "Campaigns in the held snapshot whose matchers this version does not know.",
            len(held.campaigns.unreadable) if held else None,
        ),
        (
            "profile_service_snapshot_age_seconds",
            "Seconds since the held revision was known to be the newest.",
            cache.staleness,
        ),
        (
            "profile_service_snapshot_stale",
            "Whether the held snapshot is past its time to live, or unconfirmed since the start.",
            cache.is_stale if held else None,
        ),
        (
            "profile_service_origin_behind",
            "Whether the campaign service does not know the revision that is held.",
            cache.origin_behind,
        ),
        (
            "profile_service_foreign_store_offered",
            "Whether another store is offered and not believed.",
            cache.foreign_store is not None,
        ),
        (
            "profile_service_updates_pending",
            "Updates of active_campaigns that wait to be written.",
            len(updates),
        ),
    ]
    counters: Counters = [
        (
            "profile_service_requests_refused",
            "Requests that were answered with 503 because too many waited already.",
            loader.refused,
        ),
        (
            "profile_service_events",
            "Events received, by what they did to the held snapshot.",
            Labelled(("outcome",), {(each,): cache.events[each] for each in EventOutcome}),
        ),
        (
            "profile_service_dead_letters",
            "Unreadable events: published for people to look at, or only counted.",
            Labelled(
                ("outcome",),
                {
                    ("published",): letters.published,
                    ("only_counted",): letters.dropped,
                },
            ),
        ),
        (
            "profile_service_refetches",
            "Refetches of the snapshot, by each cause and by what came of them.",
            Labelled(
                ("cause", "outcome"), {(*each,): n for each, n in refetcher.refetches.items()}
            ),
        ),
        (
            "profile_service_updates",
            "Updates of active_campaigns: written, outdated (since decided otherwise), or dropped.",
            Labelled(
                ("outcome",),
                {(each,): updates.outcomes[each] for each in ("written", "outdated", "dropped")},
            ),
        ),
        (
            "profile_service_update_failures",
            "Writes of updates that failed; each is tried again.",
            updates.outcomes["failed"],
        ),
    ]
    return metrics(gauges, counters)
