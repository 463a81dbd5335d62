"""MongoDB is down, hangs, comes back."""

import time
from collections.abc import Callable

import pytest

from testbed.admin_client import AdminClient
from testbed.deployment import (
    CHANGE_BOUND,
    RETURN_BOUND,
    Deployment,
    eventually,
    eventually_reports,
)
from testbed.servers import MongoNode

ANSWER_BOUND = 2.0
AWAY_SECONDS = 4.0
SLACK = 0.5  # of a busy machine


@pytest.mark.parametrize(
    ("take_away", "bring_back"),
    [(MongoNode.suspend, MongoNode.resume), (MongoNode.stop, MongoNode.start)],
    ids=["hanging", "down"],
)
def test_mongodb_is_away(
    deployment: Deployment,
    operator: AdminClient,
    take_away: Callable[[MongoNode], None],
    bring_back: Callable[[MongoNode], None],
) -> None:
    """Without profiles it is 503 with Retry-After within 2 s, and ready is red as long."""
    name = f"made before {take_away.__name__}"
    # Its update of the stored profile is on its way when MongoDB goes.
    deployment.converge(operator.change(name=name), CHANGE_BOUND)
    for client in deployment.clients:
        client.mongo_is_away = True
        client.slowest = 0.0
    take_away(deployment.mongo)
    ends = time.monotonic() + AWAY_SECONDS
    try:
        for service in (*deployment.profiles, *deployment.campaigns):
            eventually_reports(service, lambda said: said["http"] == 503, RETURN_BOUND)
        while time.monotonic() < ends:
            time.sleep(0.1)
    finally:
        bring_back(deployment.mongo)
    for service in (*deployment.profiles, *deployment.campaigns):
        eventually_reports(service, lambda said: said["http"] == 200, RETURN_BOUND)
    for client in deployment.clients:
        assert client.slowest < ANSWER_BOUND + SLACK
        client.mongo_is_away = False

    deployment.converge(operator.change(), RETURN_BOUND)
    eventually(
        lambda: (
            operator.stored_campaigns(deployment.profiles[0].url)
            == sorted(deployment.clients[0].active)
        ),
        RETURN_BOUND,
    )
    assert name in deployment.clients[0].active
    assert all(
        not service.metric("profile_service_updates_pending") for service in deployment.profiles
    )
