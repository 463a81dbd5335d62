"""Bodies of lines of any length, and what a report on them says."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from foundation.errors import Invalid, ServiceError
from foundation.slices import in_slices

MAX_LINE_BYTES = 1024 * 1024
MAX_ERRORS = 100

Item = TypeVar("Item")


@dataclass(frozen=True)
class LineError:
    """What is wrong with a line; lines are counted from 1."""

    line: int
    detail: str


@dataclass
class LineReport:
    """How many lines were received and how many of them refused.

    `errors` names the first 100 refused lines. Empty lines are not counted. `reached` is the
    number of the last line before which, and with which, every line is written, refused or
    empty; 0 before the first. What broke off goes on after it.
    """

    received: int = 0
    failed: int = 0
    reached: int = field(default=0, compare=False)
    errors: list[LineError] = field(default_factory=list)

    def refuse(self, line: int, detail: str) -> None:
        """Count a line that is not written."""
        self.failed += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(LineError(line, detail))


async def write_lines(
    chunks: AsyncIterator[bytes],
    report: LineReport,
    *,
    read: Callable[[bytes], Item | None],
    write: Callable[[list[tuple[int, Item]]], Awaitable[None]],
    max_lines: int,
    max_bytes: int,
) -> None:
    """Read a stream line by line and write the lines in batches as they arrive.

    `read` returns what a line holds, or None for one that is not counted; a line for which it
    raises Invalid is refused by itself. `write` is given lines with their numbers. When `chunks`
    ends with an error, the lines that arrived whole are written before it is raised.
    """
    batch: list[tuple[int, Item]] = []
    size = last = 0
    failure: ServiceError | None = None
    async for number, line in in_slices(_numbered(chunks)):
        if isinstance(line, ServiceError):
            failure = line
            break
        if not batch:
            report.reached = number - 1
        last = number
        if line is not None and not line.strip():
            continue
        try:
            item = read(_whole(line))
        except Invalid as error:
            report.received += 1
            report.refuse(number, str(error))
            continue
        if item is None:
            continue
        report.received += 1
        batch.append((number, item))
        size += len(line or b"")
        if len(batch) >= max_lines or size >= max_bytes:
            await write(batch)
            batch, size = [], 0
    if batch:
        await write(batch)
    report.reached = last
    if failure is not None:
        raise failure


def _whole(line: bytes | None) -> bytes:
    if line is None:
        raise Invalid.at(msg=f"a line must not be over {MAX_LINE_BYTES} bytes")
    return line


async def _numbered(
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
