"""JSON values of a file, and the lines at which their parts stand."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from command_line.files import Kind, lines_of, read_text, refuse_other_kinds

_SPACE = re.compile(r"[ \t\n\r]*")
# Numbers are passed over, not read: one of many digits would take long.
_decode = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode


@dataclass(frozen=True)
class _Text:
    """JSON that is valid, whose first line is the line `first` of its file."""

    text: str
    first: int

    @cached_property
    def _breaks(self) -> list[int]:
        return [found.start() for found in re.finditer("\n", self.text)]

    def line(self, position: int) -> int:
        """Return the number of the line in the file at which a position of the text is."""
        return self.first + bisect_right(self._breaks, position - 1)

    def children(self, start: int) -> Iterator[tuple[str | int, int, int]]:
        """Yield key or index, position and position of the value for all in a list or object."""
        at = self._skip(start + 1)
        index = 0
        while self.text[at] not in "]}":
            key: str | int = index
            value = at
            if self.text[start] == "{":
                key, end = _decode(self.text, at)
                value = self._skip(self._skip(end) + 1)
            yield key, at, value
            _, end = _decode(self.text, value)
            at = self._skip(end)
            if self.text[at] == ",":
                at = self._skip(at + 1)
            index += 1

    def _skip(self, position: int) -> int:
        space = _SPACE.match(self.text, position)
        return space.end() if space is not None else position


@dataclass(frozen=True)
class Located:
    """A value and where its text begins."""

    value: Any
    text: _Text
    start: int

    def line_of(self, loc: Iterable[str | int] = ()) -> int:
        """Return the line of what stands at `loc`; where nothing does, that of what is around."""
        at = value = self.start
        for step in loc:
            found = None
            if self.text.text[value] in "[{":
                for key, position, inner in self.text.children(value):
                    if key == step:
                        found = position, inner  # of a key that is there twice the last counts
            if found is None:
                break
            at, value = found
        return self.text.line(at)

    def repeated_keys(self) -> Iterator[tuple[str | int, ...]]:
        """Yield the place of every key that its object has before; the last of them counts."""
        if _has_repeated_keys(self.text.text, self.start):
            yield from self._repeated_in(self.start, ())

    def _repeated_in(
        self, start: int, loc: tuple[str | int, ...]
    ) -> Iterator[tuple[str | int, ...]]:
        if self.text.text[start] not in "[{":
            return
        seen: set[str | int] = set()
        for key, _, value in self.text.children(start):
            if key in seen:
                yield (*loc, key)
            seen.add(key)
            yield from self._repeated_in(value, (*loc, key))


def _has_repeated_keys(text: str, start: int) -> bool:
    # In one go, for most values: to walk through them takes longer.
    objects: list[bool] = []
    json.JSONDecoder(
        parse_int=str,
        parse_float=str,
        object_pairs_hook=lambda pairs: objects.append(len(dict(pairs)) < len(pairs)),
    ).raw_decode(text, start)
    return any(objects)


@dataclass(frozen=True)
class NotJson:
    """A line that breaks the JSON of a file, and how."""

    line: int
    reason: str


def read_located(path: Path, kind: Kind) -> Iterator[Located | NotJson]:
    """Yield the items of a file: a JSON list, one JSON object, or one object per line.

    Raises:
        WrongFile: it is empty, UTF-16 or CSV, or holds the other kind of items.
        OSError: it cannot be read.
    """
    content = read_text(path, kind)
    lines = lines_of(content)
    if lines:
        parts = [each for number, line in lines for each in _parts(line, number)]
    else:
        parts = [each for whole in _parts(content, 1) for each in _items(whole)]
    for each in parts[:1]:
        refuse_other_kinds(each.value if isinstance(each, Located) else None, kind)
    yield from parts


def _parts(content: bytes, first: int) -> Iterator[Located | NotJson]:
    try:
        value = orjson.loads(content)
        orjson.dumps(value)  # what is nested very deeply can be read and not written
    except orjson.JSONDecodeError as error:
        yield NotJson(first + error.lineno - 1, f"is not valid JSON: {error.msg}")
    except orjson.JSONEncodeError:
        yield NotJson(first, "is nested too deeply")
    else:
        text = content.decode()
        yield Located(value, _Text(text, first), len(text) - len(text.lstrip(" \t\n\r")))


def _items(whole: Located | NotJson) -> Iterator[Located | NotJson]:
    """Yield the elements of a list, or the one item that there is."""
    if isinstance(whole, Located) and isinstance(whole.value, list):
        places = whole.text.children(whole.start)
        for value, (_, _, start) in zip(whole.value, places, strict=True):
            yield Located(value, whole.text, start)
    else:
        yield whole
