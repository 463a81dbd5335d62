"""The deployment of a module's faults, and what must be true after each of them."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from testbed.admin_client import AdminClient
from testbed.background import Background
from testbed.deployment import (
    BLACK_HOLE_BOUND,
    CHANGE_BOUND,
    RETURN_BOUND,
    Deployment,
    running_deployment,
)
from testbed.game_client import TOLERANCE
from testbed.servers import MongoNode, RabbitNode
from tests.faults.figures import FIGURE, Figure, figures_of

RUNS = int(os.environ.get("FAULT_RUNS", "1"))

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker("faults")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have every fault of the deployment FAULT_RUNS times, for figures."""
    if RUNS > 1 and "deployment" in metafunc.fixturenames:
        metafunc.fixturenames.append("run")
        metafunc.parametrize("run", range(RUNS))


@pytest.fixture
def run() -> int:
    """Which of the runs of a fault this is."""
    return 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured during each fault."""
    figures = figures_of(terminalreporter.stats.get("", []))
    if figures:
        terminalreporter.section("faults")
    for line in figures:
        terminalreporter.line(line)


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    """The loop of the tests' own proxies, clients and origins."""
    with Background() as background:
        yield background


@pytest.fixture(scope="module")
def running(
    rabbit_node: RabbitNode, mongo_node: MongoNode, background: Background
) -> Iterator[tuple[Deployment, AdminClient]]:
    """A deployment that the tests of a module share, and its operator."""
    with running_deployment(rabbit_node, mongo_node, background) as stage_and_operator:
        yield stage_and_operator


@pytest.fixture
def operator(running: tuple[Deployment, AdminClient]) -> AdminClient:
    """Who changes the campaigns of the deployment."""
    return running[1]


@pytest.fixture
def deployment(
    request: pytest.FixtureRequest, running: tuple[Deployment, AdminClient], operator: AdminClient
) -> Iterator[Deployment]:
    """The deployment, at the newest revision before the fault; checked after it.

    Changes flow again, every instance is at the newest revision, clients met no fault and
    every acknowledged write is in the log.
    """
    deployment = running[0]
    deployment.converge(operator.change(), RETURN_BOUND)
    deployment.faults()
    deployment.convergences.clear()
    asked, failed = deployment.asked, deployment.failed
    yield deployment
    measured = Figure(
        deployment.convergences[-1:], deployment.asked - asked, deployment.failed - failed
    )
    request.node.user_properties.append((FIGURE, asdict(measured)))
    deployment.converge(operator.change(), RETURN_BOUND)
    for _ in range(3):  # more often than the TTL could bring them: events flow
        deployment.converge(operator.change(), CHANGE_BOUND)
    assert deployment.faults() == []
    operator.check_that_nothing_is_lost(deployment.campaigns[0].url)


@pytest.fixture
def late_events(running: tuple[Deployment, AdminClient]) -> Iterator[None]:
    """An event that a link or RabbitMQ held back is as old as its publisher said, and the delay.

    So until what is always true has been checked.
    """
    deployment = running[0]
    for client in deployment.clients:
        client.tolerance = BLACK_HOLE_BOUND
    yield
    for client in deployment.clients:
        client.tolerance = TOLERANCE
