"""Changing a player list by a body of player ids, of any length."""

import asyncio
import csv
from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from contracts.keys import KEY_RULE, normalise_key
from contracts.profile import MAX_LISTS, PLAYER_ID_FIELD
from foundation.draining import Draining
from foundation.errors import Conflict, Invalid, ServiceError, Unavailable
from foundation.validation import parse_json
from profile_service.lines import LineReport, write_lines
from profile_service.profiles.lists import BATCH_PLAYERS, PlayerLists, ReplacementEnded
from profile_service.profiles.repository import ProfilesUnavailable
from profile_service.service import within_limit

MAX_UNKNOWN_NAMED = 100
BATCH_BYTES = 4 * 1024 * 1024
COUNT_SECONDS = 10.0
FULL = f"the player is in {MAX_LISTS} lists, and may be in no more"


class Mode(StrEnum):
    """What becomes of the players that a body names, and of the others in the list."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass
class ListReport(LineReport):
    """A report on lines, with how many players were added, removed and left as they were.

    `unknown` counts the lines with an id that has no profile, `unknown_ids` are the first 100.
    """

    added: int = 0
    removed: int = 0
    unchanged: int = 0
    unknown: int = 0
    unknown_ids: list[str] = field(default_factory=list)


class PlayerIds:
    """Reads player ids, one a line.

    A line of NDJSON is a text, or an object with a `player_id` and anything else. Of a line of
    CSV the first column counts; the first line may be a header, which is `player_id` there.
    """

    def __init__(self, *, as_csv: bool) -> None:
        self._as_csv = as_csv
        self._is_first = True

    def read(self, line: bytes) -> str | None:
        """Return the id that stands in a line, normalised; None for a header.

        Raises:
            Invalid: there is none.
        """
        is_first, self._is_first = self._is_first, False
        text = line.removeprefix(BOM_UTF8) if is_first else line
        player_id = _first_column(text) if self._as_csv else _id_in(parse_json(text))
        if self._as_csv and is_first and player_id == PLAYER_ID_FIELD:
            return None
        try:
            return normalise_key(player_id)
        except ValueError:
            raise Invalid.at(PLAYER_ID_FIELD, msg=f"must be {KEY_RULE}") from None


async def change_list(
    lists: PlayerLists,
    name: str,
    mode: Mode,
    chunks: AsyncIterator[bytes],
    report: ListReport,
    *,
    as_csv: bool,
    stopping: Draining,
) -> None:
    """Change a list by the ids in `chunks`, in batches as they arrive; `report` shows how far.

    A line that is wrong is refused by itself. When `chunks` ends with an error, the lines that
    arrived whole count before it is raised. A replacement first adds all that are named, and
    then removes the others: a player in the list before and after stays in it all the time. One
    that breaks off before its end leaves everybody in, or removes a part of the others.

    Raises:
        Conflict: a replacement names no stored player, or another replacement of the list has
            begun since.
        Unavailable: the lists cannot be written, or the service is stopping.
    """
    ids = PlayerIds(as_csv=as_csv)
    replacement = None
    if mode is Mode.REPLACE:
        replacement = await within_limit(lists.begin_replacement(name))

    async def write(lines: list[tuple[int, str]]) -> None:
        await _write(lists, name, lines, report, remove=mode is Mode.REMOVE, noting=replacement)

    try:
        await write_lines(
            chunks,
            report,
            read=ids.read,
            write=write,
            max_lines=BATCH_PLAYERS,
            max_bytes=BATCH_BYTES,
        )
        if replacement is not None:
            _check_anybody_named(report)
            await _remove_members(lists, name, report, stopping, unless_named_in=replacement)
    except ReplacementEnded:
        message = "another replacement of this list has begun since; repeat this one after it"
        raise Conflict(message) from None
    finally:
        if replacement is not None:
            # What is left behind is removed by the list's next replacement.
            with suppress(ServiceError):
                await within_limit(lists.end_replacement(name, replacement))


async def count_players(lists: PlayerLists, name: str) -> int:
    """Return how many players are in a list.

    Raises:
        Unavailable: they cannot be counted within 10 s.
    """
    try:
        async with asyncio.timeout(COUNT_SECONDS):
            return await lists.count(name)
    except (TimeoutError, ProfilesUnavailable):
        raise Unavailable("the players cannot be counted now") from None


async def empty_list(lists: PlayerLists, name: str, stopping: Draining) -> int:
    """Remove all players from a list; return how many were.

    Raises:
        Unavailable: the lists cannot be written, or the service is stopping.
    """
    report = ListReport()
    await _remove_members(lists, name, report, stopping)
    return report.removed


async def _write(
    lists: PlayerLists,
    name: str,
    lines: list[tuple[int, str]],
    report: ListReport,
    *,
    remove: bool,
    noting: str | None,
) -> None:
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for number, player_id in lines:
        numbers[player_id].append(number)
    change = await within_limit((lists.remove if remove else lists.add)(name, numbers.keys()))
    if noting is not None:
        await within_limit(lists.note_named(noting, numbers.keys() - change.unknown))
    unknown = [player_id for player_id in numbers if player_id in change.unknown]
    report.unknown += sum(len(numbers[player_id]) for player_id in unknown)
    report.unknown_ids += unknown[: MAX_UNKNOWN_NAMED - len(report.unknown_ids)]
    full = sorted(number for player_id in change.full for number in numbers[player_id])
    for number in full:
        report.refuse(number, FULL)
    if remove:
        report.removed += change.changed
    else:
        report.added += change.changed
    known = sum(map(len, numbers.values())) - len(full)
    report.unchanged += known - sum(len(numbers[each]) for each in unknown) - change.changed


async def _remove_members(
    lists: PlayerLists,
    name: str,
    report: ListReport,
    stopping: Draining,
    *,
    unless_named_in: str | None = None,
) -> None:
    async with aclosing(lists.members(name)) as batches:
        while (batch := await within_limit(anext(batches, None))) is not None:
            if stopping.started:
                raise Unavailable("the service is stopping")
            if unless_named_in is not None:
                batch = await within_limit(lists.unnamed(unless_named_in, batch))
            if batch:
                report.removed += (await within_limit(lists.remove(name, batch))).changed


def _check_anybody_named(report: ListReport) -> None:
    if not report.added + report.unchanged:
        message = "no stored player is named, so nobody is removed; DELETE empties a list"
        raise Conflict(message)


def _first_column(line: bytes) -> str:
    try:
        return next(csv.reader([line.decode()]))[0].strip()
    except UnicodeDecodeError:
        raise Invalid.at(msg="is not UTF-8") from None
    except (csv.Error, StopIteration, IndexError):
        raise Invalid.at(msg="is no line of CSV") from None


def _id_in(content: Any) -> str:
    player_id = content.get(PLAYER_ID_FIELD) if isinstance(content, dict) else content
    if not isinstance(player_id, str):
        message = f"must be a player id as JSON text, or an object with {PLAYER_ID_FIELD}"
        raise Invalid.at(msg=message)
    return player_id
