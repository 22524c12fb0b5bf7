"""What one series does: the tests that a leak passes, and the other words."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ...core.record import record
from .bend import is_bent
from .end import find_end
from .hinge import fit_shapes, robust_spread
from .hourly import median
from .series_model import Model
from .staircase import is_staircase

__all__ = ["Kind", "Verdict", "judge_joined", "judge_plain"]

Numbers = NDArray[np.float64]

SMALLEST_GROWTH, SMALLEST_CHANGE = 19, 15
"""Sockets of a leak, and of a step or a rise that has ended."""
SPREADS, SPREADS_YOUNG, SPREADS_STEP = 7.0, 8.0, 6.0
"""A leak grows by this many times the usual spread of the number, a young one by more."""
PAST_RANGES = 1.5
"""A young leak also exceeds this many times the range of nine tenths of the host's past."""
YOUNG_H, YOUNGEST_H, YOUNGEST_BINS = 72, 20, 10
PARTS, PARTS_YOUNG = 5, 4
LEAST_BINS = 7
"""Fewer do not show whether a ramp is even."""
LEAST_RISE, LEAST_RISE_YOUNG, MOST_RISE = 0.15, 0.35, 3.5
"""Each part of a ramp rises by these shares of the mean part: a leak never rests nor jumps."""
CORRELATED_BINS, TOLERANCE, TOLERANCE_YOUNG = 6, 0.8, 0.3
"""So many bins count as one independent one; errors of a part that are forgiven, fewer in a
young ramp."""
MOST_JUMPED, LEAST_JUMP = 0.5, 0.1
"""A ramp of which sudden changes make a larger share is none; smaller ones are the ramp's own."""
SPREADS_BESIDE_JUMPS = 25.0
"""A ramp beside larger jumps upwards, which are taken out, exceeds this many spreads."""
MOST_JUMPS = 2
"""More that are taken out leave nothing to judge."""
LATEST_BINS, SIDE_BINS = 3, 24
MOST_OUTLIERS = 0.35
HIDDEN = 0.3
"""Sudden falls that are no restarts do not hide a larger share of a ramp."""
RESTART_RISE = 0.3
"""Between restarts, and after the last one, a leak rises by at least this share of its rate."""
BETTER = 0.8
"""The end of a rise leaves at most this share of the error of a rise without an end."""
KNOWABLE = 3.0
"""Spreads; a smaller rise since a restart is not told apart from chance."""
SAWTOOTH_RESTARTS = 3
REGULAR, REGULAR_FEW = 0.25, 0.1
"""The times between restarts that come regularly differ by less than this share; two such times
are often alike by chance."""
EQUAL_PEAKS = 0.2
"""Two restarts at the same level are a saw-tooth too."""


class Kind(StrEnum):
    """What a number does over the window."""

    LEAK = "leak"
    SAWTOOTH = "sawtooth"
    STEP = "step"
    RECOVERED = "recovered"
    RESTARTED = "restarted"
    TOO_EARLY = "too-early"
    NORMAL = "normal"


@record
class Verdict:
    """The kind of one row, with the bins from which and until which its ramp or level lasts."""

    kind: Kind
    begin: int = 0
    end: int = 0


def judge_plain(hours: Numbers, model: Model, row: int, falls: Numbers) -> Verdict:
    """Judge a row of which nothing was taken out but its rhythm.

    ``falls`` are the sizes of its restarts: a leak beneath a saw-tooth grows by more than a tooth.
    """
    begin, last = int(model.shapes.hinge.knot[row]), len(hours) - 1
    if _is_ramp(hours, model, row):
        growth = model.shapes.hinge.slope[row] * (hours[-1] - hours[begin])
        jumped = _lasting_jumps(hours, model, row, growth)
        latest = model.smooth[row][np.isfinite(model.smooth[row])][-LATEST_BINS:]
        ends_at = float(model.shapes.hinge.level[row]) + growth
        ends_on_ramp = median(latest) >= ends_at - HIDDEN * growth
        exceeds_teeth = len(falls) < 2 or growth > median(falls)
        ended = find_end(hours[begin:], model.smooth[row, begin:])
        if ended is not None:
            return Verdict(kind=Kind.RECOVERED, begin=begin, end=begin + ended)
        if jumped <= MOST_JUMPED * growth and ends_on_ramp and exceeds_teeth:
            return Verdict(kind=Kind.LEAK, begin=begin, end=last)
    return _judge_rest(hours, model, row)


