"""The machine's clocks."""

from datetime import UTC, datetime, timedelta

from foundation.clock import SystemClock


def test_ages_never_go_backwards() -> None:
    """Of two readings the later is not the smaller."""
    clock = SystemClock()
    readings = [clock.elapsed() for _ in range(1000)]
    assert readings == sorted(readings)


def test_dates_are_aware_utc() -> None:
    """The date is now, and says that it is UTC."""
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)
