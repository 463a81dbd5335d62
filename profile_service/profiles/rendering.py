"""Writing a stored document as JSON, whatever BSON types others put into it."""

import base64
from datetime import datetime, timedelta
from typing import Any

import orjson
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128

from contracts.profile import SERVICE_FIELDS
from foundation.etags import etag_of

# The Gregorian calendar repeats after 400 years.
_CYCLE_YEARS = 400
_CYCLE_MILLISECONDS = 146_097 * 24 * 60 * 60 * 1000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - arithmetic on UTC only
_MAX_INTEGER = 2**64 - 1


def render(document: dict[str, Any]) -> bytes:
    """Write a document as JSON.

    JSON's own types are written as they are (NaN and infinities, which JSON lacks, as
    null). Dates are RFC 3339 with Z; years past 9999 have as many digits as they need.
    Decimals and integers beyond 64 bits are text, binary data is base64, and any other
    type is its usual text.
    """
    try:
        return orjson.dumps(document, default=_readable, option=orjson.OPT_UTC_Z)
    except TypeError:
        # Too deep, too large an integer, or text with lone surrogates: rare enough to
        # be rewritten by hand.
        return orjson.dumps(_plain(document, depth=0), option=orjson.OPT_UTC_Z)


def etag_of_profile(document: dict[str, Any]) -> str:
    """Return the ETag of a stored profile: of all of it but the service's own fields.

    Those may be written at any time, which must not fail a write that depends on what an
    operator read. The order of keys does not count, as in JSON.
    """
    written = {key: value for key, value in document.items() if key not in SERVICE_FIELDS}
    return etag_of(orjson.dumps(orjson.loads(render(written)), option=orjson.OPT_SORT_KEYS))


def _readable(value: Any) -> Any:
    if isinstance(value, DatetimeMS):
        return _format_milliseconds(int(value))
    if isinstance(value, Decimal128):
        return _format_decimal(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def _format_decimal(value: Decimal128) -> str:
    try:
        return str(value.to_decimal())
    except ArithmeticError:
        # More than 34 digits, which the type's bits can hold and the type cannot: such a
        # coefficient counts as zero (IEEE 754-2008, 3.5.2).
        return "0"


def _format_milliseconds(milliseconds: int) -> str:
    """Write milliseconds since 1970 as a date, also where `datetime` ends."""
    # Of integers: a timedelta cannot hold all that 64 bits can.
    cycles, rest = divmod(milliseconds, _CYCLE_MILLISECONDS)
    moment = _EPOCH + timedelta(milliseconds=rest)
    year = moment.year + cycles * _CYCLE_YEARS
    sign = "-" if year < 0 else ""
    return f"{sign}{abs(year):04}{moment.isoformat(timespec='milliseconds')[4:]}Z"


MAX_RENDERED_DEPTH = 200


def _plain(value: Any, *, depth: int) -> Any:
    """Rewrite what orjson refuses; the slow way, used for odd documents only."""
    if depth > MAX_RENDERED_DEPTH:
        return "..."
    if isinstance(value, dict):
        return {
            _without_surrogates(str(key)): _plain(each, depth=depth + 1)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(each, depth=depth + 1) for each in value]
    if isinstance(value, bool | float | datetime | orjson.Fragment) or value is None:
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value <= _MAX_INTEGER else str(value)
    return _without_surrogates(value if isinstance(value, str) else str(_readable(value)))


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
