"""SqliteProfiles: profiles in a SQLite file, for the development stack."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from contracts.profile import (
    ACTIVE_CAMPAIGNS_FIELD,
    LISTS_FIELD,
    OVERRIDES_FIELD,
    PLAYER_ID_FIELD,
    SERVICE_FIELDS,
)
from devstack.sqlite import Database, name_of, open_database
from devstack.sqlite_lists import SqlitePlayerLists
from foundation.outage import Outage
from profile_service.profiles.counting import Tally
from profile_service.profiles.outages import StoreOutages
from profile_service.profiles.query import Query
from profile_service.profiles.repository import (
    ActiveCampaignsUpdate,
    Condition,
    Counted,
    FieldChange,
    ProfileContended,
    ProfileDocument,
    ProfilesUnavailable,
    Written,
    written_document,
)

PROFILES_SECONDS = 5.0
# Writers of one file are few: there is no need to pause between the rounds.
MAX_ROUNDS = 10

# Each of the service's own fields stands in a column of its own, so that a write of the
# document does not touch it; in the document a null keeps its place among the keys. A column
# is NULL where the profile has no such field.
_TABLE = """
CREATE TABLE IF NOT EXISTS profiles (
    player_id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    active_campaigns TEXT NOT NULL DEFAULT '[]',
    writes INTEGER NOT NULL DEFAULT 1,
    lists TEXT,
    overrides TEXT
) STRICT, WITHOUT ROWID
"""
_COLUMNS = "SELECT name FROM pragma_table_info('profiles')"
# Files of earlier versions lack these.
_ADDED = {
    LISTS_FIELD: "ALTER TABLE profiles ADD COLUMN lists TEXT",
    OVERRIDES_FIELD: "ALTER TABLE profiles ADD COLUMN overrides TEXT",
}
_GET = """
SELECT player_id, document, active_campaigns, lists, overrides FROM profiles
WHERE player_id IN (SELECT value FROM json_each(?))
"""
_COUNT = "SELECT count(*) FROM profiles"
_PAGE = """
SELECT player_id, document, active_campaigns, lists, overrides FROM profiles
WHERE player_id > ? ORDER BY player_id LIMIT 500
"""
# One statement for a whole batch, which is a JSON list of lists. "WHERE true" tells
# SQLite's parser that ON does not begin a join.
_PUT = """
INSERT INTO profiles (player_id, document)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?) WHERE true
ON CONFLICT (player_id) DO UPDATE SET document = excluded.document, writes = writes + 1
RETURNING writes = 1, player_id, active_campaigns, lists, overrides
"""
# The conditional writes name the whole text that was judged.
_CREATE = """
INSERT INTO profiles (player_id, document) VALUES (?, ?)
ON CONFLICT (player_id) DO NOTHING RETURNING active_campaigns, lists, overrides
"""
_REPLACE = """
UPDATE profiles SET document = ?, writes = writes + 1
WHERE player_id = ? AND document = ? RETURNING active_campaigns, lists, overrides
"""
_DELETE_EXACTLY = "DELETE FROM profiles WHERE player_id = ? AND document = ? RETURNING player_id"
_DELETE = "DELETE FROM profiles WHERE player_id = ? RETURNING player_id"
_OVERRIDES = "SELECT overrides FROM profiles WHERE player_id = ?"
_SET_OVERRIDES = """
UPDATE profiles SET overrides = ? WHERE player_id = ? AND overrides IS ? RETURNING player_id
"""
_UPDATE = """
UPDATE profiles SET active_campaigns = json_extract(updates.value, '$[2]')
FROM json_each(?) AS updates
WHERE player_id = json_extract(updates.value, '$[0]')
    AND active_campaigns = json_extract(updates.value, '$[1]')
    AND NOT EXISTS (
        SELECT 1 FROM json_each(updates.value, '$[3]') AS decided_on
        WHERE CASE decided_on.key
            WHEN 'lists' THEN json(lists)
            WHEN 'overrides' THEN json(overrides)
            -- not by a path, which no name with a quote can stand in
            ELSE (SELECT value FROM json_each(document) AS field WHERE field.key = decided_on.key)
        END IS NOT decided_on.value
    )
