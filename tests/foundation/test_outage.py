"""Outages in the log."""

import logging

import pytest

from foundation.outage import Outage


def an_outage() -> Outage:
    """Return one that logs as this module."""
    return Outage(logging.getLogger(__name__), "the store is away", "the store is back")


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two lines each time, however many failures and successes there are."""
    caplog.set_level(logging.INFO, __name__)
    outage = an_outage()
    for _ in range(2):
        for _ in range(3):
            outage.recovered()
        for reason in ("refused", "refused", "hanging"):
            outage.failed(reason)
        outage.recovered()
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", "the store is away: refused"),
        ("INFO", "the store is back"),
    ] * 2


def test_the_reason_is_that_of_the_latest_failure() -> None:
    """Health answers show it while the outage lasts."""
    outage = an_outage()
    reasons = [outage.reason]
    for reason in (OSError("refused"), "hanging"):
        outage.failed(reason)
        reasons.append(outage.reason)
    outage.recovered()
    assert [*reasons, outage.reason] == [None, "refused", "hanging", None]
    assert not outage.is_failing


def test_a_reason_may_be_empty() -> None:
    """An exception without a text is a failure all the same."""
    outage = an_outage()
    outage.failed(TimeoutError())
    assert outage.is_failing


def test_a_percent_sign_is_just_text(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a text nor in a reason does it begin a format."""
    outage = Outage(logging.getLogger(__name__), "100% gone", "100% back")
    outage.failed("%s")
    assert caplog.messages == ["100% gone: %s"]
