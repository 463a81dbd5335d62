"""The report that checks add up to, and its routes."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from foundation.health import Check, Report, Status, health_router


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((Status.OK, Status.OK), Status.OK),
        ((Status.OK, Status.DEGRADED), Status.DEGRADED),
        ((Status.DEGRADED, Status.UNAVAILABLE), Status.UNAVAILABLE),
        ((Status.UNAVAILABLE, Status.OK), Status.UNAVAILABLE),
    ],
)
def test_the_worst_check_is_the_whole(statuses: tuple[Status, ...], expected: Status) -> None:
    """A service is as well as its worst part, and ready unless that is unavailable."""
    checks = {str(number): Check.of(status) for number, status in enumerate(statuses)}
    report = Report.of(checks, draining=False)
    assert report.status is expected
    assert report.is_ready is (expected is not Status.UNAVAILABLE)


def test_a_stop_is_the_whole_whatever_the_checks_say() -> None:
    """A service that is about to stop is not ready."""
    for status in (Status.OK, Status.UNAVAILABLE):
        report = Report.of({"one": Check.of(status)}, draining=True)
        assert (report.status, report.is_ready) == (Status.DRAINING, False)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app whose store is unreadable."""

    async def report() -> Report:
        shown = {"status": "unreadable", "age": 7.5, "revision": None}
        return Report.of({"store": Check(Status.UNAVAILABLE, shown)}, draining=False)

    app = FastAPI()
    app.include_router(health_router(report, description="503 without the store."))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
async def test_readiness_shows_each_check(client: httpx.AsyncClient, path: str) -> None:
    """503 while a part is unavailable, with what is known of it, for machines and people."""
    answer = await client.get(path)
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "checks": {"store": {"status": "unreadable", "age": 7.5, "revision": None}},
    }


async def test_a_process_lives_whatever_it_lacks(client: httpx.AsyncClient) -> None:
    """Liveness asks nothing: no restart brings back another server."""
    answer = await client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
