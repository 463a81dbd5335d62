"""Fixtures that all tests share: the real servers, and what to say when there are none."""

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from tests import servers

# A busy machine is no failure: no test has a clock.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_MISSING = "is not available"

Found = TypeVar("Found")
Node = TypeVar("Node", bound=servers.ServerProcess)


@pytest.fixture(scope="session")
def amqp_url() -> Iterator[str]:
    """The URL of a real RabbitMQ, found or started at the first use."""
    with required("RabbitMQ", servers.rabbitmq()) as url:
        yield url


@pytest.fixture(scope="session")
def mongo_url() -> Iterator[str]:
    """The URL of a real MongoDB, found or started at the first use."""
    with required("MongoDB", servers.mongo()) as url:
        yield url


@pytest.fixture(scope="session")
def rabbit_node() -> Iterator[servers.RabbitNode]:
    """A RabbitMQ to stop, kill and wipe; who does that starts it again."""
    with required(
        "RabbitMQ", _started(lambda: servers.RabbitNode(servers.rabbitmq_server()))
    ) as node:
        yield node


@pytest.fixture(scope="session")
def mongo_node() -> Iterator[servers.MongoNode]:
    """A MongoDB to stop, suspend and wipe; who does that starts it again."""
    with required("MongoDB", _started(lambda: servers.MongoNode(servers.mongod()))) as node:
        yield node


@pytest.fixture
def mongo_database(mongo_url: str) -> Iterator[str]:
    """The name of a database that nobody else uses, dropped at the end."""
    name = f"test-{uuid.uuid4().hex}"
    yield name
    servers.drop_database(mongo_url, name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests had no server, and why."""
    missing: Counter[tuple[str, str]] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
        if _MISSING in reason:
            missing[reason.removeprefix("Skipped: "), report.nodeid.partition("::")[0]] += 1
    if missing:
        terminalreporter.section("tests without their server")
    for (reason, path), count in sorted(missing.items()):
        terminalreporter.line(f"{path}: {count} skipped: {reason}")


@contextmanager
def _started(make: Callable[[], Node]) -> Iterator[Node]:
    with make() as node:
        yield node


@contextmanager
def required(server: str, found: AbstractContextManager[Found]) -> Iterator[Found]:
    """What was found; without it the test is skipped, and fails where CI is true."""
    with ExitStack() as stack:
        reason = ""
        try:
            what = stack.enter_context(found)
        except servers.ServerUnavailableError as error:
            reason = f"{server} {_MISSING}: {error}"
        if reason and os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        if reason:
            pytest.skip(reason)
        yield what
