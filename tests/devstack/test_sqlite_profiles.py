"""Profiles in SQLite: what is its own, beside what the shared contract tests hold it to."""

import json
import resource
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.sqlite_profiles import open_sqlite_profiles
from profile_service.profiles.repository import ActiveCampaignsUpdate, ProfilesUnavailable, Written
from testbed.builders import PLAYER_ID, a_profile


@contextmanager
def bounded_size(path: Path, *, blocks: int) -> Iterator[None]:
    """Let files of this process grow by so many blocks of 4 KiB only, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = max(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + blocks * 4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the profiles are kept."""
    return tmp_path / "profiles.sqlite"


async def test_keeps_profiles_across_a_reopening(path: Path) -> None:
    """A file that is opened again holds the profiles and their active campaigns."""
    async with open_sqlite_profiles(path) as profiles:
        await profiles.prepare()
        await profiles.put([a_profile()])
        await profiles.update_active_campaigns([ActiveCampaignsUpdate(PLAYER_ID, [], ["one"])])
    async with open_sqlite_profiles(path) as profiles:
        assert await profiles.prepare() == []
        assert await profiles.get(PLAYER_ID) == a_profile(active_campaigns=["one"])


async def test_a_file_of_an_earlier_version_is_opened(path: Path) -> None:
    """It lacks the columns of lists and overrides: its profiles are read, and can have them."""
    earlier = sqlite3.connect(path)
    earlier.execute(
        "CREATE TABLE profiles (player_id TEXT PRIMARY KEY, document TEXT NOT NULL, "
        "active_campaigns TEXT NOT NULL DEFAULT '[]', writes INTEGER NOT NULL DEFAULT 1"
        ") STRICT, WITHOUT ROWID"
    )
    row = (PLAYER_ID, json.dumps(a_profile(active_campaigns=None)), '["one"]')
    earlier.execute(
        "INSERT INTO profiles (player_id, document, active_campaigns) VALUES (?, ?, ?)", row
    )
    earlier.commit()
    earlier.close()
    for _ in range(2):
        async with open_sqlite_profiles(path) as profiles:
            assert await profiles.prepare() == []
            assert await profiles.get(PLAYER_ID) == a_profile(active_campaigns=["one"])
            assert await profiles.put([a_profile()]) == Written(created=0, replaced=1)
            assert await profiles.change_overrides(PLAYER_ID, lambda stored: stored or [])


async def test_an_empty_batch_is_nothing(path: Path) -> None:
    """Nothing to write is written at once."""
    async with open_sqlite_profiles(path) as profiles:
        await profiles.prepare()
        assert await profiles.put([]) == Written(created=0, replaced=0)
        assert await profiles.update_active_campaigns([]) == 0


async def test_separators_that_scripts_dislike_are_just_text(path: Path) -> None:
    """U+2028 and quotes go into the SQL as data, and come back."""
    names = ["\u2028", "it's", '"', "\\u0000"]
    async with open_sqlite_profiles(path) as profiles:
        await profiles.prepare()
        await profiles.put([a_profile()])
        assert await profiles.update_active_campaigns([ActiveCampaignsUpdate(PLAYER_ID, [], names)])
        assert await profiles.get(PLAYER_ID) == a_profile(active_campaigns=names)


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


async def test_a_full_disk_is_logged_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With SQLite's name for it, and once more when a write succeeds again."""
    caplog.set_level("INFO", "profile_service")
    async with open_sqlite_profiles(path) as profiles:
        await profiles.prepare()
        with bounded_size(path, blocks=20):
            for _ in range(3):
                with pytest.raises(ProfilesUnavailable):
                    await profiles.put([a_profile(_note="x" * 1_000_000)])
            assert profiles.outages.writes.is_failing
            assert await profiles.get(PLAYER_ID) is None
        await profiles.put([a_profile()])
        assert not profiles.outages.writes.is_failing
    began, ended = caplog.messages
    assert began.startswith("profiles cannot be written: ")
    assert "SQLITE_" in began
    assert ended == "profiles can be written again"
