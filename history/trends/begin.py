"""When a leak began, at the resolution of scans."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .hinge import robust_spread
from .hourly import HOUR_S

__all__ = ["date_begin", "is_begin_seen"]

Numbers = NDArray[np.float64]

BETTER = 10.0
"""A hinge is this much better than a line, in units of the variance of independent errors."""
CORRELATED_BINS = 6
"""So many neighbouring bins count as one independent one."""
SPREADS, SOCKETS = 6.0, 20.0
"""The begin shows in the first sockets of the ramp: later ones carry the chance of all before."""
LEAST_S, FLAT_S, NOISE_S = 1 * HOUR_S, 12 * HOUR_S, 24 * HOUR_S
"""The ramp is looked at for this long at least, the level before for this long, its noise too."""
FEWEST = 8
LEAST_SPREAD = 0.7
ROUNDS = 3
RATES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
"""Shares of the rate at which a leak that depends on the time of day may begin."""
LIKELIER = 1.0
"""Another rate is taken if it makes the scans near the begin likelier by this logarithm."""
STEEP, STEEP_SCANS = 0.67, 5.0
"""A ramp whose rise in a scan exceeds this share of the spread shows its begin in so many scans."""
AT_ONCE = 50
"""Candidates tried at once; then those between the neighbours of the best."""


def is_begin_seen(hours: Numbers, values: Numbers, begin: int) -> bool:
    """Return whether a hinge at the bin ``begin`` is clearly better than a line throughout."""
    known = np.flatnonzero(np.isfinite(values))
    before = int((known < begin).sum())
    if before < CORRELATED_BINS // 2:
        return False
    shapes = (hours[known], np.maximum(hours[known] - hours[begin], 0))
    errors = []
    for shape in shapes:
        slope, level = np.polyfit(shape, values[known], 1)
        errors.append(float(((values[known] - level - slope * shape) ** 2).sum()))
    line, hinge = errors
    variance = max(hinge / len(known), 0.25)
    return (line - hinge) / variance / CORRELATED_BINS > BETTER


def date_begin(
    times: NDArray[np.int64],
    values: Numbers,
    rough: float,
    per_hour: float,
    spread: float,
    *,
    has_rhythm: bool,
) -> float:
    """Return when the ramp of ``values`` at ``per_hour`` begins (Unix seconds), near ``rough``.

    ``values`` are scans without rhythm, jumps and restarts, NaN where not read. The answer is the
    scan, or the time between two of them, at which a flat line and a ramp of the known rate meet
    with the least error; within a gap too. A leak that begins at night may be slower at first: if
    ``values`` have no rhythm (``has_rhythm``) that hides it, other rates are tried too.
    """
    known = np.isfinite(values)
    when, values = times[known].astype(np.float64), values[known]
    begin = rough
    for _ in range(ROUNDS):
        before = values[(when < begin) & (when >= begin - NOISE_S)]
        if len(before) >= FEWEST:
            spread = max(float(robust_spread(before[None, :])[0]), LEAST_SPREAD)
        ramp_s = max(max(SPREADS * spread, SOCKETS) / per_hour * HOUR_S, LEAST_S)
        at = int(np.searchsorted(when, begin))
        if not FEWEST // 2 <= at <= len(when) - FEWEST // 2:
            return begin
        first = min(begin - max(2 * ramp_s, FLAT_S), when[max(0, at - FEWEST)])
        last = max(begin + ramp_s, when[min(len(when) - 1, at + FEWEST)])
        near = (when >= first) & (when <= last)
        grown = np.maximum(when[near] - begin, 0) * per_hour / HOUR_S
        weights = 1 / (spread**2 + 1 + grown + grown**2 / 50)
        _, begin = _best_begin(when[near], values[near], weights, per_hour / HOUR_S, spread)
    scan_s = float(np.median(np.diff(when)))
    if has_rhythm or STEEP * per_hour / HOUR_S * scan_s < spread:
        return begin
    first, last = begin - max(FLAT_S, FEWEST * scan_s), begin + max(LEAST_S, STEEP_SCANS * scan_s)
    near = (when >= first) & (when <= last)
    if near.sum() < FEWEST:
        return begin
    weights = np.full(int(near.sum()), 1 / (spread**2 + 1))
    fits = [
        _best_begin(when[near], values[near], weights, rate * per_hour / HOUR_S, spread)
        for rate in RATES
    ]
    even, best = fits[RATES.index(1.0)], min(fits)
    return best[1] if best[0] + LIKELIER < even[0] else even[1]


def _best_begin(
    when: Numbers, values: Numbers, weights: Numbers, per_second: float, spread: float
) -> tuple[float, float]:
    """Return the least loss and the begin that has it."""
    limit = 3 * (spread + LEAST_SPREAD)
    # Also within gaps: the level before and the ramp after say where they meet.
    apart = max(float(np.median(np.diff(when))) / 2, 1.0)
    candidates = np.arange(when[0], when[-1] + apart, apart)
    while True:
        tried = candidates[:: max(1, len(candidates) // AT_ONCE)]
        ramps = np.maximum(when[None, :] - tried[:, None], 0) * per_second
        flat = values[None, :] - ramps
        level = (flat * weights).sum(axis=1) / weights.sum()
        rest = np.abs(flat - level[:, None])
        loss = np.where(rest <= limit, rest**2 / 2, limit * (rest - limit / 2))
        losses = (loss * weights).sum(axis=1)
        best = int(np.argmin(losses))
        if len(tried) == len(candidates):
            return float(losses[best]), float(tried[best])
        low, high = tried[max(0, best - 1)], tried[min(len(tried) - 1, best + 1)]
        candidates = candidates[(candidates >= low) & (candidates <= high)]
