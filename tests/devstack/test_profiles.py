"""Profiles in SQLite: what is its own, beside what the shared contract tests hold it to."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from devstack.profiles import SqliteProfiles, open_sqlite_profiles
from profile_service.profiles import ActiveCampaignsUpdate, ProfilesUnavailable, Written
from tests import strategies
from tests.builders import PLAYER_ID, a_profile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the profiles are kept."""
    return tmp_path / "profiles.sqlite"


@pytest.fixture
async def profiles(path: Path) -> AsyncIterator[SqliteProfiles]:
    """No profiles yet, ready for use."""
    async with open_sqlite_profiles(path) as profiles:
        await profiles.prepare()
        yield profiles


async def test_keeps_profiles_across_a_reopening(path: Path) -> None:
    """A file that is opened again holds the profiles and their active campaigns."""
    async with open_sqlite_profiles(path) as profiles:
        await profiles.prepare()
        await profiles.put([a_profile()])
        await profiles.update_active_campaigns([ActiveCampaignsUpdate(PLAYER_ID, [], ["one"])])
    async with open_sqlite_profiles(path) as profiles:
        assert await profiles.prepare() == []
        assert await profiles.get(PLAYER_ID) == a_profile(active_campaigns=["one"])


@given(profile=strategies.stored_profiles())
def test_gives_back_any_profile_as_it_was(profile: dict[str, Any]) -> None:
    """A profile comes back value for value and key by key, but for its active campaigns."""

    async def back_and_forth() -> dict[str, Any] | None:
        async with open_sqlite_profiles(Path(":memory:")) as profiles:
            await profiles.prepare()
            await profiles.put([profile])
            return await profiles.get(profile["player_id"])

    expected = json.dumps({**profile, "active_campaigns": []})
    assert json.dumps(asyncio.run(back_and_forth())) == expected


async def test_the_order_of_keys_stays(profiles: SqliteProfiles) -> None:
    """`active_campaigns` stands where it was sent, or at the end."""
    await profiles.put(
        [
            {"player_id": "sent", "active_campaigns": ["mine"], "level": 1},
            {"player_id": "not sent", "level": 1},
        ]
    )
    sent, not_sent = await profiles.get("sent"), await profiles.get("not sent")
    assert sent is not None
    assert not_sent is not None
    assert list(sent.items()) == [("player_id", "sent"), ("active_campaigns", []), ("level", 1)]
    assert list(not_sent) == ["player_id", "level", "active_campaigns"]


async def test_counts_what_a_write_made_and_replaced(profiles: SqliteProfiles) -> None:
    """Each write tells new profiles from replaced ones, however often they were replaced."""
    one, two = a_profile("one"), a_profile("two")
    assert await profiles.put([one]) == Written(created=1, replaced=0)
    assert await profiles.put([one, two]) == Written(created=1, replaced=1)
    assert await profiles.put([one, two]) == Written(created=0, replaced=2)
    assert await profiles.put([]) == Written(created=0, replaced=0)


async def test_a_replaced_profile_keeps_its_active_campaigns(profiles: SqliteProfiles) -> None:
    """A write changes every field but that one, also when updates come at the same time."""
    await profiles.put([a_profile(level=1)])
    updates = [ActiveCampaignsUpdate(PLAYER_ID, [], ["one"])]
    _, updated = await asyncio.gather(
        profiles.put([a_profile(level=2)]), profiles.update_active_campaigns(updates)
    )
    assert updated == 1
    assert await profiles.get(PLAYER_ID) == a_profile(level=2, active_campaigns=["one"])


async def test_an_update_of_something_else_is_dropped(profiles: SqliteProfiles) -> None:
    """Only where the stored value is what was read is it replaced; nothing is created."""
    await profiles.put([a_profile("one"), a_profile("two")])
    updates = [
        ActiveCampaignsUpdate("one", [], ["a", "Fête d'été", "\u2028"]),
        ActiveCampaignsUpdate("two", ["other"], ["a"]),
        ActiveCampaignsUpdate("nobody", [], ["a"]),
    ]
    assert await profiles.update_active_campaigns(updates) == 1
    assert await profiles.get("one") == a_profile(
        "one", active_campaigns=["a", "Fête d'été", "\u2028"]
    )
    assert await profiles.get("two") == a_profile("two", active_campaigns=[])
    assert await profiles.get("nobody") is None


async def test_a_removed_profile_is_gone(profiles: SqliteProfiles) -> None:
    """A profile is removed once, and starts afresh when it is written again."""
    await profiles.put([a_profile()])
    await profiles.update_active_campaigns([ActiveCampaignsUpdate(PLAYER_ID, [], ["one"])])
    assert await profiles.delete(PLAYER_ID)
    assert not await profiles.delete(PLAYER_ID)
    assert await profiles.put([a_profile()]) == Written(created=1, replaced=0)
    assert await profiles.get(PLAYER_ID) == a_profile(active_campaigns=[])


async def test_a_locked_file_makes_them_unavailable(path: Path) -> None:
    """While another process holds the file, a write ends within the limit."""
    async with open_sqlite_profiles(path, seconds=0.2) as profiles:
        await profiles.prepare()
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ProfilesUnavailable):
            await profiles.put([a_profile()])
        holder.close()
        await profiles.ping()


async def test_without_their_table_they_are_unavailable(path: Path) -> None:
    """Profiles that were not prepared say so in the terms of their protocol."""
    async with open_sqlite_profiles(path) as profiles:
        with pytest.raises(ProfilesUnavailable):
            await profiles.ping()
