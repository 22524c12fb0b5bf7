"""Medians of the scans of an hour, or of a longer bin where scans are rare.

Medians and not means: one spike of a heavy-tailed number ruins a mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.record import record

__all__ = ["DAY_S", "HOUR_S", "Bins", "bin_medians", "choose_bins", "median", "median_of_rows"]

HOUR_S, DAY_S = 3600, 86_400
BIN_HOURS = (1, 2, 3, 4, 6, 8, 12, 24)
"""Divisors of a day, so that a bin is always the same part of its day."""
SAMPLES = 3
"""A median of three ignores one spike."""
LATE = 0.1
"""Scans may be later than their interval by this share, as those of a busy collector are."""


@record
class Bins:
    """How scans fall into bins of equal length.

    ``starts`` are Unix seconds, one for each bin, without holes; ``columns`` has a row a bin with
    the numbers of its scans, padded by -1.
    """

    length_s: int
    starts: NDArray[np.int64]
    columns: NDArray[np.intp]
    fewest: int
    """A bin with fewer reads of a host has no median of it."""

    @property
    def middles(self) -> NDArray[np.int64]:
        return self.starts + self.length_s // 2


def choose_bins(times: NDArray[np.int64]) -> Bins:
    """Return bins of an hour, longer if an hour has fewer than three of the scans at ``times``."""
    interval_s = float(np.median(np.diff(times))) if len(times) > 1 else HOUR_S
    length_s = next(
        (
            hours * HOUR_S
            for hours in BIN_HOURS
            if hours * HOUR_S >= SAMPLES * interval_s * (1 - LATE)
        ),
        DAY_S,
    )
    numbers = times // length_s
    numbers = numbers - numbers[0]
    order = np.arange(len(times)) - np.searchsorted(numbers, numbers)
    columns = np.full((int(numbers[-1]) + 1, int(order.max()) + 1), -1, np.intp)
    columns[numbers, order] = np.arange(len(times))
    starts = (times[0] // length_s + np.arange(len(columns))) * length_s
    usual = length_s / interval_s
    return Bins(
        length_s=length_s,
        starts=starts,
        columns=columns,
        fewest=max(1, min(SAMPLES, int(usual / 2 + 0.5))),
    )


def bin_medians(values: NDArray[np.floating], bins: Bins) -> NDArray[np.float64]:
    """Return the median of each host and bin, NaN where a bin has too few reads."""
    padded = np.concatenate([values, np.full((len(values), 1), np.nan, values.dtype)], axis=1)
    # An index array would leave the samples of a bin far apart in memory.
    samples = np.take(padded, bins.columns, axis=1)
    medians = median_of_rows(samples)
    medians[np.isfinite(samples).sum(axis=2) < bins.fewest] = np.nan
    return medians


def median(values: NDArray[np.floating]) -> float:
    """Return the median of a row that has no NaN.

    np.median takes ten times as long on few values.
    """
    ordered = np.sort(values)
    middle = len(ordered) // 2
    return float(
        ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    )


def median_of_rows(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the medians along the last axis without NaN; NaN where there is nothing else.

    np.nanmedian takes twenty times as long on many short rows.
    """
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    ordered = np.sort(values, axis=-1)
    last = values.shape[-1] - 1
    counts = np.isfinite(ordered).sum(axis=-1)
    flat = ordered.reshape(-1)
    first = np.arange(0, flat.size, values.shape[-1]).reshape(counts.shape)
    upper = flat[first + np.minimum(counts // 2, last)].astype(np.float64)
    lower = flat[first + np.maximum((counts - 1) // 2, 0)]
    return np.asarray((upper + lower) / 2)