RETURNING player_id
"""


class SqliteProfiles:
    """A ProfileRepository in a SQLite file: one row per player, the document as JSON."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.outages = StoreOutages()
        self.lists = SqlitePlayerLists(database, self.outages)

    async def get(self, player_id: str) -> ProfileDocument | None:
        """Return the stored document, or None when there is none."""
        return (await self.get_many([player_id])).get(player_id)

    async def get_many(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
        """Return the stored documents, by player id, where there are any."""
        found: dict[str, ProfileDocument] = {}
        for player_id, document, *columns in await self._run(
            self.outages.reads, _GET, _json([*player_ids])
        ):
            found[player_id] = _stored(document, columns)
        return found

    async def put(self, profiles: Sequence[ProfileDocument]) -> Written:
        """Write profiles whole; a stored one keeps the service's own fields."""
        batch = [[profile[PLAYER_ID_FIELD], _document(profile)] for profile in profiles]
        rows = await self._run(self.outages.writes, _PUT, _json(batch))
        created = sum(is_new for is_new, *_ in rows)
        kept = {player_id: _kept(columns) for _, player_id, *columns in rows}
        return Written(created, len(rows) - created, kept=kept)

    async def put_if(self, profile: ProfileDocument, condition: Condition) -> Written:
        """Write one profile, if `condition` allows it, as `put` does."""
        player_id, document = profile[PLAYER_ID_FIELD], _document(profile)
        for _ in range(MAX_ROUNDS):
            judged = await self._judged(player_id, condition)
            statement = (
                (_CREATE, player_id, document)
                if judged is None
                else (_REPLACE, document, player_id, judged)
            )
            rows = await self._run(self.outages.writes, *statement)
            if rows:
                is_new = judged is None
                kept = {player_id: _kept(rows[0])}
                return Written(int(is_new), int(not is_new), kept=kept)
        return Written(0, 0, contended=frozenset({player_id}))

    async def delete(self, player_id: str) -> bool:
        """Remove a profile; return whether there was one."""
        return bool(await self._run(self.outages.writes, _DELETE, player_id))

    async def delete_if(self, player_id: str, condition: Condition) -> bool:
        """Remove a profile, if `condition` allows it; return whether there was one."""
        for _ in range(MAX_ROUNDS):
            judged = await self._judged(player_id, condition)
            if judged is None:
                return False
            if await self._run(self.outages.writes, _DELETE_EXACTLY, player_id, judged):
                return True
        raise ProfileContended

    async def change_overrides(self, player_id: str, change: FieldChange) -> bool:
        """Change that one field while it is still as it was read; return whether there is one."""
        for _ in range(MAX_ROUNDS):
            rows = await self._run(self.outages.reads, _OVERRIDES, player_id)
            if not rows:
                return False
            [(stored,)] = rows
            changed = change(None if stored is None else orjson.loads(stored))
            column = _json(changed) if changed else None
            if await self._run(self.outages.writes, _SET_OVERRIDES, column, player_id, stored):
                return True
        raise ProfileContended

    async def update_active_campaigns(self, updates: Sequence[ActiveCampaignsUpdate]) -> int:
        """Set that one field where the profile is still as it was read; return how many were."""
        batch = [
            [
                update.player_id,
                _json(update.read),
                _json(update.active_campaigns),
                dict(update.decided_on),
            ]
            for update in updates
        ]
        return len(await self._run(self.outages.writes, _UPDATE, _json(batch)))

    async def count(self, query: Query, *, seconds: float, sample: int) -> Counted:
        """Count the profiles that match by looking at each, for about `seconds`."""
        until = asyncio.get_running_loop().time() + seconds
        [(total,)] = await self._run(self.outages.reads, _COUNT)
        tally = Tally(query, most=sample)
        is_exact = await tally.judge(self._all(), until=until)
        return Counted(tally.matching, max(total, tally.matching), tally.sample, is_exact)

    async def _all(self) -> AsyncIterator[ProfileDocument]:
        last = ""
        while rows := await self._run(self.outages.reads, _PAGE, last):
            for player_id, document, *columns in rows:
                last = player_id
                yield _stored(document, columns)

    async def ping(self) -> None:
        """Do nothing but reach the file."""
        await self._run(self.outages.pings, "SELECT 1 FROM profiles LIMIT 1")

    async def prepare(self) -> list[str]:
        """Make the table, if it is missing; its key is unique, so there are no duplicates."""
        await self._run(self.outages.writes, _TABLE)
        columns = {name for (name,) in await self._run(self.outages.reads, _COLUMNS)}
        for column in _ADDED.keys() - columns:
            await self._run(self.outages.writes, _ADDED[column])
        return []

    async def _judged(self, player_id: str, condition: Condition) -> str | None:
        """Return the text of the stored document, once `condition` allows the write."""
        rows = await self._run(self.outages.reads, _GET, _json([player_id]))
        if not rows:
            condition(None)
            return None
        [(_, document, *columns)] = rows
        condition(_stored(document, columns))
        return str(document)

    async def _run(self, outage: Outage, statement: str, *parameters: str | None) -> list[Any]:
        with outage.watching(ProfilesUnavailable):
            try:
                return await self._database.run(statement, *parameters)
            except (sqlite3.Error, TimeoutError) as error:
                raise ProfilesUnavailable(name_of(error)) from error


@asynccontextmanager
async def open_sqlite_profiles(
    path: Path, *, seconds: float = PROFILES_SECONDS
) -> AsyncIterator[SqliteProfiles]:
    """Open the profiles that are kept in the file `path`; each operation ends within `seconds`.

    Raises:
        sqlite3.Error: the file cannot be opened or is no SQLite database.
    """
    async with open_database(path, seconds=seconds) as database:
        yield SqliteProfiles(database)


def _document(profile: ProfileDocument) -> str:
    sent = {field: None if field in SERVICE_FIELDS else value for field, value in profile.items()}
    return _json({**sent, ACTIVE_CAMPAIGNS_FIELD: None})


def _stored(document: str, columns: Sequence[str | None]) -> ProfileDocument:
    """Return a profile from its document and the columns of the service's own fields."""
    return written_document(orjson.loads(document), _kept(columns))


def _kept(columns: Sequence[str | None]) -> ProfileDocument:
    """Return the service's own fields that a profile has; the columns are in their order."""
    return {
        field: orjson.loads(column)
        for field, column in zip(SERVICE_FIELDS, columns, strict=True)
        if column is not None
    }


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
