"""Values of profiles and campaigns as an explanation shows them: JSON, and never long."""

from itertools import islice
from typing import Any

import orjson

from profile_service.profiles.rendering import render

MAX_SHOWN_TEXT = 200  # characters
MAX_SHOWN_ENTRIES = 20  # of a list or an object
MAX_SHOWN_VALUES = 50  # in all, and so in each other
_PLAIN = 2**63  # what JSON writers agree on
CUT = "\u2026"


def shown(value: Any) -> tuple[Any, bool]:
    """Return a value as JSON has it, and whether a part of it is left out.

    Texts are cut after 200 characters, lists and objects after 20 entries; an ellipsis stands
    for the rest. What JSON lacks is written as in a player's profile.
    """
    if _is_plain(value):
        return value, False
    shortening = _Shortening()
    short = shortening.of(value)
    return orjson.loads(render({"": short}))[""], shortening.has_cut


def short_json(value: Any, limit: int) -> str:
    """Return a value that is JSON as text of at most `limit` characters, and an ellipsis."""
    text = orjson.dumps(value).decode()
    return text if len(text) <= limit else text[:limit] + CUT


def _is_plain(value: Any) -> bool:
    """Return whether a value is shown as it is; most are, and need no more of the time."""
    if type(value) is str:
        return len(value) <= MAX_SHOWN_TEXT and value.isascii()
    return value is None or type(value) is bool or (type(value) is int and abs(value) < _PLAIN)


class _Shortening:
    """The shortening of one value: how many more inner values may be shown."""

    def __init__(self) -> None:
        self.has_cut = False
        self._left = MAX_SHOWN_VALUES

    def of(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bytes):
            self.has_cut |= len(value) > MAX_SHOWN_TEXT
            return value[:MAX_SHOWN_TEXT]
        if not isinstance(value, dict | list | tuple):
            return value
        if isinstance(value, dict):
            entries = [(self._text(str(key)), each) for key, each in self._first(value.items())]
            inner: Any = {key: self.of(each) for key, each in entries}
            return inner if len(entries) == len(value) else {**inner, CUT: CUT}
        inner = [self.of(each) for each in self._first(value)]
        return inner if len(inner) == len(value) else [*inner, CUT]

    def _first(self, entries: Any) -> list[Any]:
        taken = [*islice(entries, min(MAX_SHOWN_ENTRIES, self._left))]
        self._left -= len(taken)
        self.has_cut |= len(taken) < len(entries)
        return taken

    def _text(self, text: str) -> str:
        if len(text) <= MAX_SHOWN_TEXT:
            return text
        self.has_cut = True
        return text[:MAX_SHOWN_TEXT] + CUT