def judge_joined(
    hours: Numbers,
    model: Model,
    row: int,
    restarts: NDArray[np.intp],
    boots: int,
    peaks: Numbers,
) -> Verdict:
    """Judge a row whose jumps were taken out and whose ``restarts`` (bins) were joined.

    ``boots`` of the restarts came with another boot id; ``peaks`` are the levels before the others.
    """
    last = len(hours) - 1
    if not _is_ramp(hours, model, row):
        return _judge_rest(hours, model, row, is_joined=True)
    begin, slope = int(model.shapes.hinge.knot[row]), float(model.shapes.hinge.slope[row])
    within = restarts[restarts > begin]
    if _is_made_of_jumps(hours, model, row, has_restarts=bool(len(within))):
        return Verdict(kind=Kind.NORMAL)
    edges = [begin, *(int(each) for each in within), last + 1]
    rises = [
        _share_of_rise(hours, model, row, edges[part], edges[part + 1], slope)
        for part in range(len(edges) - 1)
    ]
    known = [rise for rise in rises if rise is not None]
    if not known or np.mean([rise >= RESTART_RISE for rise in known]) < 0.6:
        return Verdict(kind=Kind.NORMAL)
    if _is_sawtooth(hours, within, boots, peaks):
        return Verdict(kind=Kind.SAWTOOTH, begin=begin, end=last)
    ended = find_end(hours[begin:], model.smooth[row, begin:])
    if ended is not None:
        # Jumps that were taken out may be the rise itself, seen across a gap.
        kind = Kind.RECOVERED if len(within) else Kind.NORMAL
        return Verdict(kind=kind, begin=begin, end=begin + ended)
    if not len(within):
        return Verdict(kind=Kind.LEAK, begin=begin, end=last)
    end = int(within[-1])
    if rises[-1] is None:
        return Verdict(kind=Kind.RESTARTED, begin=begin, end=end)
    if rises[-1] < RESTART_RISE:
        return Verdict(kind=Kind.RECOVERED, begin=begin, end=end)
    return Verdict(kind=Kind.LEAK, begin=begin, end=last)


def _is_made_of_jumps(hours: Numbers, model: Model, row: int, *, has_restarts: bool) -> bool:
    """Return whether the jumps that were taken out leave too little of the ramp to judge."""
    hinge = model.shapes.hinge
    begin = int(hinge.knot[row])
    age = float(hours[-1] - hours[begin])
    growth, jumps = float(hinge.slope[row]) * age, model.jumps[row, begin:]
    if (np.abs(jumps) >= LEAST_JUMP * growth).sum() > MOST_JUMPS:
        return True
    if not has_restarts and (age < YOUNG_H or jumps.sum() > HIDDEN * growth) and jumps.any():
        # What is left of a staircase without its jumps may be a ramp.
        return True
    rises = jumps.sum() > MOST_JUMPED * growth and growth < SPREADS_BESIDE_JUMPS * model.spread[row]
    return bool(rises or jumps.sum() < -HIDDEN * growth)


