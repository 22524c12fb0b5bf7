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
WORKING_DAYS = 5
"""So many working days tell what a weekend alone has of their rhythm from a number that grows."""
MOST_SHARE = 1.5
"""A weekend has at most this share of the rhythm of working days."""
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
        self._weekend, self._same_time = np.zeros((2, 0), np.intp)
        kinds = slots * 2
        if min(weekend_days, working_days) >= DAYS:
            kinds = kinds + is_weekend
        elif working_days >= WORKING_DAYS:
            # A weekend alone shows how much of the rhythm of working days it has.
            kinds = np.where(is_weekend, -1, kinds)
        names, numbers, counts = np.unique(kinds, return_inverse=True, return_counts=True)
        order = np.argsort(numbers, kind="stable")
        places = np.arange(len(kinds)) - np.repeat(np.cumsum(counts) - counts, counts)
        # A row a time of the week, with the numbers of its bins, padded by -1.
        columns = np.full((len(names), int(counts.max())), -1, np.intp)
        columns[numbers[order], places] = order
        is_usual = (counts >= DAYS) & (names >= 0)
        self._columns = columns[is_usual]
        if (kinds < 0).any():
            self._weekend = np.flatnonzero((kinds < 0) & np.isin(slots * 2, names[is_usual]))
            self._same_time = np.searchsorted(names[is_usual], slots[self._weekend] * 2)

    def of(self, residuals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rhythm of each row, centred: the median residual of each time of the week."""
        padded = np.pad(residuals, ((0, 0), (0, 1)), constant_values=np.nan)
        medians = np.nan_to_num(median_of_rows(np.take(padded, self._columns, axis=1)))
        # The last column takes what the padding of the rows says.
        rhythm = np.zeros_like(padded)
        rhythm[:, self._columns] = medians[:, :, None]
        if len(self._weekend):
            rhythm[:, self._weekend] = _scale(
                medians[:, self._same_time], residuals[:, self._weekend]
            )
        rhythm = rhythm[:, :-1]
        return np.asarray(rhythm - median_of_rows(rhythm)[:, None])


def _scale(working: NDArray[np.float64], weekend: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rhythm of working days, scaled and moved to a weekend by least squares."""
    known = np.isfinite(weekend)
    usual = np.nan_to_num(median_of_rows(np.where(known, working, np.nan)))[:, None]
    level = np.nan_to_num(median_of_rows(weekend))[:, None]
    apart = np.where(known, working - usual, 0)
    common = (apart * np.where(known, weekend - level, 0)).sum(axis=1)
    share = np.clip(common / np.maximum((apart**2).sum(axis=1), 1e-9), 0, MOST_SHARE)[:, None]
    return np.asarray(level + share * (working - usual))


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
