"""SqlitePlayerLists: player lists in a SQLite file, for the development stack."""

import sqlite3
from collections.abc import AsyncGenerator, Collection
from typing import Any
from uuid import uuid4

import orjson

from contracts.profile import MAX_LISTS
from devstack.sqlite import Database, name_of
from foundation.outage import Outage
from profile_service.profiles.lists import BATCH_PLAYERS, ListChange, ReplacementEnded
from profile_service.profiles.outages import StoreOutages
from profile_service.profiles.repository import ProfilesUnavailable

_REPLACEMENTS_TABLE = """
CREATE TABLE IF NOT EXISTS list_replacements (
    list TEXT PRIMARY KEY, replacement TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""
# The empty id, which is no player's, stands here until the replacement ends.
_NAMED_TABLE = """
CREATE TABLE IF NOT EXISTS list_replacement_players (
    replacement TEXT, player_id TEXT, PRIMARY KEY (replacement, player_id)
) STRICT, WITHOUT ROWID
"""
_KNOWN = "SELECT player_id FROM profiles WHERE player_id IN (SELECT value FROM json_each(?))"
_ADD = """
UPDATE profiles SET lists = json_insert(coalesce(lists, '[]'), '$[#]', ?1)
WHERE player_id IN (SELECT value FROM json_each(?2))
    AND NOT EXISTS (SELECT 1 FROM json_each(lists) WHERE value = ?1)
    AND json_array_length(coalesce(lists, '[]')) < ?3
RETURNING player_id
"""
_OTHERS = """
SELECT player_id FROM profiles
WHERE player_id IN (SELECT value FROM json_each(?2))
    AND NOT EXISTS (SELECT 1 FROM json_each(lists) WHERE value = ?1)
"""
_REMOVE = """
UPDATE profiles SET lists = (
    SELECT nullif(json_group_array(value), '[]') FROM json_each(lists) WHERE value <> ?1
)
WHERE player_id IN (SELECT value FROM json_each(?2))
    AND EXISTS (SELECT 1 FROM json_each(lists) WHERE value = ?1)
RETURNING player_id
"""
_COUNT = """
SELECT count(*) FROM profiles WHERE EXISTS (SELECT 1 FROM json_each(lists) WHERE value = ?)
"""
_MEMBERS = """
SELECT player_id FROM profiles
WHERE player_id > ? AND EXISTS (SELECT 1 FROM json_each(lists) WHERE value = ?)
ORDER BY player_id LIMIT ?
"""
_NOTE = """
INSERT INTO list_replacement_players (replacement, player_id)
SELECT ?1, value FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING
"""
_NAMED = """
SELECT player_id FROM list_replacement_players
WHERE replacement = ? AND player_id IN (SELECT value FROM json_each(?))
"""
_EARLIER = "SELECT replacement FROM list_replacements WHERE list = ?"
_BEGIN = "INSERT OR REPLACE INTO list_replacements (list, replacement) VALUES (?, ?)"
_FORGET = "DELETE FROM list_replacement_players WHERE replacement = ?"
_END = "DELETE FROM list_replacements WHERE list = ? AND replacement = ?"


class SqlitePlayerLists:
    """The column `lists` of the profiles: a JSON list of names, or NULL."""

    def __init__(self, database: Database, outages: StoreOutages) -> None:
        self._database = database
        self._outages = outages

    async def prepare(self) -> None:
        """Make the tables of replacements, if they are missing."""
        await self._run(self._outages.writes, _REPLACEMENTS_TABLE)
        await self._run(self._outages.writes, _NAMED_TABLE)

    async def add(self, name: str, player_ids: Collection[str]) -> ListChange:
        """Put players into a list."""
        ids = _json(player_ids)
        known = await self._ids(_KNOWN, ids)
        added = await self._run(self._outages.writes, _ADD, name, ids, MAX_LISTS)
        full = await self._ids(_OTHERS, name, ids)
        return ListChange(len(added), frozenset(player_ids) - known, frozenset(full))

    async def remove(self, name: str, player_ids: Collection[str]) -> ListChange:
        """Take players out of a list. A field without any list is removed."""
        ids = _json(player_ids)
        known = await self._ids(_KNOWN, ids)
        removed = await self._run(self._outages.writes, _REMOVE, name, ids)
        return ListChange(len(removed), frozenset(player_ids) - known)

    async def count(self, name: str) -> int:
        """Return how many players are in a list."""
        [(count,)] = await self._run(self._outages.reads, _COUNT, name)
        return int(count)

    async def members(self, name: str) -> AsyncGenerator[list[str], None]:
        """Yield the ids of the players in a list, in batches; each may be removed meanwhile."""
        last = ""
        while True:
            rows = await self._run(self._outages.reads, _MEMBERS, last, name, BATCH_PLAYERS)
            if not rows:
                return
            last = rows[-1][0]
            yield [player_id for (player_id,) in rows]

    async def begin_replacement(self, name: str) -> str:
        """Return the name of a new replacement of a list; an earlier one of that list ends."""
        replacement = uuid4().hex
        await self._run(self._outages.writes, _NOTE, replacement, _json([""]))
        earlier = await self._run(self._outages.reads, _EARLIER, name)
        await self._run(self._outages.writes, _BEGIN, name, replacement)
        for (each,) in earlier:
            await self._run(self._outages.writes, _FORGET, each)
        return replacement

    async def note_named(self, replacement: str, player_ids: Collection[str]) -> None:
        """Keep that a replacement names these players."""
        await self._run(self._outages.writes, _NOTE, replacement, _json(player_ids))
        try:
            await self.unnamed(replacement, [])
        except ReplacementEnded:
            await self._run(self._outages.writes, _FORGET, replacement)
            raise

    async def unnamed(self, replacement: str, player_ids: Collection[str]) -> list[str]:
        """Return which of these players a replacement does not name."""
        named = await self._ids(_NAMED, replacement, _json(["", *player_ids]))
        if "" not in named:
            raise ReplacementEnded
        return [each for each in player_ids if each not in named]

    async def end_replacement(self, name: str, replacement: str) -> None:
        """Forget whom a replacement names."""
        await self._run(self._outages.writes, _FORGET, replacement)
        await self._run(self._outages.writes, _END, name, replacement)

    async def _ids(self, question: str, *parameters: str) -> set[str]:
        rows = await self._run(self._outages.reads, question, *parameters)
        return {player_id for (player_id,) in rows}

    async def _run(self, outage: Outage, statement: str, *parameters: str | int) -> list[Any]:
        with outage.watching(ProfilesUnavailable):
            try:
                return await self._database.run(statement, *parameters)
            except (sqlite3.Error, TimeoutError) as error:
                raise ProfilesUnavailable(name_of(error)) from error


def _json(player_ids: Collection[str]) -> str:
    return orjson.dumps([*player_ids]).decode()
