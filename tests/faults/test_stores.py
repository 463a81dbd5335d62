"""Logs that are not the one that is held: a neighbour's, yesterday's, an empty one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient

from testbed.admin_client import AdminClient
from testbed.builders import OTHER_STORE_ID, a_snapshot
from testbed.deployment import (
    CHANGE_BOUND,
    HEARTBEAT,
    RETURN_BOUND,
    STALENESS_BOUND,
    TTL,
    Deployment,
    amqp_url,
    eventually,
    eventually_reports,
)
from testbed.fakes import body_of, event_of
from testbed.warm import WarmServiceProcess, profile_service
from tests.faults.foreign_publisher import ForeignPublisher
from tests.faults.origin import Origin, forward

FOREIGN_SECONDS = 6.0


def test_another_environment_on_the_same_exchange(
    deployment: Deployment, operator: AdminClient
) -> None:
    """Events of another store change nothing, and cost a refetch per TTL/10 at the most."""
    foreign = a_snapshot(store_id=OTHER_STORE_ID, revision=10**6)
    event = (body_of(foreign), event_of(foreign, heartbeat_interval=HEARTBEAT).to_headers())
    with (
        Origin(deployment.background, forward(deployment.campaigns[0].url)) as origin,
        profile_service(**deployment.settings(campaigns_url=origin.url)) as counted,
        ForeignPublisher(deployment.background, amqp_url(deployment.rabbit.port)) as publisher,
    ):
        counted.until_ready()
        time.sleep(CHANGE_BOUND)  # the refetch of its first connect is another cause
        began = time.monotonic()
        while time.monotonic() < began + FOREIGN_SECONDS:
            publisher.publish([event] * 5)
            operator.change()
            time.sleep(0.1)
        deployment.converge(operator.change(), CHANGE_BOUND)

        refetches = len(origin.asked_since(began))
        assert 1 <= refetches <= FOREIGN_SECONDS / (TTL / 10) + 2
        assert origin.most_in_flight["/snapshot"] == 1
        assert counted.metric("profile_service_events_total", outcome="foreign") > refetches
        assert counted.metric("profile_service_refetches_total", cause="foreign") >= 1
        assert counted.metric("profile_service_foreign_store_offered") == 0  # the origin decides


def test_the_log_is_restored_from_yesterdays_backup(
    deployment: Deployment, operator: AdminClient
) -> None:
    """Nobody follows a log that lost what was acknowledged, until an operator renews it.

    Running replicas see that their log was replaced, a restarted one cannot know it;
    instances keep what they hold, and say what is wrong.
    """
    running, restarted = deployment.campaigns
    with _collections(deployment) as collections:
        backup = [list(collection.find()) for collection in collections]
        kept = max(operator.acknowledged)
        for _ in range(3):
            newest = operator.change()
        deployment.converge(newest, CHANGE_BOUND)
        for replica in deployment.campaigns:
            eventually_reports(
                replica, lambda said: said["checks"]["log"]["revision"] == newest, CHANGE_BOUND
            )
        for collection, documents in zip(collections, backup, strict=True):
            collection.delete_many({})
            if documents:
                collection.insert_many(documents)
    operator.forget(above=kept)

    for replica in deployment.campaigns:
        eventually_reports(
            replica, lambda said: said["checks"]["log"]["status"] == "log replaced", RETURN_BOUND
        )
        assert replica.health()["http"] == 503
        assert operator.try_to_change(replica.url).status_code == 503
        assert operator.get(f"{replica.url}/snapshot").status_code == 503
    eventually(lambda: all(client.stale for client in deployment.clients), STALENESS_BOUND)

    restarted.kill()
    restarted.start()
    # Requests go to who is ready.
    deployment.origin_link.targets = [restarted.port]
    deployment.origin_link.cut()
    for instance in deployment.profiles:
        eventually_reports(instance, lambda said: "origin behind" in str(said), STALENESS_BOUND)
    assert deployment.revisions() == [newest, newest]

    for client in deployment.clients:
        client.store_changes = True
    renewed = operator.post(f"{running.url}/store/renew").raise_for_status().json()
    deployment.converge(renewed["revision"], RETURN_BOUND)
    deployment.origin_link.targets = [service.port for service in deployment.campaigns]
    for service in (*deployment.campaigns, *deployment.profiles):
        eventually_reports(service, lambda said: said["status"] == "ok", RETURN_BOUND)
    for client in deployment.clients:
        client.store_changes = False


def test_a_change_is_missing_from_the_log(deployment: Deployment, operator: AdminClient) -> None:
    """A restarted replica names the missing revision; a renewal at a running one loses nothing."""
    running, restarted = deployment.campaigns
    lost = operator.change(name="lost")
    newest = operator.change()
    eventually_reports(
        running, lambda said: said["checks"]["log"]["revision"] == newest, CHANGE_BOUND
    )
    with _collections(deployment) as (changes, checkpoints):
        document = changes.find_one_and_delete({"_id": lost})
        checkpoints.delete_many({})
        restarted.kill()
        restarted.start()
        eventually_reports(
            restarted, lambda said: f"revision {lost} is missing" in str(said), RETURN_BOUND
        )
        assert restarted.health()["http"] == 503
        assert operator.try_to_change(restarted.url).status_code == 503

        for client in deployment.clients:
            client.store_changes = True
        renewed = operator.post(f"{running.url}/store/renew").raise_for_status().json()
        deployment.converge(renewed["revision"], RETURN_BOUND)
        for service in (*deployment.campaigns, *deployment.profiles):
            eventually_reports(service, lambda said: said["status"] == "ok", RETURN_BOUND)
        states = [
            operator.get(f"{replica.url}/snapshot").content for replica in deployment.campaigns
        ]
        assert states[0] == states[1]
        assert b'"name":"lost"' in states[0]
        changes.insert_one(document)  # the tests after this one look for every change
    for client in deployment.clients:
        client.store_changes = False


def test_the_campaign_service_runs_on_a_mistyped_database(
    deployment: Deployment, operator: AdminClient
) -> None:
    """An empty database empties nobody, unless an operator or FOLLOW_NEW_STORE lets it in."""
    stays, accepts = deployment.profiles
    held, active = deployment.revisions(), deployment.clients[0].active
    ours = _campaigns(stays)["store_id"]
    with profile_service(**deployment.settings(follow_new_store=True)) as follows:
        follows.until_ready()
        _restart(deployment, f"{deployment.database}-typo")
        offered = _log(deployment.campaigns[0])["store_id"]
        for instance in deployment.profiles:
            eventually_reports(instance, lambda said: f"'{offered}'" in str(said), STALENESS_BOUND)
            assert _campaigns(instance)["store_id"] == ours
            assert instance.health()["status"] == "degraded"
        assert (deployment.revisions(), deployment.clients[0].active) == (held, active)
        eventually(lambda: _campaigns(follows)["store_id"] == offered, RETURN_BOUND)

        deployment.clients[1].store_changes = True
        answer = operator.post(f"{accepts.url}/cache/invalidate", accept_store=offered)
        assert answer.json()["after"]["store_id"] == offered
        eventually(lambda: deployment.clients[1].active == [], CHANGE_BOUND)

    _restart(deployment, deployment.database)
    time.sleep(2 * HEARTBEAT)
    assert _campaigns(accepts)["store_id"] == offered
    operator.post(f"{accepts.url}/cache/invalidate", accept_store=ours).raise_for_status()
    deployment.converge(operator.change(), RETURN_BOUND)
    deployment.clients[1].store_changes = False
    with MongoClient[dict[str, Any]](deployment.mongo.url) as mongo:
        mongo.drop_database(f"{deployment.database}-typo")


def _restart(deployment: Deployment, database: str) -> None:
    """Restart both campaign services on a database."""
    for service in deployment.campaigns:
        service.stop()
        service.settings["mongo_database"] = database
    for service in deployment.campaigns:
        service.start()
    for service in deployment.campaigns:
        service.until_ready()


def _log(campaigns: WarmServiceProcess) -> dict[str, Any]:
    found: dict[str, Any] = campaigns.health()["checks"]["log"]
    return found


def _campaigns(instance: WarmServiceProcess) -> dict[str, Any]:
    found: dict[str, Any] = instance.health()["checks"]["campaigns"]
    return found


@contextmanager
def _collections(deployment: Deployment) -> Iterator[list[Any]]:
    with MongoClient[dict[str, Any]](deployment.mongo.url) as mongo:
        database = mongo[deployment.database]
        yield [database["campaign_changes"], database["campaign_checkpoints"]]
