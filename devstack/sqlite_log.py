"""SqliteChangeLog: the change log in a SQLite file, for the development stack."""

import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID

from pydantic import ValidationError

from campaign_publisher.log.change import (
    MAX_CHANGE_BYTES,
    AppendUnsettled,
    Change,
    ChangeTooLarge,
    Checkpoint,
    LogUnavailable,
)
from devstack.sqlite import Database, may_be_done, name_of, open_database

PAGE = 100
LOG_SECONDS = 5.0

_CHANGES_TABLE = """
CREATE TABLE IF NOT EXISTS campaign_changes (
    revision INTEGER PRIMARY KEY, id TEXT NOT NULL, document TEXT NOT NULL
) STRICT
"""
_CHECKPOINTS_TABLE = """
CREATE TABLE IF NOT EXISTS campaign_checkpoints (
    revision INTEGER PRIMARY KEY, head TEXT NOT NULL, state BLOB NOT NULL
) STRICT
"""
# A row comes back when the revision was free, or is taken by the very same change.
_APPEND = """
INSERT INTO campaign_changes (revision, id, document) VALUES (?, ?, ?)
ON CONFLICT (revision) DO UPDATE SET id = id WHERE id = excluded.id
RETURNING revision
"""
_READ = "SELECT document FROM campaign_changes WHERE revision >= ? ORDER BY revision LIMIT ?"
_NEWEST = "SELECT document FROM campaign_changes ORDER BY revision DESC LIMIT 1"
_ID_AT = "SELECT id FROM campaign_changes WHERE revision = ?"
_NEWEST_STORE = """
SELECT max(revision) FROM campaign_changes WHERE json_extract(document, '$.store_id') IS NOT NULL
"""
# Before changes named the one before them.
_EARLIER_FORM = """
SELECT 1 FROM campaign_changes
WHERE revision > 0 AND json_extract(document, '$.previous') IS NULL LIMIT 1
"""
_NEWEST_CHECKPOINT = """
SELECT saved.revision, saved.head, saved.state
FROM campaign_checkpoints AS saved
JOIN campaign_changes AS change ON change.revision = saved.revision AND change.id = saved.head
ORDER BY saved.revision DESC LIMIT 1
"""
_SAVE_CHECKPOINT = """
INSERT OR REPLACE INTO campaign_checkpoints (revision, head, state) VALUES (?, ?, ?)
"""
_FORGET_CHECKPOINTS = """
DELETE FROM campaign_checkpoints WHERE revision NOT IN
    (SELECT revision FROM campaign_checkpoints ORDER BY revision DESC LIMIT 2)
"""


class SqliteChangeLog:
    """A ChangeLog in a SQLite file: one row per change, its document as JSON."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, first: int) -> AsyncGenerator[Change, None]:
        """Yield the changes from revision `first` (included) on, in order."""
        while True:
            with _translated():
                rows = await self._database.run(_READ, first, PAGE)
            for (document,) in rows:
                change = _parse(document)
                yield change
                first = change.revision + 1
            if len(rows) < PAGE:
                return

    async def holds(self, revision: int, change_id: UUID) -> bool:
        """Return whether the change at a revision is the one with this id."""
        with _translated():
            rows = await self._database.run(_ID_AT, revision)
        return bool(rows) and rows[0][0] == str(change_id)

    async def is_free(self, revision: int) -> bool:
        """Return whether the log has no change at a revision."""
        with _translated():
            return not await self._database.run(_ID_AT, revision)

    async def newest_store(self) -> int:
        """Return the revision of the newest change that names a store, 0 when none does."""
        with _translated():
            rows = await self._database.run(_NEWEST_STORE)
        return rows[0][0] or 0

    async def newest(self) -> Change | None:
        """Return the change with the highest revision, or None when the log is empty."""
        with _translated():
            rows = await self._database.run(_NEWEST)
        return _parse(rows[0][0]) if rows else None

    async def append(self, change: Change) -> bool:
        """Commit a change; return False when its revision is taken by a change with another id."""
        document = change.model_dump_json(exclude_none=True)
        if len(document.encode()) > MAX_CHANGE_BYTES:
            raise ChangeTooLarge(f"a change must not be over {MAX_CHANGE_BYTES} bytes")
        try:
            rows = await self._database.run(_APPEND, change.revision, str(change.id), document)
        except (sqlite3.Error, TimeoutError) as error:
            kind = AppendUnsettled if may_be_done(error) else LogUnavailable
            raise kind(name_of(error)) from error
        return bool(rows)

    async def newest_checkpoint(self) -> Checkpoint | None:
        """Return the newest checkpoint whose head the log holds, if there is one."""
        with _translated():
            rows = await self._database.run(_NEWEST_CHECKPOINT)
        for revision, head, state in rows:
            return Checkpoint(revision=revision, head=head, state=state)
        return None

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint beside the log, and forget all but the newest two."""
        with _translated():
            await self._database.run(
                _SAVE_CHECKPOINT, checkpoint.revision, str(checkpoint.head), checkpoint.state
            )
            await self._database.run(_FORGET_CHECKPOINTS)

    async def prepare(self) -> None:
        """Make the tables, if they are missing, and check the form of the log."""
        with _translated():
            await self._database.run(_CHANGES_TABLE)
            await self._database.run(_CHECKPOINTS_TABLE)
            earlier = await self._database.run(_EARLIER_FORM)
        if earlier:
            raise LogUnavailable("SQLite: campaign_changes holds a log of an earlier form")


@asynccontextmanager
async def open_sqlite_log(
    path: Path, *, seconds: float = LOG_SECONDS
) -> AsyncIterator[SqliteChangeLog]:
    """Open the log that is kept in the file `path`; each operation ends within `seconds`.

    Raises:
        sqlite3.Error: the file cannot be opened or is no SQLite database.
    """
    async with open_database(path, seconds=seconds, synchronous="FULL") as database:
        yield SqliteChangeLog(database)


def _parse(document: str) -> Change:
    try:
        return Change.model_validate_json(document)
    except ValidationError as error:
        raise LogUnavailable("SQLite: a change cannot be read") from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, TimeoutError) as error:
        raise LogUnavailable(name_of(error)) from error
