"""Fixtures that all tests share: the real servers, and what to say when there are none."""

import os
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from tests import servers

_MISSING = "is not available"


@pytest.fixture(scope="session")
def amqp_url() -> Iterator[str]:
    """The URL of a real RabbitMQ, found or started at the first use."""
    with _required("RabbitMQ", servers.rabbitmq()) as url:
        yield url


@pytest.fixture(scope="session")
def mongo_url() -> Iterator[str]:
    """The URL of a real MongoDB, found or started at the first use."""
    with _required("MongoDB", servers.mongo()) as url:
        yield url


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
def _required(server: str, found: AbstractContextManager[str]) -> Iterator[str]:
    with ExitStack() as stack:
        reason = ""
        try:
            url = stack.enter_context(found)
        except servers.ServerUnavailableError as error:
            reason = f"{server} {_MISSING}: {error}"
        if reason and os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        if reason:
            pytest.skip(reason)
        yield url
