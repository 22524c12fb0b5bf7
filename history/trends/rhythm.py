"""The part of a number that the time of day explains, weekends apart from working days."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .hourly import DAY_S, median_of_rows

__all__ = ["Rhythm", "choose_rhythm"]

DAYS = 3
"""A time of day has a level of its own from three days on."""
CHANCE = 4.5
"""The medians of N days of noise make it smaller by 1/N to this many times as much."""
FIRST_WEEKDAY = 3
"""1 January 1970 was a Thursday; Monday is 0."""


class Rhythm:
    """The times of a week that have a level of their own, as the window's days allow."""

    def __init__(self, middles: NDArray[np.int64]) -> None:
        days = middles // DAY_S
        slots = (middles % DAY_S) // max(int(np.diff(middles).min(initial=DAY_S)), 1)
        is_weekend = (days + FIRST_WEEKDAY) % 7 >= 5
        weekend_days = len(np.unique(days[is_weekend]))
        working_days = len(np.unique(days[~is_weekend]))
        self.days = (middles[-1] - middles[0]) / DAY_S
        apart = min(weekend_days, working_days) >= DAYS
        kinds = slots * 2 + is_weekend if apart else slots * 2
        self._columns = [
            columns
            for kind in np.unique(kinds)
            if len(columns := np.flatnonzero(kinds == kind)) >= DAYS
        ]

    def of(self, residuals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rhythm of each row, centred: the median residual of each time of the week."""
        rhythm = np.zeros_like(residuals)
        for columns in self._columns:
            rhythm[:, columns] = median_of_rows(residuals[:, columns])[:, None]
        rhythm = np.where(np.isfinite(rhythm), rhythm, 0)
        return np.asarray(rhythm - np.median(rhythm, axis=1)[:, None])


def choose_rhythm(rhythm: Rhythm, residuals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rhythm of the rows in which it explains more than chance would, else 0."""
    found = rhythm.of(residuals)
    rest = residuals - found
    before, after = (np.abs(each - median_of_rows(each)[:, None]) for each in (residuals, rest))
    most = 1 - min(CHANCE / max(rhythm.days, 1), 0.5)
    # The mean shows a job of one hour a day too, which the median ignores.
    explains = (median_of_rows(after) < most * median_of_rows(before)) | (
        _mean_of_rows(after) < most * _mean_of_rows(before)
    )
    found[~explains] = 0
    return found


def _mean_of_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.isfinite(values)
    sums = np.where(known, values, 0).sum(axis=1)
    return np.asarray(sums / np.maximum(known.sum(axis=1), 1))
