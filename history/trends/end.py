"""Whether a ramp has ended: a pool that has filled, a leak that was mended."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .hinge import fit_shapes, robust_spread
from .rate import theil_sen

__all__ = ["find_end"]

Numbers = NDArray[np.float64]

LEAST_H = 21.0
"""A ramp that has ended is flat for a day at least: a leak may rest at night."""
MOST_RISE, MOST_RISE_SURE = 0.25, 0.4
"""A ramp that has ended rises by less than this share of its rate, or of one that surely has."""
SOCKETS, SPREADS = 4.0, 2.5
"""A ramp that had gone on would have risen by so much: less is chance."""
BETTER, BETTER_SURE, CORRELATED_H = 6.0, 60.0, 6.0
"""A ramp with an end is this much better than a line, in units of the variance of errors of which
those within so many hours count as one."""
FEWEST = 7


def find_end(hours: Numbers, values: Numbers) -> int | None:
    """Return the bin at which the ramp of ``values`` ended; None if it goes on.

    The parts of a pool that has filled are even as long as most of them are filling.
    """
    known = np.flatnonzero(np.isfinite(values))
    end = fit_shapes(hours, values[None, :]).rise_end
    at, slope = int(end.knot[0]), float(end.slope[0])
    after = known[known >= at]
    lasted = float(hours[-1] - hours[at])
    if lasted < LEAST_H or len(after) < FEWEST:
        return None
    rest = (values - end.level[0] - slope * np.minimum(hours, hours[at]))[known]
    chance = SPREADS * float(robust_spread(rest[None, :])[0])
    line = np.polynomial.polynomial.polyfit(hours[known], values[known], 1)
    of_line = values[known] - np.polynomial.polynomial.polyval(hours[known], line)
    error, line_error = float((rest**2).sum()), float((of_line**2).sum())
    independent = len(known) * min(1.0, float(np.diff(hours).min()) / CORRELATED_H)
    better = (line_error - error) * independent / max(error, 1.0)
    most = MOST_RISE_SURE if better > BETTER_SURE else MOST_RISE
    has_ended = (
        slope * lasted >= max(SOCKETS, chance)
        and better > BETTER
        and theil_sen(hours[after], values[after]) < most * slope
    )
    return at if has_ended else None
