"""Quantiles of what was measured."""

import math
from collections.abc import Sequence
from statistics import median

__all__ = ["median", "quantile", "ratio"]


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of the values do not exceed.

    A measured value, never one between two: of 50 values the 0.99 quantile is the greatest.
    """
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the ratios of values that were measured in pairs."""
    return median(one / other for one, other in zip(ones, others, strict=True))
