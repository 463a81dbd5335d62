"""Importing profiles from NDJSON of any length, line by line."""

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from foundation.errors import Invalid, ServiceError
from foundation.slices import in_slices
from foundation.validation import parse_json
from profile_service.profiles.repository import ProfileDocument
from profile_service.profiles.validation import valid_profile
from profile_service.service import CONFLICT, CONTENDED, ProfileService

MAX_LINE_BYTES = 1024 * 1024
MAX_ERRORS = 100
BATCH_PROFILES = 500
BATCH_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class LineError:
    """What is wrong with a line; lines are counted from 1."""

    line: int
    detail: str


@dataclass
class ImportReport:
    """How many lines were received, profiles created and replaced, and lines refused.

    `errors` names the first 100 refused lines. Empty lines are not counted. `reached` is the
    number of the last line before which, and with which, every line is written, refused or
    empty; 0 before the first. An import that broke off goes on after it.
    """

    received: int = 0
    created: int = 0
    replaced: int = 0
    failed: int = 0
    reached: int = field(default=0, compare=False)
    errors: list[LineError] = field(default_factory=list)

    def refuse(self, line: int, detail: str) -> None:
        """Count a line that is not imported."""
        self.failed += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(LineError(line, detail))


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
    batch: dict[str, ProfileDocument] = {}
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    lines = size = last = 0
    failure: ServiceError | None = None
    async for number, line in in_slices(_lines(chunks)):
        if isinstance(line, ServiceError):
            failure = line
            break
        if not batch:
            report.reached = number - 1
        last = number
        if line is not None and not line.strip():
            continue
        report.received += 1
        try:
            profile = _read(line)
        except Invalid as error:
            report.refuse(number, str(error))
            continue
        batch[profile["player_id"]] = profile
        numbers[profile["player_id"]].append(number)
        lines += 1
        size += len(line or b"")
        if lines >= BATCH_PROFILES or size >= BATCH_BYTES:
            await _write(service, batch, numbers, report)
            batch, lines, size = {}, 0, 0
            numbers.clear()
    if batch:
        await _write(service, batch, numbers, report)
    report.reached = last
    if failure is not None:
        raise failure


async def _write(
    service: ProfileService,
    batch: dict[str, ProfileDocument],
    numbers: dict[str, list[int]],
    report: ImportReport,
) -> None:
    """Write a batch that came in these lines: an earlier one for a player counts as replaced."""
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
    report.replaced += sum(map(len, numbers.values())) - len(refused) - written.created


def _read(line: bytes | None) -> ProfileDocument:
    if line is None:
        raise Invalid.at(msg=f"a line must not be over {MAX_LINE_BYTES} bytes")
    return valid_profile(parse_json(line))


async def _lines(
    chunks: AsyncIterator[bytes],
) -> AsyncIterator[tuple[int, bytes | ServiceError | None]]:
    """Number the lines of a stream; None stands for one that is too long, never held whole.

    An error that the stream ends with comes last, in the place of the line that it broke off.
    """
    number = 1
    rest = b""
    too_long = False
    try:
        async for chunk in chunks:
            *ended, rest = (rest + chunk).split(b"\n")
            for line in ended:
                yield number, None if too_long or len(line) > MAX_LINE_BYTES else line
                too_long = False
                number += 1
            if len(rest) > MAX_LINE_BYTES:
                too_long, rest = True, b""
    except ServiceError as error:
        yield number, error
        return
    if rest or too_long:
        yield number, None if too_long else rest
