"""Player lists in SQLite: what is its own, beside what the shared contract tests hold it to."""

import sqlite3
from pathlib import Path

import pytest

from devstack.sqlite_profiles import open_sqlite_profiles
from profile_service.profiles.lists import ListChange
from profile_service.profiles.repository import ProfilesUnavailable
from testbed.builders import a_profile


async def test_a_player_is_in_a_thousand_lists_at_most(tmp_path: Path) -> None:
    """One more is reported; one of them may still be left, and another entered."""
    async with open_sqlite_profiles(tmp_path / "profiles.sqlite") as profiles:
        await profiles.prepare()
        await profiles.put([a_profile("full"), a_profile("other")])
        lists = profiles.lists
        for number in range(1000):
            assert (await lists.add(f"{number}", ["full"])).changed == 1
        assert await lists.add("more", ["full", "other"]) == ListChange(1, full=frozenset({"full"}))
        assert await lists.add("7", ["full"]) == ListChange(0)
        assert await lists.remove("7", ["full"]) == ListChange(1)
        assert await lists.add("more", ["full"]) == ListChange(1)


async def test_lists_are_kept_across_a_reopening(tmp_path: Path) -> None:
    """And the list of a replacement that broke off is replaced again."""
    path = tmp_path / "profiles.sqlite"
    async with open_sqlite_profiles(path) as profiles:
        await profiles.prepare()
        await profiles.lists.prepare()
        await profiles.put([a_profile("a")])
        await profiles.lists.add("vip", ["a"])
        await profiles.lists.note_named(await profiles.lists.begin_replacement("vip"), ["a"])
    async with open_sqlite_profiles(path) as profiles:
        await profiles.lists.prepare()
        assert await profiles.lists.count("vip") == 1
        replacement = await profiles.lists.begin_replacement("vip")
        assert await profiles.lists.unnamed(replacement, ["a"]) == ["a"]
        await profiles.lists.end_replacement("vip", replacement)
    with sqlite3.connect(path) as connection:
        left = connection.execute("SELECT * FROM list_replacement_players").fetchall()
        left += connection.execute("SELECT * FROM list_replacements").fetchall()
    connection.close()
    assert left == []


async def test_a_locked_file_makes_them_unavailable(tmp_path: Path) -> None:
    """While another process holds the file, a change ends within the limit."""
    path = tmp_path / "profiles.sqlite"
    async with open_sqlite_profiles(path, seconds=0.2) as profiles:
        await profiles.prepare()
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ProfilesUnavailable):
            await profiles.lists.add("vip", ["a"])
        assert profiles.outages.writes.is_failing
        holder.close()
