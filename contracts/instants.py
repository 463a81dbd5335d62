"""Instants: RFC 3339 in and out, aware UTC inside."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

INSTANT_RULE = "an RFC 3339 date and time such as 2022-01-25T00:00:00Z or 2022-01-25 00:00:00Z"

# Stricter than datetime.fromisoformat, which also takes week dates, missing seconds,
# missing offsets and any character between date and time.
_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:[0-5]\d)", re.ASCII
)


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 date and time (a space may stand for the T) as aware UTC.

    Digits past the microsecond are cut off, as `datetime` cannot hold them.

    Raises:
        ValueError: the text is not such an instant; the message says what one looks like.
    """
    if _RFC_3339.fullmatch(text) is not None:
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            # The pattern fits, the calendar does not: the 30th of February, a leap second,
            # or an offset that leads out of the years 1 to 9999.
            pass
    leap = ", with seconds up to 59: leap seconds are not supported" if text[17:19] == "60" else ""
    message = f"must be {INSTANT_RULE}{leap}"
    raise ValueError(message)


def format_instant(instant: datetime) -> str:
    """Write an aware instant as RFC 3339 in UTC, with Z and no more digits than it needs.

    Parts of a second are left out, or are milliseconds, or microseconds.
    """
    precision = "milliseconds" if instant.microsecond % 1000 == 0 else "microseconds"
    precision = precision if instant.microsecond else "seconds"
    return instant.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def _to_instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            message = "must have a time zone"
            raise ValueError(message)
        try:
            return value.astimezone(UTC)
        except OverflowError:
            message = "must be within the years 1 to 9999 in UTC"
            raise ValueError(message) from None
    if isinstance(value, str):
        return parse_instant(value)
    message = f"must be {INSTANT_RULE}"
    raise ValueError(message)


Instant = Annotated[
    datetime,
    BeforeValidator(_to_instant),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
