"""A fleet of instances that starts at once, and must not overload the campaign service."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from testbed.admin_client import AdminClient
from testbed.deployment import HEARTBEAT, Deployment, eventually_reports
from testbed.warm import WarmServiceProcess, profile_service
from tests.faults.origin import Origin, forward

INSTANCES = 24
AWAY_SECONDS = 2.0
START_BOUND = 30.0
LONG_TTL = 60.0  # no cause of its own here
TRIES_BOUND = 8  # in a few seconds that begin with full jitter up to 0.5, 1, 2, 4 ...


def test_a_fleet_starts_at_once_and_the_campaign_service_restarts(
    deployment: Deployment, operator: AdminClient
) -> None:
    """Each instance is answered at most once for each cause, and never asks twice at a time."""
    only, other = deployment.campaigns
    other.stop()
    only.stop()
    # Nor is silence a cause: nobody misses a heartbeat while the campaign service is away.
    only.settings["heartbeat_interval"] = LONG_TTL
    only.start()
    only.until_ready()
    with ExitStack() as stack:
        origin = stack.enter_context(Origin(deployment.background, forward(only.url)))
        fleet = [
            profile_service(
                **deployment.settings(
                    campaigns_url=f"{origin.url}/{number}",
                    campaigns_ttl=LONG_TTL,
                    persist_active_campaigns=False,
                )
            )
            for number in range(INSTANCES)
        ]
        with ThreadPoolExecutor(INSTANCES) as starting:
            list(starting.map(stack.enter_context, fleet))
        _all_at(fleet, operator.change())
        causes = 2  # its start, its first connect
        _answered_at_most(origin, causes)

        only.kill()
        began = time.monotonic()
        time.sleep(AWAY_SECONDS)
        only.start()
        _all_at(fleet, operator.change())
        _answered_at_most(origin, causes)
        unanswered = Counter(
            each.path for each in origin.asked_since(began) if each.status not in {200, 304}
        )
        assert all(tries <= TRIES_BOUND for tries in unanswered.values()), unanswered

        deployment.rabbit.control("close_all_connections", "test")
        _all_at(fleet, operator.change())
        causes += 1  # the reconnect
        time.sleep(AWAY_SECONDS)
        _answered_at_most(origin, causes)
        only.stop()
        only.settings["heartbeat_interval"] = HEARTBEAT
    for replica in deployment.campaigns:
        replica.start()
        replica.until_ready()


def _all_at(fleet: list[WarmServiceProcess], revision: int) -> None:
    for instance in fleet:
        eventually_reports(
            instance,
            lambda said: said["checks"]["campaigns"].get("revision") == revision,
            START_BOUND,
        )


def _answered_at_most(origin: Origin, times: int) -> None:
    answered = Counter(each.path for each in origin.asked if each.status in {200, 304})
    assert len(answered) == INSTANCES
    assert max(answered.values()) <= times, answered
    assert max(origin.most_in_flight.values()) == 1
