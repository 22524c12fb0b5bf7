"""One pass over binned series: rhythm and jumps taken out, the three shapes fitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.record import record
from .hinge import Shapes, course, fit_shapes, robust_spread
from .hourly import DAY_S, HOUR_S
from .jumps import find_jumps
from .rhythm import Rhythm, choose_rhythm

__all__ = ["Model", "build_model"]

Numbers = NDArray[np.float64]

ROUNDS, LAST_ROUNDS = (1, 0), 1
"""How often bins are weighed anew while rhythm and shapes are found by turns, and at last."""


@record
class Model:
    """``smooth`` is the number without rhythm and jumps; ``shapes`` fit it."""

    smooth: Numbers
    rhythm: Numbers
    jumps: Numbers
    """The sudden change at each bin, else 0; taken out of ``smooth`` if so wished."""
    shapes: Shapes
    spread: Numbers
    """The standard deviation of ``smooth`` about its best shape; at least that of counting."""


def build_model(
    middles: NDArray[np.int64], values: Numbers, rhythm: Rhythm, *, without_jumps: bool
) -> Model:
    """Model ``values`` (rows of hosts), their jumps removed if so wished."""
    hours = (middles - middles[0]) / HOUR_S
    day = max(1, round(DAY_S / max(float(np.diff(middles).min(initial=DAY_S)), 1)))
    found = choose_rhythm(rhythm, values - _day_mean(values, day))
    weights, jumps = None, np.zeros_like(values)
    for rounds in ROUNDS:
        smooth = values - found
        if without_jumps:
            jumps = find_jumps(smooth)
            smooth -= np.cumsum(jumps, axis=1)
        shapes = fit_shapes(hours, smooth, weights=weights, rounds=rounds)
        weights = shapes.weights
        # What is left of the number is its rhythm and chance.
        smooth += found
        found = choose_rhythm(rhythm, smooth - course(hours, shapes))
    smooth -= found
    if not without_jumps:
        jumps = find_jumps(smooth)
    shapes = fit_shapes(hours, smooth, weights=weights, rounds=LAST_ROUNDS)
    spread = robust_spread(smooth - course(hours, shapes))
    return Model(
        smooth=smooth, rhythm=found, jumps=jumps, shapes=shapes, spread=np.maximum(spread, 0.7)
    )


def _day_mean(values: Numbers, bins: int) -> Numbers:
    """Return the mean of the day around each bin, which has no daily rhythm."""
    known = np.isfinite(values)

    def sums(terms: Numbers) -> Numbers:
        total = np.pad(np.cumsum(terms, axis=1), ((0, 0), (1, 0)))
        last = terms.shape[1]
        begin = np.clip(np.arange(last) - bins // 2, 0, max(last - bins, 0))
        return np.asarray(total[:, np.minimum(begin + bins, last)] - total[:, begin])

    count = sums(known.astype(np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums(np.where(known, values, 0)) / np.where(count > 0, count, np.nan))
