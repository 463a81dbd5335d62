"""Links that swallow packets, or are slow: connections stay and nothing comes."""

import os
import signal
import time

import pytest

from testbed.admin_client import AdminClient
from testbed.deployment import (
    BLACK_HOLE_BOUND,
    CHANGE_BOUND,
    RETURN_BOUND,
    STALENESS_BOUND,
    Deployment,
    eventually,
)
from testbed.warm import WarmServiceProcess, profile_service

WRITE_BOUND = 1.0
FEW_SECONDS = 3.0
SUSPENDED_SECONDS = 12.0
RESUME_BOUND = 3.0


@pytest.mark.usefixtures("late_events")
def test_the_publisher_talks_into_a_black_hole(
    deployment: Deployment, operator: AdminClient
) -> None:
    """Writes are not blocked, the dead link shows in time, and another replica publishes."""
    publisher = deployment.campaigns[0]
    deployment.publisher_link.hold()
    try:
        started = time.monotonic()
        revision = operator.change(publisher.url)
        assert time.monotonic() - started < WRITE_BOUND
        deployment.converge(revision, CHANGE_BOUND)
        eventually(
            lambda: publisher.health()["checks"]["publishing"]["status"] == "behind",
            BLACK_HOLE_BOUND,
        )
        eventually(
            lambda: not publisher.health()["checks"]["publishing"]["connected"], BLACK_HOLE_BOUND
        )
        deployment.converge(operator.change(publisher.url), CHANGE_BOUND)
    finally:
        deployment.publisher_link.release()
    eventually(lambda: publisher.health()["status"] == "ok", RETURN_BOUND)


@pytest.mark.usefixtures("late_events")
def test_the_only_publisher_talks_into_a_black_hole(
    deployment: Deployment, operator: AdminClient
) -> None:
    """With no publisher left, the TTL brings what changes, and RabbitMQ does once it is back."""
    publisher, other = deployment.campaigns
    other.stop()
    deployment.publisher_link.hold()
    try:
        for client in deployment.clients:
            client.oldest = 0.0
        deployment.converge(operator.change(publisher.url), STALENESS_BOUND)
        time.sleep(FEW_SECONDS)
        assert max(client.oldest for client in deployment.clients) < STALENESS_BOUND
    finally:
        deployment.publisher_link.release()
        other.start()
    eventually(lambda: publisher.health()["status"] == "ok", RETURN_BOUND)


@pytest.mark.usefixtures("late_events")
def test_the_consumer_listens_to_a_black_hole(
    deployment: Deployment, operator: AdminClient
) -> None:
    """The dead link shows in time, and meanwhile the TTL keeps the instance fresh."""
    deaf = deployment.profiles[0]
    deployment.consumer_link.hold()
    try:
        deployment.clients[0].oldest = 0.0
        deployment.converge(operator.change(), STALENESS_BOUND)
        eventually(lambda: not deaf.metric("profile_service_rabbitmq_connected"), BLACK_HOLE_BOUND)
        assert deployment.clients[0].oldest < STALENESS_BOUND
    finally:
        deployment.consumer_link.release()
    deployment.converge(operator.change(), RETURN_BOUND)


@pytest.mark.usefixtures("late_events")
def test_slow_links(deployment: Deployment, operator: AdminClient) -> None:
    """A quarter of a second for each piece delays a change, and loses nothing."""
    links = (deployment.publisher_link, deployment.consumer_link, deployment.origin_link)
    for link in links:
        link.slow_down(0.25)
    try:
        for _ in range(3):
            deployment.converge(operator.change(), RETURN_BOUND)
        assert not any(client.stale for client in deployment.clients)
    finally:
        for link in links:
            link.slow_down(0.0)


def test_a_replica_cannot_see_the_log(deployment: Deployment, operator: AdminClient) -> None:
    """A campaign replica without its MongoDB goes silent; everybody follows the other one.

    That no instance calls an old revision fresh is what the clients check all the time.
    """
    sighted, blind = deployment.campaigns
    deployment.origin_link.targets = [blind.port, sighted.port]
    deployment.log_link.hold()
    try:
        eventually(lambda: blind.health()["http"] == 503, RETURN_BOUND)
        sent = blind.health()["checks"]["publishing"]["heartbeats_sent"]
        for _ in range(3):
            deployment.converge(operator.change(sighted.url), CHANGE_BOUND)
        assert operator.get(f"{blind.url}/snapshot").status_code == 503
        assert operator.try_to_change(blind.url).status_code == 503
        assert blind.health()["checks"]["publishing"]["heartbeats_sent"] == sent
    finally:
        deployment.log_link.release()
        deployment.origin_link.targets = [service.port for service in deployment.campaigns]
    eventually(lambda: blind.health()["status"] == "ok", RETURN_BOUND)


def test_an_instance_is_suspended(deployment: Deployment, operator: AdminClient) -> None:
    """When it runs again it has the newest campaigns at once, and receives events soon after."""
    with profile_service(**deployment.settings()) as instance:
        instance.until_ready()
        os.kill(instance.pid, signal.SIGSTOP)
        try:
            time.sleep(SUSPENDED_SECONDS)
            _becomes_current(instance, operator, resume=True)
        finally:
            os.kill(instance.pid, signal.SIGCONT)
        assert instance.metric("profile_service_refetches_total", cause="suspended") == 1
        eventually(lambda: instance.metric("profile_service_rabbitmq_connected"), RESUME_BOUND)
        before = instance.metric("profile_service_events_total", outcome="applied")
        _becomes_current(instance, operator)
        assert instance.metric("profile_service_events_total", outcome="applied") > before


def _becomes_current(
    instance: WarmServiceProcess, operator: AdminClient, *, resume: bool = False
) -> None:
    revision = operator.change()
    if resume:
        os.kill(instance.pid, signal.SIGCONT)
    eventually(
        lambda: instance.health()["checks"]["campaigns"].get("revision", 0) >= revision,
        RESUME_BOUND,
    )
