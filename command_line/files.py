"""Files of campaigns, segments and profiles: their forms, and what is wrong with a whole file."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BufferedIOBase, BytesIO
from itertools import chain
from pathlib import Path
from typing import Any, cast

import orjson
import typer

from command_line.terminal import fail

STANDARD_INPUT = Path("-")
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class Kind:
    """What a file should hold; objects of this kind have `field`.

    No other kind has that of campaigns or of profiles.
    """

    name: str
    field: str
    form: str

    @property
    def wanted(self) -> str:
        """A sentence on the contents that are wanted."""
        return f"{self.name} are wanted, {self.form}"


_ITEMS = "as a JSON list, one JSON object, or one object per line"
CAMPAIGNS = Kind("campaigns", "game", _ITEMS)
SEGMENTS = Kind("segments", "matchers", _ITEMS)
PROFILES = Kind(
    "profiles", "player_id", "as one JSON object per line, or as a JSON list in a .json file"
)


class WrongFile(ValueError):
    """A file holds something else than what is wanted; the text continues the file's name."""


def name_of(path: Path) -> str:
    """Return how messages name a file."""
    return "standard input" if path == STANDARD_INPUT else str(path)


def read_items(path: Path, kind: Kind) -> list[Any]:
    """Return the items of a file: a JSON list, one JSON object, or one object per line.

    A file that holds anything else ends the command.
    """
    where = name_of(path)
    with _failing(where):
        items = _items(read_text(path, kind), where)
        refuse_other_kinds(items[0] if items else None, kind)
    return items


def read_text(path: Path, kind: Kind) -> bytes:
    """Return what a file of a kind holds, as far as can be seen without parsing it.

    Raises:
        WrongFile: it is empty, UTF-16 or CSV.
        OSError: it cannot be read.
    """
    with _opened(path) as file:
        text = file.read().removeprefix(BOM_UTF8)
    _refuse_other_encodings(text, kind)
    return text


def lines_of(text: bytes) -> list[tuple[int, bytes]]:
    """Return the lines of NDJSON with their numbers; none where the text is one JSON value."""
    lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    return lines if len(lines) > 1 and isinstance(_parsed(lines[0][1]), dict) else []


@contextmanager
def open_profiles(path: Path) -> Iterator[Iterator[bytes]]:
    """Open a file of profiles as NDJSON, in chunks; only a .json file is read whole.

    A file that begins with anything else ends the command before the first chunk.
    """
    if path.suffix == ".json":
        lines = b"".join(orjson.dumps(item) + b"\n" for item in read_items(path, PROFILES))
        yield _chunks(BytesIO(lines))
        return
    with _opened(path) as file:
        head = _head(file).removeprefix(BOM_UTF8)
        with _failing(name_of(path)):
            _refuse_other_lines(head)
        yield chain([head], _chunks(file))


@contextmanager
def _failing(where: str) -> Iterator[None]:
    """End the command when a file in the block is a wrong one."""
    try:
        yield
    except WrongFile as error:
        fail(f"{where} {error}")


@contextmanager
def open_player_ids(path: Path) -> Iterator[tuple[Iterator[bytes], str]]:
    """Open a file of player ids, one a line; yield its chunks and its content type.

    It is CSV unless its first line is JSON, or its name ends in .ndjson or .jsonl. A file that is
    empty or no UTF-8 ends the command.
    """
    with _opened(path) as file:
        head = _head(file).removeprefix(BOM_UTF8)
        with _failing(name_of(path)):
            _refuse_utf_16(head)
            if not head.strip():
                raise WrongFile("is empty: player ids are wanted, one a line")
        is_json = head.lstrip().startswith((b"{", b'"')) or path.suffix in {".ndjson", ".jsonl"}
        content_type = "application/x-ndjson" if is_json and path.suffix != ".csv" else "text/csv"
        yield chain([head], _chunks(file)), content_type


@contextmanager
def _opened(path: Path) -> Iterator[BufferedIOBase]:
    if path == STANDARD_INPUT:
        yield cast("BufferedIOBase", typer.get_binary_stream("stdin"))
        return
    with path.open("rb") as file:
        yield file


def _chunks(file: BufferedIOBase) -> Iterator[bytes]:
    # read1 returns what a pipe has: a slow one is passed on as it comes.
    return iter(partial(file.read1, CHUNK_BYTES), b"")


def _head(file: BufferedIOBase) -> bytes:
    """Read on until there is more than blank space, or the end."""
    head = b""
    for chunk in _chunks(file):
        head += chunk
        if head.strip():
            break
    return head


def _items(text: bytes, where: str) -> list[Any]:
    lines = lines_of(text)
    if lines:
        return [_read(line, f"{where}: line {number}") for number, line in lines]
    content = _read(text, where)
    return content if isinstance(content, list) else [content]


def _read(text: bytes, where: str) -> Any:
    try:
        content = orjson.loads(text)
        orjson.dumps(content)  # what is nested very deeply can be read and not written
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        fail(f"{where} is not JSON to be sent: {error}")
    return content


def _parsed(line: bytes) -> Any:
    """Return what a line of JSON holds, None when it is no JSON."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _refuse_other_lines(head: bytes) -> None:
    _refuse_other_encodings(head, PROFILES)
    text = head.lstrip()
    if text.startswith(b"["):
        raise WrongFile(f"holds a JSON list: {PROFILES.wanted}")
    refuse_other_kinds(_parsed(text.partition(b"\n")[0]), PROFILES)


def _refuse_utf_16(text: bytes) -> None:
    # ASCII characters in UTF-16 have a zero byte before or after them.
    if text.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in text[:2]:
        raise WrongFile("is UTF-16: save it as UTF-8")


def _refuse_other_encodings(text: bytes, kind: Kind) -> None:
    _refuse_utf_16(text)
    if not text.strip():
        raise WrongFile(f"is empty: {kind.wanted}")
    first = text.lstrip().partition(b"\n")[0]
    if not first.startswith((b"{", b"[")) and any(mark in first for mark in (b",", b";", b"\t")):
        raise WrongFile(f"looks like CSV: {kind.wanted}")


def refuse_other_kinds(first: Any, kind: Kind) -> None:
    """Refuse campaigns and profiles where another kind is wanted.

    Raises:
        WrongFile: the first item is of the other kind.
    """
    if not isinstance(first, dict) or (kind is not SEGMENTS and kind.field in first):
        return
    for other in (CAMPAIGNS, PROFILES):
        if other.field in first:
            raise WrongFile(f"holds {other.name}: {kind.wanted}")
