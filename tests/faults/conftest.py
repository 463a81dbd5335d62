"""The stage of a module's faults, and what must be true after each of them."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from testbed.admin_client import Operator
from testbed.background import Background
from testbed.deployment import BLACK_HOLE_BOUND, CHANGE_BOUND, RETURN_BOUND, Stage, running_stage
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
    """Have every fault of the stage FAULT_RUNS times, for figures."""
    if RUNS > 1 and "stage" in metafunc.fixturenames:
        metafunc.fixturenames.append("run")
        metafunc.parametrize("run", range(RUNS))


@pytest.fixture
def run() -> int:
    """Which of the runs of a fault this is."""
    return 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was measured during each fault."""
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
) -> Iterator[tuple[Stage, Operator]]:
    """A stage that the tests of a module share, and its operator."""
    with running_stage(rabbit_node, mongo_node, background) as stage_and_operator:
        yield stage_and_operator


@pytest.fixture
def operator(running: tuple[Stage, Operator]) -> Operator:
    """Who changes the campaigns of the stage."""
    return running[1]


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, running: tuple[Stage, Operator], operator: Operator
) -> Iterator[Stage]:
    """The stage, at the newest revision before the fault; after it what is always true is checked.

    Changes flow again, every instance is at the newest revision, clients met no fault and
    every acknowledged write is in the log.
    """
    stage = running[0]
    stage.converge(operator.change(), RETURN_BOUND)
    stage.faults()
    stage.convergences.clear()
    asked, failed = stage.asked, stage.failed
    yield stage
    measured = Figure(stage.convergences[-1:], stage.asked - asked, stage.failed - failed)
    request.node.user_properties.append((FIGURE, asdict(measured)))
    stage.converge(operator.change(), RETURN_BOUND)
    for _ in range(3):  # more often than the TTL could bring them: events flow
        stage.converge(operator.change(), CHANGE_BOUND)
    assert stage.faults() == []
    operator.check_that_nothing_is_lost(stage.campaigns[0].url)


@pytest.fixture
def late_events(running: tuple[Stage, Operator]) -> Iterator[None]:
    """An event that a link or RabbitMQ held back is as old as its publisher said, and the delay.

    So until what is always true has been checked.
    """
    stage = running[0]
    for client in stage.clients:
        client.tolerance = BLACK_HOLE_BOUND
    yield
    for client in stage.clients:
        client.tolerance = TOLERANCE
