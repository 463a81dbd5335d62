"""Log lines of both services in one process."""

import logging

from devstack.log_lines import REPEATS_SECONDS, Unrepeated


def a_record(message: str, *, at: float) -> logging.LogRecord:
    """Return a record of the logger "rabbit" at an instant."""
    record = logging.LogRecord("rabbit", logging.WARNING, __file__, 1, message, (), None)
    record.created = at
    return record


def test_a_repeated_line_is_shown_once() -> None:
    """Of the same line within seconds the first is shown, and all other lines are."""
    unrepeated = Unrepeated()
    lines = [a_record(message, at=at) for at in (0.0, 0.1) for message in ("away", "late")]
    assert [unrepeated.filter(line) for line in lines] == [True, True, False, False]


def test_a_line_is_shown_again_later() -> None:
    """A new outage is logged, also when it has the reason of an earlier one."""
    unrepeated = Unrepeated()
    instants = (0.0, 1.0, REPEATS_SECONDS, REPEATS_SECONDS + 0.1)
    assert [unrepeated.filter(a_record("away", at=at)) for at in instants] == [
        True,
        False,
        True,
        False,
    ]
