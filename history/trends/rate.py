"""How fast a leak grows, with a range that correlated noise does not make too narrow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.record import record
from .hourly import median

__all__ = ["Rate", "estimate_rate", "theil_sen"]

Numbers = NDArray[np.float64]

PARTS = 6
STUDENT = 2.57
"""Student's t at 95 %, both sides, of five degrees of freedom."""
MOST_POINTS = 400
"""More points give more pairs than their slopes need."""


@record
class Rate:
    """Sockets an hour, with the range in which the true rate lies 19 times in 20."""

    per_hour: float
    low: float
    high: float


def theil_sen(hours: Numbers, values: Numbers) -> float:
    """Return the median of the slopes of all pairs: a third of the points may be outliers."""
    step = max(1, -(-len(hours) // MOST_POINTS))
    hours, values = hours[::step], values[::step]
    first, second = np.triu_indices(len(hours), 1)
    return float(np.median((values[second] - values[first]) / (hours[second] - hours[first])))


def estimate_rate(hours: Numbers, values: Numbers) -> Rate:
    """Estimate the rate of a ramp from its bins without rhythm.

    A textbook interval assumes that the errors of neighbouring hours are independent. The rates
    of six parts are nearly so; how they differ gives the range, and chance in counting events
    is its least width.
    """
    known = np.isfinite(values)
    hours, values = hours[known], values[known]
    slope = theil_sen(hours, values)
    knots = np.array_split(np.arange(len(hours)), PARTS + 1)
    levels = np.array([median(values[each]) for each in knots])
    middles = np.array([median(hours[each]) for each in knots])
    rates = np.diff(levels) / np.diff(middles)
    # Differences of neighbouring levels share a level: their mean depends on the two ends alone,
    # so the noise of a level, not that of a difference, sets the error of the slope.
    rest = levels - np.polynomial.polynomial.polyval(
        middles, np.polynomial.polynomial.polyfit(middles, levels, 1)
    )
    noise = float(np.sqrt((rest**2).sum() / (len(levels) - 2)))
    of_levels = noise / float(np.sqrt(((middles - middles.mean()) ** 2).sum()))
    of_parts = float(np.std(rates, ddof=1)) / PARTS
    of_counting = np.sqrt(max(slope, 0.0) / max(float(hours[-1] - hours[0]), 1.0))
    width = float(STUDENT * max(of_levels, of_parts, of_counting))
    return Rate(per_hour=slope, low=max(0.0, slope - width), high=slope + width)
