"""The profile service as a whole, from start to stop."""

import asyncio
from pathlib import Path

import pytest

from profile_service.main import create_app
from testbed.builders import PLAYER_ID, a_profile, a_published_campaign, a_snapshot
from testbed.fakes import FakeOrigin, InMemoryProfiles
from tests.apps import ProfileParts, a_profile_app, serving
from tests.simulated_time import settle

PATH = f"/get_client_config/{PLAYER_ID}"
SNAPSHOT = a_snapshot([a_published_campaign()], revision=5)
DEADLINE = 10.0


def parts_with(origin: FakeOrigin) -> ProfileParts:
    """Return parts with one player."""
    return ProfileParts(profiles=InMemoryProfiles(a_profile()), origin=origin)


async def test_a_restart_while_the_campaign_service_is_away(tmp_path: Path) -> None:
    """The last-good file is served, as stale, from the first request on."""
    backup = tmp_path / "campaigns"
    async with (
        serving(a_profile_app(parts_with(FakeOrigin(SNAPSHOT)), campaigns_backup=backup)),
        asyncio.timeout(DEADLINE),
    ):
        while not backup.exists():  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.002)
    parts = parts_with(FakeOrigin())
    async with serving(a_profile_app(parts, campaigns_backup=backup)) as client:
        answer = await client.get(PATH)
        assert answer.status_code == 200
        assert answer.json()["active_campaigns"] == ["mycampaign"]
        assert answer.headers["x-campaigns-stale"] == "true"
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        await settle()
    assert parts.profiles.updates == []


async def test_it_starts_with_everything_away(tmp_path: Path) -> None:
    """HTTP is served from the first second, and says what is missing."""
    parts = parts_with(FakeOrigin())
    parts.profiles.unavailable = True
    async with serving(a_profile_app(parts, campaigns_backup=tmp_path / "none")) as client:
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/health/ready")).status_code == 503
        assert (await client.get(PATH)).status_code == 503


def test_a_wrong_setting_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started, with one line."""
    monkeypatch.setenv("CAMPAIGNS_TTL", "soon")
    with pytest.raises(SystemExit, match="CAMPAIGNS_TTL='soon'"):
        create_app()
