"""Quantiles of measured values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.report.quantiles import quantile, ratio

VALUES = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1)
SHARES = st.floats(min_value=0.0, max_value=1.0)


@given(VALUES, SHARES)
def test_a_quantile_is_the_smallest_that_covers_the_share(
    values: list[float], share: float
) -> None:
    """At least the share of the values is not above it, and none smaller would do."""
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    smaller = [value for value in values if value < found]
    assert not smaller or len(smaller) < share * len(values)


def test_a_ratio_compares_neighbours() -> None:
    """Pairs measured one after the other are compared with each other: noise hits both alike."""
    assert ratio([90.0, 45.0, 9.0], [100.0, 50.0, 10.0]) == pytest.approx(0.9)


def test_pairs_are_complete() -> None:
    """A value without its pair is no result."""
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0, 2.0], [1.0])
