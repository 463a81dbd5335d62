"""Fixtures that all tests share: the real servers, and what to say when there are none."""

import os
import uuid
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from testbed import servers

# A busy machine is no failure: no test has a clock.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_MISSING = "is not available"

Found = TypeVar("Found")


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
    with required("RabbitMQ", _rabbit_node()) as node:
        yield node


@pytest.fixture(scope="session")
def mongo_node() -> Iterator[servers.MongoNode]:
    """A MongoDB to stop, suspend and wipe; who does that starts it again."""
    with required("MongoDB", _mongo_node()) as node:
        yield node


@pytest.fixture
def mongo_database(mongo_url: str) -> Iterator[str]:
    """The name of a database that nobody else uses, dropped at the end."""
    name = f"test-{uuid.uuid4().hex}"
    yield name
    servers.drop_database(mongo_url, name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Name all servers that a skipped test misses: pytest comes to the first fixture only."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple) and _MISSING in report.longrepr[2]:
        path, line, reason = report.longrepr
        needed = [_missing(name) for name in _SERVERS if name in item.fixturenames]
        others = [other for other in needed if other and other not in reason]
        report.longrepr = (path, line, "; ".join([reason, *others]))
    return report


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
def _rabbit_node() -> Iterator[servers.RabbitNode]:
    with servers.RabbitNode(servers.rabbitmq_server()) as node:
        yield node


@contextmanager
def _mongo_node() -> Iterator[servers.MongoNode]:
    with servers.MongoNode(servers.mongod()) as node:
        yield node


# The fixtures of servers, and how each finds or starts its own.
_SERVERS: dict[str, tuple[str, Callable[[], AbstractContextManager[object]]]] = {
    "amqp_url": ("RabbitMQ", servers.rabbitmq),
    "rabbit_node": ("RabbitMQ", _rabbit_node),
    "mongo_url": ("MongoDB", servers.mongo),
    "mongo_node": ("MongoDB", _mongo_node),
}


@cache
def _missing(fixture: str) -> str | None:
    """Return the reason why a fixture's server can't be had, if it can't."""
    server, find = _SERVERS[fixture]
    try:
        with find():
            return None
    except servers.ServerUnavailableError as error:
        return f"{server} {_MISSING}: {error}"


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
