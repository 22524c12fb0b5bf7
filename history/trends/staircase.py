"""Whether a ramp is a staircase: a host that changes its level several times rises by chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_staircase"]

Numbers = NDArray[np.float64]

LEVELS = 4
SHARE, SHARE_UNSURE, SHARE_LONG = 0.6, 0.85, 0.75
"""A staircase: its levels leave less than this share of the error of a line. As errors are
correlated, levels describe many a ramp a little better; of long bins less so."""
LOW_SPREADS, SLOW_H, LONG_BIN_H = 9.0, 14.0, 3.0
"""Of a ramp that is lower, or whose errors are correlated for longer, as those of a host that
changes its level are, less is sure."""
EDGES = 120
"""Where a level may begin: the time to try all grows with the square."""
LEAST_CORRELATION, MOST_LAGS = 0.1, 30


def is_staircase(hours: Numbers, values: Numbers, weights: Numbers, spreads: float) -> bool:
    """Return whether a few levels describe a ramp that grew by ``spreads`` better than a line."""
    chosen = weights > 0
    times, values, weights = hours[chosen], values[chosen], weights[chosen]
    if len(values) < 4 * LEVELS:
        return False
    line = np.polynomial.polynomial.polyfit(times, values, 1, w=np.sqrt(weights))
    rest = values - np.polynomial.polynomial.polyval(times, line)
    share = _levels_error(values, weights) / max(float((weights * rest**2).sum()), 1e-9)
    if not SHARE <= share < SHARE_UNSURE:
        return share < SHARE
    bin_h = float(np.diff(hours).min())
    return (
        spreads < LOW_SPREADS
        or _correlated_bins(rest) * bin_h >= SLOW_H
        or (bin_h >= LONG_BIN_H and share < SHARE_LONG)
    )


def _correlated_bins(errors: Numbers) -> float:
    """Return how many neighbouring errors count as one."""
    total = 1.0
    variance = max(float((errors**2).mean()), 1e-9)
    for lag in range(1, min(len(errors) // 3, MOST_LAGS)):
        correlation = float((errors[lag:] * errors[:-lag]).mean()) / variance
        if correlation < LEAST_CORRELATION:
            break
        total += 2 * correlation
    return total


def _levels_error(values: Numbers, weights: Numbers) -> float:
    """Return the least squared error of ``LEVELS`` levels, by dynamic programming."""
    values = values - values.mean()
    edges = np.unique(np.linspace(0, len(values), EDGES + 1).astype(np.intp))
    total, sums, squares = (
        np.concatenate([[0.0], np.cumsum(terms)])[edges]
        for terms in (weights, weights * values, weights * values**2)
    )
    count = total[None, :] - total[:, None]
    mean = sums[None, :] - sums[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        cost = squares[None, :] - squares[:, None] - mean**2 / count
    cost[count <= 0] = np.inf
    best = cost[0]
    for _ in range(LEVELS - 1):
        best = (best[:, None] + cost).min(axis=0)
    return float(best[-1])
