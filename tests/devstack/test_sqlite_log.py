"""The change log in SQLite: what is its own, beside what the shared contract tests hold it to."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from campaign_publisher.log.change import (
    AppendUnsettled,
    Change,
    Checkpoint,
    LogUnavailable,
)
from campaign_publisher.log.documents import to_document
from devstack.sqlite import open_database
from devstack.sqlite_log import SqliteChangeLog, open_sqlite_log
from testbed.builders import a_campaign, a_head, golden
from tests.campaign_publisher.replicas import a_change


async def changes_of(log: SqliteChangeLog, first: int = 0) -> list[Change]:
    """Return all changes of a log from a revision on."""
    return [change async for change in log.read(first)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is kept."""
    return tmp_path / "log.sqlite"


@pytest.fixture
async def log(path: Path) -> AsyncIterator[SqliteChangeLog]:
    """An empty log, ready for use."""
    async with open_sqlite_log(path) as log:
        await log.prepare()
        yield log


async def test_keeps_changes_across_a_reopening(path: Path) -> None:
    """A log that is opened again holds what was committed to it, and its checkpoint."""
    changes = [a_change(0), a_change(1, a_campaign("Summer Event"))]
    checkpoint = Checkpoint(revision=1, head=a_head(1), state=b"{}")
    async with open_sqlite_log(path) as log:
        await log.prepare()
        assert [await log.append(change) for change in changes] == [True, True]
        await log.save_checkpoint(checkpoint)
    async with open_sqlite_log(path) as log:
        await log.prepare()
        assert await changes_of(log) == changes
        assert await log.newest_checkpoint() == checkpoint


async def test_a_locked_file_makes_it_unavailable(path: Path) -> None:
    """While another process holds the file, an append is certainly not made, within the limit."""
    async with open_sqlite_log(path, seconds=0.2) as log:
        await log.prepare()
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LogUnavailable) as caught:
            await log.append(a_change(0))
        holder.close()
        assert not isinstance(caught.value, AppendUnsettled)
        assert await log.append(a_change(0))


async def test_a_full_disk_makes_it_unavailable(path: Path) -> None:
    """An append that finds no space is certainly not made, and the reason says why."""
    async with open_database(path, seconds=1.0) as database:
        log = SqliteChangeLog(database)
        await log.prepare()
        [(pages,)] = await database.run("PRAGMA page_count")
        await database.run(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(LogUnavailable, match="SQLITE_FULL") as caught:
            await log.append(
                a_change(0, a_campaign("x" * 128), *(a_campaign(f"c{n}") for n in range(100)))
            )
        assert not isinstance(caught.value, AppendUnsettled)
        assert await log.newest() is None


async def test_without_its_table_it_is_unavailable(path: Path) -> None:
    """A log that was not prepared says so in the terms of its protocol."""
    async with open_sqlite_log(path) as log:
        with pytest.raises(LogUnavailable) as caught:
            await log.newest()
    # Readiness shows the reason to everybody.
    assert str(caught.value) == "OperationalError SQLITE_ERROR"


async def test_a_log_of_the_earlier_form_is_refused(log: SqliteChangeLog, path: Path) -> None:
    """A log whose changes do not name the one before them is named, and not used."""
    for revision in range(2):
        await log.append(a_change(revision))
    await log.prepare()
    with sqlite3.connect(path) as other:
        other.execute("UPDATE campaign_changes SET document = json_remove(document, '$.previous')")
    other.close()
    with pytest.raises(LogUnavailable, match="holds a log of an earlier form"):
        await log.prepare()


async def test_a_change_of_a_later_version_loses_nothing(log: SqliteChangeLog, path: Path) -> None:
    """Unknown keys, operations and matchers are read and kept."""
    later = orjson.dumps(golden("later_change")).decode()
    with sqlite3.connect(path) as other:
        other.execute("INSERT INTO campaign_changes VALUES (1, 'its id', ?)", (later,))
    other.close()
    [change] = await changes_of(log)
    assert await to_document(change) == golden("later_change")


async def test_an_unreadable_document_makes_it_unavailable(
    log: SqliteChangeLog, path: Path
) -> None:
    """A document that somebody else broke is no change, and no other error."""
    await log.append(a_change(0))
    with sqlite3.connect(path) as other:
        other.execute("UPDATE campaign_changes SET document = '{}'")
    other.close()
    with pytest.raises(LogUnavailable):
        await changes_of(log)
