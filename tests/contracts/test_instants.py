"""Dates as they are read and written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts.instants import Instant, format_instant, parse_instant
from tests.strategies import instants

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-01-25T00:00:00Z", datetime(2022, 1, 25, tzinfo=UTC)),
        ("2022-01-25 00:00:00Z", datetime(2022, 1, 25, tzinfo=UTC)),
        ("2022-01-25t00:00:00z", datetime(2022, 1, 25, tzinfo=UTC)),
        ("2022-01-25T00:00:00-00:00", datetime(2022, 1, 25, tzinfo=UTC)),
        ("2022-01-25T01:30:00+05:30", datetime(2022, 1, 24, 20, tzinfo=UTC)),
        ("2022-01-25T00:00:00.5Z", datetime(2022, 1, 25, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2022-01-25T00:00:00.123456789Z", datetime(2022, 1, 25, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("2024-02-29T23:59:59Z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_reads(text: str, expected: datetime) -> None:
    """RFC 3339 and the form with a space are read, whatever their offset, as UTC."""
    instant = parse_instant(text)
    assert instant == expected
    assert instant.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2022-01-25",
        "2022-01-25T00:00Z",
        "2022-01-25T00:00:00",
        "2022-01-25 00:00:00",
        "2022-01-25_00:00:00Z",
        "2022-01-25T00:00:00.Z",
        "2022-01-25T00:00:00,5Z",
        "2022-01-25T00:00:00.1234567890Z",
        "2022-01-25T00:00:00+0100",
        "2022-01-25T00:00:00+01",
        "2022-01-25T00:00:00 +01:00",
        "2022-01-25T00:00:00+24:00",
        "2022-01-25T00:00:00Z\n",
        " 2022-01-25T00:00:00Z",
        "20220125T000000Z",
        "2022-W04-2T00:00:00Z",
        "22-01-25T00:00:00Z",
        "٢٠٢٢-01-25T00:00:00Z",
        "2022-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2022-13-01T00:00:00Z",
        "2022-01-25T24:00:00Z",
        "2022-01-25T00:60:00Z",
        "2022-01-25T00:00:61Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "1643068800",
        "2022-01-25T00:00:00+01:99",
        "2022-01-25T00:00:00+01:00:30",
    ],
)
def test_refuses(text: str) -> None:
    """A date without an offset, one no calendar has, and every other form are refused."""
    with pytest.raises(ValueError, match=r"^must be an RFC 3339 date and time such as 2022"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["2016-12-31T23:59:60Z", "2016-12-31 23:59:60.5+00:00"])
def test_a_leap_second_is_refused_by_its_name(text: str) -> None:
    """RFC 3339 has leap seconds, Python's dates do not: the message says so."""
    with pytest.raises(ValueError, match=r"leap seconds are not supported$"):
        parse_instant(text)


@pytest.mark.parametrize("value", [None, 0, 1.5, True, [], datetime(2022, 1, 25)])  # noqa: DTZ001
def test_refuses_other_types(value: object) -> None:
    """A number is no date, and a datetime without a time zone names no instant."""
    with pytest.raises(ValidationError, match=r"must (be an RFC 3339 date|have a time zone)"):
        INSTANT.validate_python(value)


def test_refuses_a_datetime_that_utc_cannot_hold() -> None:
    """A datetime before the year 1 in UTC is refused, no other error."""
    with pytest.raises(ValidationError):
        INSTANT.validate_python(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))))


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2022, 1, 25, tzinfo=UTC), "2022-01-25T00:00:00Z"),
        (
            datetime(2022, 1, 25, 1, tzinfo=timezone(timedelta(hours=2))),
            "2022-01-24T23:00:00Z",
        ),
        (datetime(2022, 1, 25, 0, 0, 0, 250_000, tzinfo=UTC), "2022-01-25T00:00:00.250Z"),
        (datetime(1, 2, 3, tzinfo=UTC), "0001-02-03T00:00:00Z"),
    ],
)
def test_writes(instant: datetime, text: str) -> None:
    """An instant is written as RFC 3339 in UTC, with Z."""
    assert format_instant(instant) == text


@given(instants())
def test_round_trip(instant: datetime) -> None:
    """What is written is read back as the same instant, to the microsecond."""
    assert parse_instant(format_instant(instant)) == instant
    assert INSTANT.validate_json(INSTANT.dump_json(instant)) == instant


@given(instants())
def test_any_offset_is_the_same_instant(instant: datetime) -> None:
    """An instant is kept as UTC, whichever zone it came in."""
    kept = INSTANT.validate_python(instant)
    assert kept == instant
    assert kept.tzinfo is UTC
    assert parse_instant(instant.isoformat(sep=" ")) == instant


@given(st.text())
def test_is_read_or_refused(text: str) -> None:
    """Any text is an instant or a ValueError."""
    try:
        instant = parse_instant(text)
    except ValueError:
        return
    assert instant.tzinfo is UTC
