"""What the values of a profile are compared as: text, numbers, booleans, instants, versions."""

import unicodedata
from collections.abc import Hashable
from datetime import datetime
from functools import lru_cache
from typing import TypeGuard

from packaging.version import Version

from contracts.instants import parse_instant
from contracts.where import MAX_TEXT_LENGTH, parse_version

# `int | float` in its place would be made anew with every call.
_NUMBERS = (int, float)
# Equal keys are equal values. True is no number, and would be equal to 1.
_BOOLEANS: tuple[Hashable, Hashable] = (("boolean", False), ("boolean", True))


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a value can be compared as a number; a bool and NaN are none."""
    return (
        isinstance(value, _NUMBERS) and not isinstance(value, bool) and value == value  # NaN  # noqa: PLR0124
    )


def text_of(value: object) -> str | None:
    """Return a text in the form in which it is compared (Unicode NFC), None for what is none."""
    # Text only: JavaScript code, which BSON has, is a str that is no text.
    if type(value) is not str:
        return None
    return value if value.isascii() else unicodedata.normalize("NFC", value)


def folded(text: str) -> str:
    """Return a text in the form in which it is compared without regard to case."""
    return unicodedata.normalize("NFC", text.casefold())


def key_of(value: object) -> Hashable | None:
    """Return a key that equal values share; None for a value that is equal to none."""
    if type(value) is str:
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if isinstance(value, bool):
        return _BOOLEANS[value]
    return value if is_number(value) else None


def instant_of(value: object) -> datetime | None:
    """Return the instant that a value stands for: a date of BSON or an RFC 3339 text."""
    if type(value) is str:
        return _parsed_instant(value) if len(value) <= MAX_TEXT_LENGTH else None
    return value if isinstance(value, datetime) and value.tzinfo is not None else None


def version_of(value: object) -> Version | None:
    """Return the version that a text stands for, after PEP 440."""
    if type(value) is not str or len(value) > MAX_TEXT_LENGTH:
        return None
    return _parsed_version(value)


# Many campaigns may ask for the same date of the same player.
@lru_cache(maxsize=1024)
def _parsed_instant(text: str) -> datetime | None:
    try:
        return parse_instant(text)
    except ValueError:
        return None


# The players of a game have few versions of it.
@lru_cache(maxsize=1024)
def _parsed_version(text: str) -> Version | None:
    try:
        return parse_version(text)
    except ValueError:
        return None
