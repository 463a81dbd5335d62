"""SIGTERM while clients ask."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from testbed.admin_client import TOKEN, AdminClient
from testbed.builders import PLAYER_ID, a_profile
from testbed.deployment import (
    CHANGE_BOUND,
    RETURN_BOUND,
    Deployment,
    eventually,
    eventually_reports,
)
from testbed.proxy import Proxy
from testbed.warm import profile_service

DELAY = 1.0
EXIT_BOUND = 10.0


def test_a_profile_service_is_stopped_under_load(
    deployment: Deployment, operator: AdminClient
) -> None:
    """Ready turns red, requests in flight are answered, updates are flushed, the exit is clean."""
    client, instance = deployment.clients[0], deployment.profiles[0]
    client.instance_is_away = True
    instance.stop()
    instance.settings["shutdown_delay"] = DELAY
    instance.start()
    instance.until_ready()
    client.instance_is_away = False

    deployment.converge(operator.change(name="last"), RETURN_BOUND)
    with ThreadPoolExecutor(1) as stopping:
        stopped = stopping.submit(instance.stop)
        eventually_reports(instance, lambda said: said["status"] == "draining", DELAY)
        asked = client.asked
        eventually(lambda: client.asked > asked, DELAY)
        assert client.faults == []
        client.instance_is_away = True  # who heeds readiness asks elsewhere now
        stopped.result(EXIT_BOUND)
    assert operator.stored_campaigns(deployment.profiles[1].url) == sorted(client.active)
    instance.start()
    instance.until_ready()
    client.instance_is_away = False


def test_requests_in_flight_are_answered(deployment: Deployment) -> None:
    """A request that has begun when the server stops is finished."""
    with Proxy(deployment.background, deployment.mongo.port) as slow:
        told = deployment.settings(mongo_url=f"mongodb://127.0.0.1:{slow.port}", shutdown_delay=0)
        with profile_service(**told) as instance, ThreadPoolExecutor(1) as client:
            instance.until_ready()
            slow.slow_down(0.4)
            answer = client.submit(instance.client.get, f"/get_client_config/{PLAYER_ID}")
            time.sleep(0.2)
            instance.stop()
            assert answer.result(CHANGE_BOUND).status_code == 200


def test_a_campaign_service_is_stopped_under_load(
    deployment: Deployment, operator: AdminClient
) -> None:
    """While one replica after the other is replaced, no write fails that a retry could not save."""
    for replica in deployment.campaigns:
        for _ in range(5):
            operator.change()
        replica.stop()
        deployment.converge(operator.change(), CHANGE_BOUND)
        replica.start()
        replica.until_ready()


@pytest.mark.parametrize("path", ["/profiles/import", "/profiles/slow"])
def test_a_slow_body_does_not_hold_up_a_stop(deployment: Deployment, path: str) -> None:
    """An import ends at a line's end with its counts and 503, any other body after 3 s."""
    method = "POST" if path.endswith("import") else "PUT"
    line = orjson.dumps(a_profile("slow"))
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Length: {10 * len(line)}\r\n\r\n"
    )
    with profile_service(**deployment.settings(shutdown_delay=0)) as instance:
        instance.until_ready()
        with socket.create_connection(("127.0.0.1", instance.port), timeout=EXIT_BOUND) as client:
            client.sendall(head.encode() + line + b"\n" + line[:9])
            time.sleep(0.3)
            instance.stop()  # fails unless the process ends within 10 s
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert "Traceback" not in instance.log()
    assert answer.startswith(b"HTTP/1.1 503 ")
    body = orjson.loads(answer.partition(b"\r\n\r\n")[2])
    assert body["detail"] == "the service is stopping"
    if method == "POST":
        assert (body["received"], body["created"] + body["replaced"], body["reached"]) == (1, 1, 1)