def _lasting_jumps(hours: Numbers, model: Model, row: int, growth: float) -> float:
    """Return the sum of the jumps within the ramp that a day later are still there."""
    begin, slope = int(model.shapes.hinge.knot[row]), float(model.shapes.hinge.slope[row])
    total = 0.0
    values = np.concatenate([model.smooth[row, :begin], _without_outliers(model, row, begin)])
    for at in np.flatnonzero(np.abs(model.jumps[row]) >= LEAST_JUMP * growth):
        before = slice(max(begin, int(at) - SIDE_BINS), int(at))
        after = slice(int(at), int(at) + SIDE_BINS)
        if at < begin or not (
            np.isfinite(values[before]).any() and np.isfinite(values[after]).any()
        ):
            continue
        rise = float(np.nanmedian(values[after]) - np.nanmedian(values[before]))
        span = median(hours[after]) - median(hours[before])
        lasting = rise - slope * span
        if lasting * float(model.jumps[row, at]) > 0:
            total += lasting
    return total


def _is_sawtooth(hours: Numbers, restarts: NDArray[np.intp], boots: int, peaks: Numbers) -> bool:
    """Return whether restarts come so often or so regularly that they hide the leak."""
    count = len(restarts)
    if count < SAWTOOTH_RESTARTS:
        return len(peaks) >= 2 and float(np.ptp(peaks)) < EQUAL_PEAKS * float(np.mean(peaks))
    if count - boots >= SAWTOOTH_RESTARTS or count >= 6:
        return True
    gaps = np.diff(hours[restarts])
    most = REGULAR if len(gaps) >= SAWTOOTH_RESTARTS else REGULAR_FEW
    return bool(np.std(gaps) < most * np.mean(gaps))


def _share_of_rise(
    hours: Numbers,
    model: Model,
    row: int,
    begin: int,
    end: int,
    slope: float,
) -> float | None:
    """Return the rise from ``begin`` to ``end`` as a share of ``slope``; None if unknowable."""
    known = np.flatnonzero(np.isfinite(model.smooth[row, begin:end])) + begin
    if len(known) < 4:
        return None
    first, second = np.array_split(known, 2)
    span = median(hours[second]) - median(hours[first])
    noise = float(model.spread[row]) * 1.5 / np.sqrt(max(1.0, len(known) / 6))
    # Sockets leak one by one, by chance too.
    noise = float(np.sqrt(noise**2 + max(slope * span, 0.0)))
    if slope * span < noise * KNOWABLE:
        return None
    rise = median(model.smooth[row, second]) - median(model.smooth[row, first])
    return rise / (slope * span)


def _is_ramp(hours: Numbers, model: Model, row: int) -> bool:
    """Return whether a row ends with the ramp of a leak."""
    hinge = model.shapes.hinge
    begin, slope = int(hinge.knot[row]), float(hinge.slope[row])
    spread = float(model.spread[row])
    if slope * float(hours[-1] - hours[begin]) < max(SMALLEST_GROWTH, SPREADS * spread):
        # Nearly every quiet host ends here, so what costs least is tried first.
        return False
    known = np.flatnonzero(np.isfinite(model.smooth[row]))
    begin = max(begin, int(known[0]))
    age = float(hours[known[-1]] - hours[begin])
    least = SPREADS * spread
    if age < YOUNG_H:
        # A slow wander has little spread about a short ramp, and more before it.
        before = model.smooth[row, :begin]
        before = before[np.isfinite(before)]
        least = SPREADS_YOUNG * spread
        if len(before) >= 2 * CORRELATED_BINS:
            low, high = np.percentile(before, [5, 95])
            usual = float(robust_spread(before[None, :])[0])
            least = max(least, SPREADS_YOUNG * usual, PAST_RANGES * float(high - low))
    return (
        bool(hinge.error[row] < model.shapes.step.error[row])
        and age >= max(YOUNGEST_H, YOUNGEST_BINS * float(np.diff(hours).min(initial=1.0)))
        and slope * age >= max(SMALLEST_GROWTH, least)
        and _is_even(hours[begin:], _without_outliers(model, row, begin), spread)
        and not _is_bent(hours, model, row, begin, is_young=age < YOUNG_H)
        and not is_staircase(
            hours[begin:],
            model.smooth[row, begin:],
            model.shapes.weights[row, begin:],
            slope * age / spread,
        )
    )


