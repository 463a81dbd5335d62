"""profile-matcher validate: what is wrong with campaigns in files, without a service."""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from campaign_publisher.campaigns.lint import matcher_warnings
from campaign_publisher.campaigns.references import check_nesting, missing_segments
from campaign_publisher.campaigns.validating import validated
from command_line.files import CAMPAIGNS, SEGMENTS, STANDARD_INPUT, Kind, WrongFile, name_of
from command_line.located import Located, NotJson, read_located
from command_line.terminal import complain
from contracts.segment import Segment
from foundation.errors import Invalid, describe
from foundation.slices import at_once
from foundation.validation import parse_as

FOUND = 1
UNREADABLE = 2


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True)
class _Finding:
    """An error or a warning, whose kind is its code, and where it stands."""

    file: str
    line: int
    level: str
    name: str | None
    loc: tuple[str | int, ...]
    msg: str
    code: str | None = None

    def __str__(self) -> str:
        what = describe({"loc": [*self.loc], "msg": self.msg})
        kind = f" [{self.code}]" if self.code else ""
        return f"{self.file}:{self.line}: {self.level}: {what}{kind}"


def validate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Files of campaigns: a JSON list, one JSON object, or one object per line "
            "(NDJSON). - reads standard input.",
        ),
    ],
    *,
    segments: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A file of all segments, in the same forms: references to others are errors. "
            "May be repeated.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail, too.")] = False,
    output: Annotated[
        Format, typer.Option("--format", help="Lines of text, or one JSON object.")
    ] = Format.TEXT,
) -> None:
    """Check campaigns in files. The exit code is 1 for errors, and 2 when a file is not read."""
    listed = segments or []
    _refuse_missing([*files, *listed])
    now = datetime.now(UTC)
    known = [each for path in listed for each in _read(path, SEGMENTS)]
    items = [each for path in files for each in _read(path, CAMPAIGNS)]
    names = {name for each in known if (name := each.name) is not None}
    found = [
        *_of_segments(known, names, now),
        *_of_campaigns(items, names if segments is not None else None, now),
    ]
    order = {name_of(path): place for place, path in enumerate([*listed, *files])}
    found.sort(key=lambda each: (order[each.file], each.line))
    errors = sum(each.level == "error" for each in found)
    warnings = len(found) - errors
    campaigns = sum(each.located is not None for each in items)
    if output is Format.JSON:
        _write_json(found, campaigns, errors, warnings)
    else:
        for each in found:
            typer.echo(_in_one_line(str(each)))
        typer.echo(f"campaigns: {campaigns}, errors: {errors}, warnings: {warnings}")
    if errors or (strict and warnings):
        raise typer.Exit(FOUND)


def _refuse_missing(paths: list[Path]) -> None:
    if paths.count(STANDARD_INPUT) > 1:
        raise typer.BadParameter("- can be given once: standard input is read once")
    for path in paths:
        if path != STANDARD_INPUT and (not path.exists() or path.is_dir()):
            raise typer.BadParameter(f"there is no file {path}")


@dataclass(frozen=True)
class _Item:
    """An item of a file, or the reason why there is none, at a line."""

    file: str
    located: Located | None
    line: int = 1
    reason: str = ""

    @property
    def name(self) -> str | None:
        """The name that the item has, which may be wrong; None when it is no text."""
        value = self.located.value if self.located is not None else None
        name = value.get("name") if isinstance(value, dict) else None
        return name if isinstance(name, str) else None

    def error(self, loc: Iterable[str | int], message: str) -> _Finding:
        """Return an error in the item."""
        return _Finding(self.file, self._line(loc), "error", self.name, (*loc,), message)

    def warning(self, loc: Iterable[str | int], message: str, code: str) -> _Finding:
        """Return a warning about the item."""
        return _Finding(self.file, self._line(loc), "warning", self.name, (*loc,), message, code)

    def repeated_keys(self) -> Iterator[_Finding]:
        """Yield a warning for each key that JSON would overlook."""
        for loc in self.located.repeated_keys() if self.located is not None else ():
            yield self.warning(loc, "is there twice: the last one counts", "repeated_key")

    def _line(self, loc: Iterable[str | int]) -> int:
        return self.line if self.located is None else self.located.line_of(loc)


def _read(path: Path, kind: Kind) -> Iterator[_Item]:
    file = name_of(path)
    try:
        for each in read_located(path, kind):
            if isinstance(each, NotJson):
                yield _Item(file, None, each.line, each.reason)
            else:
                yield _Item(file, each)
    except WrongFile as error:
        yield _Item(file, None, reason=f"the file {error}")
    except OSError as error:
        complain(f"{file} cannot be read: {error.strerror}")
        raise typer.Exit(UNREADABLE) from None


def _of_campaigns(
    items: list[_Item], segments: set[str] | None, now: datetime
) -> Iterator[_Finding]:
    yield from (item.error((), item.reason) for item in items if item.located is None)
    sound = [item for item in items if item.located is not None]
    yield from (each for item in sound for each in item.repeated_keys())
    values = (item.located.value for item in sound if item.located is not None)
    for checked in at_once(validated(values, now, segments=segments)).results:
        item = sound[checked.index]
        yield from (item.error(each["loc"], each["msg"]) for each in checked.errors)
        yield from (item.warning(each.loc, each.msg, each.code) for each in checked.warnings)


def _of_segments(items: list[_Item], names: set[str], now: datetime) -> Iterator[_Finding]:
    sound: dict[str, tuple[int, Segment]] = {}
    for number, item in enumerate(items):
        if item.located is None:
            yield item.error((), item.reason)
            continue
        yield from item.repeated_keys()
        try:
            segment = parse_as(Segment, item.located.value)
        except Invalid as error:
            yield from (item.error(each["loc"], each["msg"]) for each in error.problems)
            continue
        if segment.name in sound:
            yield item.error(("name",), "is the name of an earlier segment")
        sound[segment.name] = (number, segment)
        for problem in missing_segments(segment.matchers, names):
            yield item.error(problem["loc"], problem["msg"])
        for warned in matcher_warnings(segment.matchers, now):
            yield item.warning(warned.loc, warned.msg, warned.code)
    segments = {name: segment for name, (_, segment) in sound.items()}
    places: dict[str, tuple[str | int, ...]] = {
        name: (number,) for name, (number, _) in sound.items()
    }
    try:
        asyncio.run(check_nesting(segments, places))
    except Invalid as error:
        for problem in error.problems:
            yield items[int(problem["loc"][0])].error(problem["loc"][1:], problem["msg"])


def _in_one_line(text: str) -> str:
    """Return a text without line breaks, in characters that the output can hold."""
    plain = "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
    encoding = sys.stdout.encoding or "utf-8"
    return plain.encode(encoding, "backslashreplace").decode(encoding)


def _write_json(found: list[_Finding], campaigns: int, errors: int, warnings: int) -> None:
    content: dict[str, Any] = {
        "valid": not errors,
        "campaigns": campaigns,
        "errors": errors,
        "warnings": warnings,
        "findings": [asdict(each) for each in found],
    }
    typer.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2))
