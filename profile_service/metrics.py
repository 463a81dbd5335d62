"""The profile service's metrics."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from foundation.metrics import counter, gauge
from profile_service.cache.cache import CampaignCache
from profile_service.cache.outcomes import EventOutcome
from profile_service.dependencies import ProfileServiceState
from profile_service.health import Report


def metrics_of(parts: ProfileServiceState, report: Report) -> Iterator[Metric]:
    """Give every metric as it is now; what is not known yet has no value."""
    yield gauge("profile_service_ready", "Whether readiness is green.", report.is_ready)
    yield gauge(
        "profile_service_rabbitmq_connected",
        "Whether the connection to RabbitMQ is believed to work.",
        parts.subscription.is_up,
    )
    yield gauge(
        "profile_service_requests_waiting",
        "Requests that wait for a profile.",
        parts.service.loader.waiting,
    )
    yield counter(
        "profile_service_requests_refused",
        "Requests that were answered with 503 because too many waited already.",
        counts={(): parts.service.loader.refused},
    )
    yield from _snapshot(parts.cache)
    yield from _news(parts)
    yield from _updates(parts)


def _snapshot(cache: CampaignCache) -> Iterator[Metric]:
    held = cache.held
    yield gauge(
        "profile_service_snapshot_revision",
        "The revision of the snapshot that is held.",
        held.position.revision if held else None,
    )
    yield gauge(
        "profile_service_snapshot_campaigns",
        "Campaigns in the snapshot that is held.",
        len(held.campaigns) if held else None,
    )
    yield gauge(
        "profile_service_snapshot_age_seconds",
        "Seconds since the held revision was known to be the newest.",
        cache.staleness,
    )
    yield gauge(
        "profile_service_snapshot_stale",
        "Whether the held snapshot is past its time to live, or unconfirmed since the start.",
        cache.is_stale if held else None,
    )
    yield gauge(
        "profile_service_origin_behind",
        "Whether the campaign service does not know the revision that is held.",
        cache.origin_behind,
    )
    yield gauge(
        "profile_service_foreign_store_offered",
        "Whether another store is offered and not believed.",
        cache.foreign_store is not None,
    )


def _news(parts: ProfileServiceState) -> Iterator[Metric]:
    yield counter(
        "profile_service_events",
        "Events received, by what they did to the held snapshot.",
        ("outcome",),
        counts={(outcome,): parts.cache.events[outcome] for outcome in EventOutcome},
    )
    letters = parts.events.dead_letters
    yield counter(
        "profile_service_dead_letters",
        "Unreadable events: published for people to look at, or only counted.",
        ("outcome",),
        counts={
            ("published",): letters.published if letters else 0,
            ("only_counted",): letters.dropped if letters else 0,
        },
    )
    yield counter(
        "profile_service_refetches",
        "Refetches of the snapshot, by each cause and by what came of them.",
        ("cause", "outcome"),
        counts={(cause, outcome): n for (cause, outcome), n in parts.cache.refetches.items()},
    )


def _updates(parts: ProfileServiceState) -> Iterator[Metric]:
    yield gauge(
        "profile_service_updates_pending",
        "Updates of active_campaigns that wait to be written.",
        len(parts.updates),
    )
    yield counter(
        "profile_service_updates",
        "Updates of active_campaigns: written, outdated (the profile had changed), or dropped.",
        ("outcome",),
        counts={
            (outcome,): parts.updates.outcomes[outcome]
            for outcome in ("written", "outdated", "dropped")
        },
    )
    yield counter(
        "profile_service_update_failures",
        "Writes of updates that failed; each is tried again.",
        counts={(): parts.updates.outcomes["failed"]},
    )
