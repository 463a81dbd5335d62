"""Twenty thousand unusable events."""

import random
import time
from collections.abc import Iterator

import pytest

from testbed.admin_client import AdminClient
from testbed.builders import OTHER_STORE_ID, a_published_campaign, a_snapshot
from testbed.deployment import CHANGE_BOUND, TTL, Deployment, amqp_url, eventually
from testbed.fakes import body_of, event_of
from testbed.warm import WarmServiceProcess, profile_service
from tests.faults.foreign_publisher import Event, ForeignPublisher
from tests.faults.origin import Origin, forward
from tests.faults.processes import resident_bytes

EVENTS = 20_000
BATCH = 1_000
OVERSIZED = 17 * 1024 * 1024
GROWTH_BOUND = 32 * 1024 * 1024


def test_a_flood_of_events_that_nobody_can_use(
    deployment: Deployment, operator: AdminClient
) -> None:
    """The cache stays as it is, refetches stay within their backoff, and memory is flat."""
    with (
        Origin(deployment.background, forward(deployment.campaigns[0].url)) as origin,
        profile_service(**deployment.settings(campaigns_url=origin.url)) as counted,
        ForeignPublisher(deployment.background, amqp_url(deployment.rabbit.port)) as publisher,
    ):
        counted.until_ready()
        held = deployment.revisions()
        generated = _unusable(random.Random(1))  # noqa: S311
        # What the first of them loads and makes is no growth.
        publisher.publish(next(generated) for _ in range(BATCH))
        publisher.publish([(b" " * OVERSIZED, {})])
        memory = resident_bytes(counted.pid)
        began = time.monotonic()
        for _ in range(EVENTS // BATCH):
            publisher.publish(next(generated) for _ in range(BATCH))
            assert deployment.revisions() == held
        # A change goes through although nothing is left of the queue but the newest event.
        deployment.converge(operator.change(), CHANGE_BOUND + TTL)
        seconds = time.monotonic() - began

        assert origin.most_in_flight["/snapshot"] == 1
        # Of two kinds, each after at least a quarter of TTL/10; and the TTL's own.
        assert len(origin.asked_since(began)) <= 2 * seconds / (TTL / 10 / 2) + seconds / TTL + 4
        assert resident_bytes(counted.pid) - memory < GROWTH_BOUND
        _every_event_is_accounted_for(counted)
        eventually(lambda: counted.health()["status"] == "ok", TTL, lambda: str(counted.health()))


def _every_event_is_accounted_for(instance: WarmServiceProcess) -> None:
    """Check that what was received and unreadable was kept or counted; superseded ones vanish."""
    dead = instance.metric("profile_service_events_total", outcome="dead")
    assert 0 < dead <= EVENTS
    eventually(lambda: instance.metric("profile_service_dead_letters_total") == dead, CHANGE_BOUND)
    assert instance.metric("profile_service_dead_letters_total", outcome="published") > 0


def _unusable(chance: random.Random) -> Iterator[Event]:
    """Yield events without end that are truncated, malformed, foreign, or lie."""
    good = a_snapshot(
        [a_published_campaign(f"campaign {n}", revision=n) for n in range(1, 9)], revision=10**6
    )
    body, headers = body_of(good), event_of(good).to_headers()
    foreign = a_snapshot(store_id=OTHER_STORE_ID, revision=10**6)
    while True:
        cut = chance.randrange(len(body))
        noise = chance.randbytes(chance.randrange(200))
        missing = chance.choice(list(headers))
        yield from (
            (body[:cut], headers),
            (noise, {}),
            (noise, headers),
            (b"[" * 10_000, headers),
            (b'{"campaigns": 1e400}', headers),
            (body, {name: value for name, value in headers.items() if name != missing}),
            (body, {**headers, missing: noise.hex()}),
            (body_of(foreign), event_of(foreign).to_headers()),
            (b"", event_of(foreign).to_headers()),
        )


@pytest.mark.parametrize("revision", [10**6, 2**63])
def test_a_heartbeat_of_a_revision_that_never_was(
    deployment: Deployment, operator: AdminClient, revision: int
) -> None:
    """A revision that the log never had is looked for, and not believed."""
    store = deployment.profiles[0].health()["checks"]["campaigns"]["store_id"]
    claimed = event_of(a_snapshot(revision=10**6)).to_headers()
    claimed |= {"x-store-id": store, "x-revision": str(revision)}
    with ForeignPublisher(deployment.background, amqp_url(deployment.rabbit.port)) as publisher:
        publisher.publish([(b"", claimed)] * 10)
    deployment.converge(operator.change(), CHANGE_BOUND)