def _is_bent(hours: Numbers, model: Model, row: int, begin: int, *, is_young: bool) -> bool:
    """Return whether a row bends; the bend of a young ramp may be what looks like its outliers."""
    values, weights, spread = model.smooth[row], model.shapes.weights[row], float(model.spread[row])
    if is_bent(hours, values, weights, begin, spread):
        return True
    known = np.isfinite(values).astype(np.float64)
    return is_young and is_bent(hours, values, known, begin, spread)


def _without_outliers(model: Model, row: int, begin: int) -> Numbers:
    """Return the ramp from ``begin`` on with NaN where a burst hides it, if that is rare."""
    values = model.smooth[row, begin:]
    is_outlier = np.isfinite(values) & (model.shapes.weights[row, begin:] == 0)
    if is_outlier.sum() > MOST_OUTLIERS * np.isfinite(values).sum():
        return values
    return np.where(is_outlier, np.nan, values)


def _is_even(hours: Numbers, values: Numbers, spread: float) -> bool:
    """Return whether every part of ``values`` rises, and none by far more than the others.

    Parts are short, so that ``spread`` may hide the rise of one: by so much it may miss its share.
    """
    known = np.isfinite(values)
    hours, values = hours[known], values[known]
    if len(hours) < LEAST_BINS:
        return False
    parts = PARTS if hours[-1] - hours[0] >= YOUNG_H else PARTS_YOUNG
    rises = np.diff([median(each) for each in np.array_split(values, parts + 1)])
    spans = np.diff([median(each) for each in np.array_split(hours, parts + 1)])
    rates = rises / spans
    mean = float(rises.sum() / spans.sum())
    is_young = parts == PARTS_YOUNG
    tolerance = TOLERANCE_YOUNG if is_young else TOLERANCE
    chance = tolerance * spread * np.sqrt(2 * min(1, CORRELATED_BINS * (parts + 1) / len(hours)))
    least = (LEAST_RISE_YOUNG if is_young else LEAST_RISE) * mean - chance / spans
    return bool(mean > 0 and (rates >= least).all() and rates.max() <= MOST_RISE * mean)


def _judge_rest(hours: Numbers, model: Model, row: int, *, is_joined: bool = False) -> Verdict:
    """Judge a row that does not end with a ramp."""
    shapes, last = model.shapes, len(hours) - 1
    spread = float(model.spread[row])
    end, step = shapes.rise_end, shapes.step
    better = BETTER * float(shapes.hinge.error[row])
    if end.error[row] < min(better, step.error[row]) and end.slope[row] > 0:
        until = int(end.knot[row])
        begin = _begin_of_rise(hours[: until + 1], model.smooth[row, : until + 1], spread)
        if begin is not None:
            return Verdict(kind=Kind.RECOVERED, begin=begin, end=until)
    if (
        not is_joined
        and step.error[row] < min(shapes.hinge.error[row], end.error[row])
        and abs(step.slope[row]) >= max(SMALLEST_CHANGE, SPREADS_STEP * spread)
    ):
        return Verdict(kind=Kind.STEP, begin=int(step.knot[row]), end=last)
    return Verdict(kind=Kind.NORMAL)


def _begin_of_rise(hours: Numbers, values: Numbers, spread: float) -> int | None:
    """Return where the rise that ends with ``values`` begins, None if it is no ramp."""
    if np.isfinite(values).sum() < 2 * YOUNGEST_H:
        return None
    hinge = fit_shapes(hours, values[None, :]).hinge
    begin, slope = int(hinge.knot[0]), float(hinge.slope[0])
    growth = slope * float(hours[-1] - hours[begin])
    is_rise = growth >= max(SMALLEST_CHANGE, SPREADS_YOUNG * spread)
    return begin if is_rise and _is_even(hours[begin:], values[begin:], 0.0) else None
