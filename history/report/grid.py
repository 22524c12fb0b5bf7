"""Series at equal distances, as charts draw them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..trends.hourly import DAY_S, Bins, bin_medians
from .model import Course

__all__ = ["Grid"]

Numbers = NDArray[np.float64]

_MOST_POINTS = 400
"""More points than a chart has pixels to show."""
_MOST_SMALL_POINTS = 48
_HOSTS_AT_ONCE = 256
"""So that the arrays of a pass stay in the processor's cache."""
_STEPS = (60, 300, 600, 900, 1800, *(hours * 3600 for hours in (1, 2, 3, 4, 6, 8, 12)))


class Grid:
    """The medians of each host in intervals of equal length; NaN where nothing was read."""

    def __init__(self, times: NDArray[np.int64], values: NDArray[np.float32]) -> None:
        bins = _bins(times)
        self.step_s = bins.length_s
        self.start = float(bins.starts[0] + bins.length_s / 2)
        parts = [
            bin_medians(np.ascontiguousarray(values[begin : begin + _HOSTS_AT_ONCE]), bins)
            for begin in range(0, len(values), _HOSTS_AT_ONCE)
        ]
        self.values: Numbers = np.concatenate(parts) if parts else np.empty((0, len(bins.starts)))

    @property
    def length(self) -> int:
        """How many intervals there are."""
        return int(self.values.shape[1])

    def course(self, row: int) -> Course:
        """The course of one host."""
        return Course(start=self.start, step=float(self.step_s), values=_texts(self.values[row]))

    def small_courses(self) -> list[Course]:
        """The course of each host in fewer points: the highest of each stretch, so peaks stay."""
        width = -(-self.length // _MOST_SMALL_POINTS)
        edges = np.arange(0, self.length, width)
        highest = np.fmax.reduceat(self.values, edges, axis=1) if len(self.values) else self.values
        start = self.start + (width - 1) * self.step_s / 2
        return [
            Course(start=start, step=float(width * self.step_s), values=_texts(row))
            for row in highest
        ]

    def sum(self, rows: NDArray[np.intp]) -> Course:
        """The sum of some hosts; one that was not read counts with its last number before."""
        filled = self._filled()[rows]
        values = tuple(float(value) for value in filled.sum(axis=0))
        return Course(start=self.start, step=float(self.step_s), values=values)

    def _filled(self) -> Numbers:
        if not hasattr(self, "_known"):
            known = np.isfinite(self.values)
            last = np.where(known, np.arange(self.length), 0)
            np.maximum.accumulate(last, axis=1, out=last)
            found = np.take_along_axis(self.values, last, axis=1)
            self._known: Numbers = np.where(np.isfinite(found), found, 0.0)
        return self._known


def _texts(row: Numbers) -> tuple[float | None, ...]:
    return tuple(value if value == value else None for value in row.tolist())


def _bins(times: NDArray[np.int64]) -> Bins:
    """Intervals in which scans are rarely missing, at most `_MOST_POINTS` of them."""
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 60.0
    span = float(times[-1] - times[0])
    least = max(1.5 * usual, span / _MOST_POINTS)
    length = next((step for step in _STEPS if step >= least), 0)
    length = length or int(-(-least // DAY_S) * DAY_S)
    numbers = times // length - times[0] // length
    order = np.arange(len(times)) - np.searchsorted(numbers, numbers)
    columns = np.full((int(numbers[-1]) + 1, int(order.max()) + 1), -1, np.intp)
    columns[numbers, order] = np.arange(len(times))
    starts = (times[0] // length + np.arange(len(columns))) * length
    return Bins(length_s=length, starts=starts, columns=columns, fewest=1)
