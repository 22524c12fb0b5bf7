"""Whether a ramp bends: a new level reached slowly, or a pool that fills ever more slowly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_bent"]

Numbers = NDArray[np.float64]

LIVES_H = (4.0, 8.0)
"""A new level, or a burst, is reached by 1 - exp(-t / T), with T the life of its connections."""
FILLED, LONGEST_H = 4.0, 40.0
"""A pool has filled after so many times T; a larger T is not told apart from a ramp."""
BEGINS = 40
EARLIER_H, LATEST_SHARE = 12.0, 0.7
"""A bent rise begins so long before the hinge, or until this share of its ramp."""
BEFORE_H = 48.0
"""The level before is looked at for this long at least."""
LIKELIER, LIKELIER_POOL, CORRELATED_H = 7.0, 3.0, 6.0
"""A ramp is this much likelier than a new level (for each hour of a bin: long ones show less of its
shape), and a pool than a ramp, as a difference of squared errors in units of their variance; the
errors within so many hours count as one."""


def is_bent(hours: Numbers, values: Numbers, weights: Numbers, begin: int, spread: float) -> bool:
    """Return whether a bent rise describes ``values`` about as well as a ramp from ``begin`` on."""
    age = float(hours[-1] - hours[begin])
    chosen = (weights > 0) & (hours >= hours[begin] - max(BEFORE_H, age))
    hours_from, values, weights = hours[chosen] - hours[begin], values[chosen], weights[chosen]
    begins = np.linspace(-EARLIER_H, LATEST_SHARE * age, BEGINS)
    since = np.maximum(hours_from - begins[:, None], 0)
    of_ramp = _least_error(since, values, weights)
    of_level = min(_least_error(1 - np.exp(-since / life), values, weights) for life in LIVES_H)
    bin_h = float(np.diff(hours).min(initial=1.0))
    variance = spread**2 / min(1.0, bin_h / CORRELATED_H)
    if of_level - of_ramp < LIKELIER * max(bin_h, 1.0) * variance:
        return True
    life = min(age / FILLED, LONGEST_H)
    of_pool = _least_error(1 - np.exp(-since / life), values, weights)
    return of_ramp - of_pool > LIKELIER_POOL * variance


def _least_error(shapes: Numbers, values: Numbers, weights: Numbers) -> float:
    """Return the least squared error of a level and a rise with one of ``shapes``."""
    total = weights.sum()
    shapes = shapes - (shapes @ weights / total)[:, None]
    rest = values - float(values @ weights) / total
    squares = (shapes**2) @ weights
    common = np.maximum(shapes @ (weights * rest), 0)
    explained = np.where(squares > 1e-9, common**2 / np.maximum(squares, 1e-9), 0)
    return float((rest**2) @ weights - explained.max())
