"""Jumps from one bin to the next, which are no leak: a new level, a burst, a deployment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .hinge import robust_spread
from .hourly import median_of_rows

__all__ = ["find_jumps"]

Numbers = NDArray[np.float64]

SIDE = 6
"""Bins on each side that a new level lasts."""
SPREADS = 5
SMALLEST = 8
SHARE = 0.6
"""The levels of the two sides differ by at least this share of the jump."""
STEEPER = 3
"""A jump is this many times what a bin changes on either side."""


def find_jumps(values: Numbers) -> Numbers:
    """Return the sudden, lasting change at each bin of ``values`` without rhythm; else 0."""
    filled = _fill(values)
    change = np.diff(filled, axis=1, prepend=filled[:, :1])
    padded = np.pad(filled, ((0, 0), (SIDE, SIDE)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, SIDE, axis=1)
    steps = np.pad(change, ((0, 0), (SIDE, SIDE)), constant_values=np.nan)
    step_windows = np.lib.stride_tricks.sliding_window_view(steps, SIDE, axis=1)
    known = np.isfinite(values)
    change[~known] = np.nan
    limit = np.maximum(SPREADS * robust_spread(change), SMALLEST)[:, None]
    jumps = np.zeros_like(values)
    rows, columns = np.nonzero(known & (np.abs(change) > limit))
    if len(rows):
        size = change[rows, columns]
        after = median_of_rows(windows[rows, columns + SIDE])
        before = median_of_rows(windows[rows, columns])
        slope_after = median_of_rows(step_windows[rows, columns + SIDE + 1])
        slope_before = median_of_rows(step_windows[rows, columns])
        slope = np.fmax(np.abs(slope_after), np.abs(slope_before))
        is_jump = (np.sign(after - before) == np.sign(size)) & (
            np.abs(after - before) >= SHARE * np.abs(size)
        )
        is_jump &= np.abs(size) >= STEEPER * slope * _bins_since(known)[rows, columns]
        jumps[rows[is_jump], columns[is_jump]] = size[is_jump]
    return jumps


def _bins_since(known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return how many bins ago the last known one was: a leak goes on in a gap."""
    bins = np.arange(known.shape[1])
    latest = np.maximum.accumulate(np.where(known, bins, 0), axis=1)
    return np.asarray(bins - np.concatenate([latest[:, :1], latest[:, :-1]], axis=1))


def _fill(values: Numbers) -> Numbers:
    """Return ``values`` with the last known one where there is none; the first before it."""
    known = np.isfinite(values)
    columns = np.maximum.accumulate(np.where(known, np.arange(values.shape[1]), -1), axis=1)
    first = np.argmax(known, axis=1)[:, None]
    filled = np.take_along_axis(values, np.where(columns < 0, first, columns), axis=1)
    return np.nan_to_num(filled)
