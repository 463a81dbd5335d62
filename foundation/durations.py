"""Durations in settings: seconds, or ISO 8601."""

from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, TypeAdapter

DURATION_RULE = "a number of seconds such as 300 or 0.5, or an ISO 8601 duration such as PT5M"
LONGEST = timedelta(days=36500)

_DURATION = TypeAdapter(timedelta)


def parse_duration(value: Any) -> timedelta:
    """Read seconds (`300`, pydantic alone refuses the text) or an ISO 8601 duration (`PT5M`).

    Raises:
        ValueError: the value is neither; the message says what is allowed.
    """
    try:
        if isinstance(value, str):
            with suppress(ValueError):
                value = float(value)
        return _DURATION.validate_python(value)
    except ValueError:
        raise ValueError(f"must be {DURATION_RULE}") from None


def _not_negative(value: timedelta) -> timedelta:
    if not timedelta() <= value <= LONGEST:
        raise ValueError(f"must be from 0 to 100 years: {DURATION_RULE}")
    return value


def _positive(value: timedelta) -> timedelta:
    if not timedelta() < value <= LONGEST:
        raise ValueError(f"must be more than 0 and at most 100 years: {DURATION_RULE}")
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_positive)]
Delay = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_not_negative)]
