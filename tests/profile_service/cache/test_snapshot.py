"""The age of the held snapshot."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_service.cache.snapshot import HeldSnapshot
from profile_service.matching.compiled import CompiledCampaigns
from testbed.builders import NOW, a_snapshot


def a_held_snapshot(*, as_of: float = 100.0, confirmed: bool = True) -> HeldSnapshot:
    """Return a snapshot of no campaigns, known to be the newest at `as_of`."""
    return HeldSnapshot(
        position=a_snapshot().position,
        campaigns=CompiledCampaigns.of([]),
        body=b"",
        as_of=as_of,
        first_seen=as_of,
        confirmed_at=NOW + timedelta(seconds=as_of),
        confirmed=confirmed,
    )


@given(st.lists(st.floats(0, 1e6)))
def test_staleness_never_goes_backwards(confirmations: list[float]) -> None:
    """In whatever order confirmations come, the newest of them is what counts."""
    held = a_held_snapshot()
    for as_of in confirmations:
        before = held
        held = held.confirm(as_of, NOW + timedelta(seconds=as_of))
        assert held.staleness(2e6) <= before.staleness(2e6)
    assert held.as_of == max([100.0, *confirmations])
    assert held.confirmed_at == NOW + timedelta(seconds=held.as_of)


def test_the_first_confirmation_of_a_restored_one_is_taken() -> None:
    """What is confirmed by somebody replaces what the wall clock said of the file."""
    held = a_held_snapshot(as_of=100.0, confirmed=False).confirm(90.0, NOW)
    assert held.confirmed
    assert held.as_of == 90.0
    assert held.confirmed_at == NOW


def test_a_confirmation_changes_nothing_else() -> None:
    """The campaigns and the position stay the very same."""
    held = a_held_snapshot()
    confirmed = held.confirm(200.0, NOW)
    assert confirmed.campaigns is held.campaigns
    assert confirmed.position == held.position


@pytest.mark.parametrize(("elapsed", "expected"), [(100.0, 0.0), (107.5, 7.5), (99.0, 0.0)])
def test_staleness_is_in_seconds_and_never_negative(elapsed: float, expected: float) -> None:
    """It is the time since the revision was known to be the newest."""
    assert a_held_snapshot().staleness(elapsed) == expected
