"""The machine's date jumps."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from asgi_lifespan import LifespanManager

from foundation.clock import SystemClock
from profile_service.main import create_app
from profile_service.messaging.handler import EventHandler
from profile_service.messaging.subscription import Subscription
from profile_service.profiles.repository import ProfileRepository
from profile_service.settings import Settings
from testbed.background import Background
from testbed.builders import PLAYER_ID, a_profile, a_published_campaign, a_snapshot
from testbed.fakes import FakeSubscription, InMemoryProfiles
from tests.faults import origin as answers
from tests.faults.origin import Origin

TTL = 2.0
HOUR = timedelta(hours=1)
DEADLINE = 10.0

Ask = Callable[[], Awaitable[httpx.Response]]


class SteppingClock(SystemClock):
    """The machine's clocks, with a date that a test sets ahead or back."""

    step = timedelta()

    def now(self) -> datetime:
        return super().now() + self.step


@asynccontextmanager
async def _asking(origin: Origin, clock: SteppingClock) -> AsyncIterator[Ask]:
    """Return how to ask a profile service in this process."""

    @asynccontextmanager
    async def profiles(_: Settings) -> AsyncIterator[ProfileRepository]:
        yield InMemoryProfiles(a_profile())

    @asynccontextmanager
    async def events(_: Settings, __: EventHandler) -> AsyncIterator[Subscription]:
        yield FakeSubscription()

    settings = Settings.model_validate({"campaigns_url": origin.url, "campaigns_ttl": TTL})
    app = create_app(settings, open_profiles=profiles, open_subscription=events, clock=clock)
    async with (
        LifespanManager(app) as running,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(running.app), base_url="http://profiles"
        ) as http,
    ):
        yield lambda: http.get(f"/get_client_config/{PLAYER_ID}")


async def _becomes(ask: Ask, condition: Callable[[httpx.Response], object]) -> httpx.Response:
    async with asyncio.timeout(DEADLINE):
        while not condition(answer := await ask()):  # noqa: ASYNC110 - time alone changes it
            await asyncio.sleep(0.02)
    return answer


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["an hour ahead", "an hour back"])
async def test_the_date_jumps(background: Background, step: timedelta) -> None:
    """Ages and the TTL do not follow a jump of the date, what is active does; nothing breaks."""
    now = datetime.now(UTC)
    snapshot = a_snapshot(
        [
            a_published_campaign("now", start=now - HOUR / 2, end=now + HOUR / 2),
            a_published_campaign("then", start=now + step - HOUR / 2, end=now + step + HOUR / 2),
        ],
    )
    clock = SteppingClock()
    with Origin(background, answers.snapshot(snapshot)) as origin:
        async with _asking(origin, clock) as ask:
            answer = await _becomes(ask, lambda got: got.status_code == httpx.codes.OK)
            assert answer.json()["active_campaigns"] == ["now"]

            clock.step = step
            answer = await ask()
            assert answer.json()["active_campaigns"] == ["then"]
            assert 0 <= float(answer.headers["x-campaigns-age"]) < TTL
            assert "x-campaigns-stale" not in answer.headers

            origin.answer = answers.error(503)
            answer = await _becomes(ask, lambda got: "x-campaigns-stale" in got.headers)
            assert TTL <= float(answer.headers["x-campaigns-age"]) < 2 * TTL
            origin.answer = answers.snapshot(snapshot)
            await _becomes(ask, lambda got: "x-campaigns-stale" not in got.headers)
            assert (await ask()).json()["active_campaigns"] == ["then"]
