"""Importing profiles from NDJSON of any length, line by line."""

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass

from foundation.validation import parse_json
from profile_service.lines import LineReport, write_lines
from profile_service.profiles.repository import ProfileDocument
from profile_service.profiles.validation import valid_profile
from profile_service.service import CONFLICT, CONTENDED, ProfileService

BATCH_PROFILES = 500
BATCH_BYTES = 4 * 1024 * 1024


@dataclass
class ImportReport(LineReport):
    """A report on lines, with how many profiles were created and how many replaced."""

    created: int = 0
    replaced: int = 0


async def import_profiles(
    service: ProfileService, chunks: AsyncIterator[bytes], report: ImportReport
) -> None:
    """Write the profiles in batches as they arrive; `report` shows the progress.

    A line that is wrong, or that what is stored does not let in, is refused by itself. Of
    two lines for one player the later wins. When `chunks` ends with an error, the lines that
    arrived whole are written before it is raised.

    Raises:
        Unavailable: profiles cannot be written; those counted in the report are.
    """

    async def write(lines: list[tuple[int, ProfileDocument]]) -> None:
        await _write(service, lines, report)

    await write_lines(
        chunks, report, read=_read, write=write, max_lines=BATCH_PROFILES, max_bytes=BATCH_BYTES
    )


async def _write(
    service: ProfileService, lines: list[tuple[int, ProfileDocument]], report: ImportReport
) -> None:
    """Write a batch: an earlier line for a player counts as replaced."""
    batch = {profile["player_id"]: profile for _, profile in lines}
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for number, profile in lines:
        numbers[profile["player_id"]].append(number)
    written = await service.write(list(batch.values()))
    refused = {
        number: reason
        for players, reason in ((written.conflicts, CONFLICT), (written.contended, CONTENDED))
        for player_id in players
        for number in numbers[player_id]
    }
    for number in sorted(refused):
        report.refuse(number, refused[number])
    report.created += written.created
    report.replaced += len(lines) - len(refused) - written.created


def _read(line: bytes) -> ProfileDocument:
    return valid_profile(parse_json(line))
