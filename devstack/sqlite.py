"""A SQLite file, with a time limit on whatever is asked of it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite


class Database:
    """One connection to a SQLite file. Every statement is a transaction of its own."""

    def __init__(self, connection: aiosqlite.Connection, *, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds

    async def run(self, statement: str, *parameters: Any) -> list[Any]:
        """Run one statement and return its rows, each a tuple.

        Raises:
            sqlite3.Error: it failed, and changed nothing unless the disk failed.
            TimeoutError: it took too long; it may still be done.
        """
        async with asyncio.timeout(self._seconds):
            return list(await self._connection.execute_fetchall(statement, parameters))


@asynccontextmanager
async def open_database(
    path: Path, *, seconds: float, synchronous: str = "NORMAL"
) -> AsyncIterator[Database]:
    """Open a file, made when it is missing; each statement ends within `seconds`.

    `synchronous` is SQLite's: with FULL what was committed survives a loss of power,
    with NORMAL only a crash of the process.

    Raises:
        sqlite3.Error: the file cannot be opened or is no SQLite database.
    """
    # No isolation level: the module would open transactions of its own, which
    # tasks that share the connection would find themselves in.
    # SQLite's own patience ends first: its error says that nothing was done.
    connection = aiosqlite.connect(path, timeout=seconds / 2, isolation_level=None)
    async with connection:
        database = Database(connection, seconds=seconds)
        await database.run("PRAGMA journal_mode = WAL")
        await database.run(f"PRAGMA synchronous = {synchronous}")
        yield database


def may_be_done(error: Exception) -> bool:
    """Return whether a statement that failed with `error` may still have been carried out."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code & 0xFF == sqlite3.SQLITE_IOERR
    return True


def name_of(error: Exception) -> str:
    """Return an error's name and SQLite's code for it: its text may hold anything."""
    code = getattr(error, "sqlite_errorname", "")
    return f"{type(error).__name__} {code}".rstrip()
