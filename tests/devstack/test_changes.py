"""The change log in SQLite: what is its own, beside what the shared contract tests hold it to."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_publisher.changes import (
    MAX_CHANGE_BYTES,
    AppendUnsettled,
    Change,
    ChangeTooLarge,
    Checkpoint,
    LogUnavailable,
    Operation,
)
from contracts.campaign import Campaign
from devstack.changes import PAGE, SqliteChangeLog, open_sqlite_log
from tests import strategies
from tests.builders import NOW, STORE_ID, a_campaign, a_head


def a_change(revision: int, *put: Campaign, id: UUID | None = None, actor: str = "me") -> Change:  # noqa: A002
    """Give a change that puts campaigns; without an id it has the one of its revision."""
    return Change(
        revision=revision,
        id=id or a_head(revision),
        at=NOW,
        actor=actor,
        op=Operation.PUT,
        put=put,
        store_id=None if revision else STORE_ID,
    )


async def changes_of(log: SqliteChangeLog, first: int = 0) -> list[Change]:
    """Give all changes of a log from a revision on."""
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


@given(campaigns=st.lists(strategies.campaigns(), max_size=3), change_id=st.uuids())
def test_gives_back_any_campaign_as_it_was(campaigns: list[Campaign], change_id: UUID) -> None:
    """Whatever a change holds comes back equal."""
    change = a_change(0, *campaigns, id=change_id)

    async def back_and_forth() -> Change | None:
        async with open_sqlite_log(Path(":memory:")) as log:
            await log.prepare()
            await log.append(change)
            return await log.newest()

    assert asyncio.run(back_and_forth()) == change


async def test_one_of_many_appends_wins_a_revision(log: SqliteChangeLog, path: Path) -> None:
    """Of changes that are appended at once to one revision, over two connections, one is kept."""
    async with open_sqlite_log(path) as other:
        rivals = [a_change(0, id=uuid4()) for _ in range(10)]
        won = await asyncio.gather(
            *(where.append(change) for change in rivals for where in (log, other)),
        )
    [kept] = await changes_of(log)
    # Both connections tried each change: the winner's second append finds its own change.
    assert [change for change, success in zip(_twice(rivals), won, strict=True) if success] == [
        kept,
        kept,
    ]


def _twice(changes: list[Change]) -> list[Change]:
    return [change for change in changes for _ in range(2)]


async def test_repeating_an_append_changes_nothing(log: SqliteChangeLog) -> None:
    """A change that is appended again is a success, and the log keeps the first one's content."""
    assert await log.append(a_change(0, actor="first"))
    assert await log.append(a_change(0, actor="second"))
    assert [change.actor for change in await changes_of(log)] == ["first"]


async def test_reads_on_past_a_page(log: SqliteChangeLog) -> None:
    """A log that is longer than a page is read whole and in order, from any revision."""
    for revision in range(2 * PAGE):
        await log.append(a_change(revision))
    revisions = [change.revision for change in await changes_of(log, first=1)]
    assert revisions == list(range(1, 2 * PAGE))


async def test_a_checkpoint_of_another_log_is_not_given(log: SqliteChangeLog) -> None:
    """A checkpoint counts only while the log holds its head."""
    await log.append(a_change(0))
    await log.append(a_change(1))
    await log.save_checkpoint(Checkpoint(revision=0, head=a_head(0), state=b"old"))
    await log.save_checkpoint(Checkpoint(revision=1, head=uuid4(), state=b"parted"))
    found = await log.newest_checkpoint()
    assert found is not None
    assert found.state == b"old"


async def test_refuses_a_change_over_the_limit(log: SqliteChangeLog) -> None:
    """A change whose document is over 12 MiB is refused, and the log stays as it was."""
    with pytest.raises(ChangeTooLarge):
        await log.append(a_change(0, actor="x" * MAX_CHANGE_BYTES))
    assert await log.newest() is None


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


async def test_without_its_table_it_is_unavailable(path: Path) -> None:
    """A log that was not prepared says so in the terms of its protocol."""
    async with open_sqlite_log(path) as log:
        with pytest.raises(LogUnavailable):
            await log.newest()


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
