"""RabbitMQ goes away: its process, its data, its exchange, its patience."""

import time

import pytest

from testbed.admin_client import AdminClient
from testbed.deployment import (
    MISSED_HEARTBEAT_BOUND,
    RETURN_BOUND,
    STALENESS_BOUND,
    Deployment,
    eventually,
)
from testbed.warm import profile_service

# In Erlang: an instance's queue is exclusive, no other client may touch it.
REMOVALS = {
    "exchange deleted": """
        rabbit_exchange:delete(
            rabbit_misc:r(<<"/">>, exchange, <<"campaigns.snapshot">>), false, <<"test">>).
    """,
    "queues deleted": """
        [rabbit_amqqueue:delete(Queue, false, false, <<"test">>)
         || Queue <- rabbit_amqqueue:list(<<"/">>),
            {resource, _, queue, <<"profile.", _/binary>>} <- [amqqueue:get_name(Queue)]].
    """,
    "bindings removed": """
        [rabbit_binding:remove(Binding, <<"test">>)
         || Binding <- rabbit_binding:list(<<"/">>),
            {resource, _, exchange, <<"campaigns.snapshot">>} <- [element(2, Binding)]].
    """,
}


def test_rabbitmq_is_away_for_20_seconds(deployment: Deployment, operator: AdminClient) -> None:
    """Without RabbitMQ changes come by the TTL; a late instance serves at once."""
    deployment.rabbit.stop()
    ends = time.monotonic() + 20.0

    with profile_service(**deployment.settings()) as late:
        late.until_ready(2.0)
        revision = operator.change()
        deployment.converge(revision, STALENESS_BOUND)
        while time.monotonic() < ends:
            revision = operator.change()
            time.sleep(0.5)
        assert late.health()["checks"]["campaigns"]["age"] <= STALENESS_BOUND
        deployment.rabbit.start()
        deployment.converge(revision, RETURN_BOUND)
        eventually(
            lambda: late.health()["checks"]["campaigns"]["revision"] == revision, RETURN_BOUND
        )


def test_rabbitmq_is_killed_and_wiped(deployment: Deployment, operator: AdminClient) -> None:
    """A RabbitMQ that lost everything is told everything again."""
    deployment.rabbit.kill()
    operator.change()
    deployment.rabbit.wipe()
    deployment.rabbit.start()
    deployment.converge(operator.change(), RETURN_BOUND)


def test_rabbitmq_is_restarted_five_times_in_a_row(
    deployment: Deployment, operator: AdminClient
) -> None:
    """However often RabbitMQ comes back, the newest revision is everywhere within 5 s of it."""
    for _ in range(5):
        deployment.rabbit.kill()
        revision = operator.change()
        deployment.rabbit.start()
        deployment.converge(revision, RETURN_BOUND)


@pytest.mark.parametrize("removal", REMOVALS.values(), ids=REMOVALS.keys())
def test_what_was_declared_is_removed(
    deployment: Deployment, operator: AdminClient, removal: str
) -> None:
    """Whatever is removed from RabbitMQ is declared again when heartbeats stop coming."""
    deployment.rabbit.control("eval", removal)
    deployment.converge(operator.change(), MISSED_HEARTBEAT_BOUND + RETURN_BOUND)


def test_connections_are_closed_by_force(deployment: Deployment, operator: AdminClient) -> None:
    """Services whose connections are closed come back."""
    deployment.rabbit.control("close_all_connections", "test")
    deployment.converge(operator.change(), RETURN_BOUND)


@pytest.mark.usefixtures("late_events")
def test_rabbitmq_runs_out_of_memory(deployment: Deployment, operator: AdminClient) -> None:
    """While RabbitMQ takes no messages, writes are taken and the TTL brings them."""
    deployment.rabbit.control("set_vm_memory_high_watermark", "absolute", "1")
    try:
        deployment.converge(operator.change(), STALENESS_BOUND)
        revision = operator.change()
    finally:
        deployment.rabbit.control("set_vm_memory_high_watermark", "0.4")
    deployment.converge(revision, RETURN_BOUND)
