"""Restarts, which free what leaked: each one's fall is added back, so that the leak shows.

Prometheus' increase() does the same with counters. A restart is another boot id, or a sudden fall
of what had grown for hours (a process that holds the sockets restarted). A fall across a gap is no
proof of a restart, except by the boot id.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...core.record import record
from .hinge import robust_spread
from .hourly import DAY_S, median, median_of_rows

__all__ = ["Restarts", "find_restarts", "join_boots"]

FALL = 15
"""Sockets; a smaller fall is chance."""
SPREADS = 8
"""A fall is this many times the usual change between two scans."""
TOOTH_S = 2 * 3600
"""What falls had grown for this long at least."""
SOME = 1000
"""So many of a host's changes show what is usual."""
LONGEST_GAP = 2.5
"""Scans apart: more is a gap."""
NEAR_DAYS = 2
"""The days before and after a boot that say how the number goes on."""
WARM_UP_S = 3 * 3600
"""After a boot, connections come back for this long."""
SHARE = 0.5
"""A fall takes at least this share of what had grown; one step makes at most this share of it."""


@record
class Restarts:
    """The restarts of each host.

    ``added`` is what each scan's value must be raised by so that no fall is left; ``falls`` and
    ``boots`` have a flag for each scan that is the first after a fall, or after another boot id.
    """

    added: NDArray[np.float32]
    falls: NDArray[np.bool_]
    boots: NDArray[np.bool_]


def find_restarts(
    times: NDArray[np.int64], values: NDArray[np.float32], boots: NDArray[np.int32]
) -> Restarts:
    """Find the restarts in ``values``, rows of hosts."""
    change = values - _previous(times, values)
    is_new_boot = _new_boots(boots)
    some = change[:, :: max(1, change.shape[1] // SOME)]
    limit = np.maximum(FALL, SPREADS * np.maximum(robust_spread(some), 1))
    with np.errstate(invalid="ignore"):
        rows, columns = _places((change < -limit[:, None]) & ~is_new_boot)
    falls = np.zeros(values.shape, bool)
    added = np.zeros(values.shape, np.float32)
    candidates = _without_spikes(values, change, rows, columns)
    for host in np.unique(rows[candidates]):
        falls[host] = _falls_of_host(
            times,
            values[host],
            change[host],
            columns[candidates & (rows == host)],
            np.flatnonzero(is_new_boot[host]),
        )
        added[host] = np.cumsum(np.where(falls[host], -change[host], 0))
    return Restarts(added=added, falls=falls, boots=is_new_boot)


def _previous(times: NDArray[np.int64], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the value of the scan before each, or of the one before that; NaN across a gap."""
    longest = LONGEST_GAP * _interval(times)
    previous = np.full_like(values, np.nan)
    previous[:, 1:] = values[:, :-1]
    previous[:, 1:][:, np.diff(times) > longest] = np.nan
    rows, columns = _places(np.isnan(previous))
    is_near = columns >= 2
    is_near[is_near] = (times[columns] - times[columns - 2])[is_near] <= longest
    previous[rows[is_near], columns[is_near]] = values[rows[is_near], columns[is_near] - 2]
    return previous


def _places(flags: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows and columns of ``flags``, as np.nonzero does in three times the time."""
    rows, columns = np.divmod(np.flatnonzero(flags), flags.shape[1])
    return rows, columns


def _without_spikes(
    values: NDArray[np.float32],
    change: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """Return which falls are none from a spike, and none into a dip.

    The scans next to a spike or a dip are back at the usual level.
    """
    middle = values[rows, columns] - change[rows, columns] / 2
    later = values[rows, np.minimum(columns + 1, values.shape[1] - 1)]
    sooner = values[rows, np.maximum(columns - 2, 0)]
    with np.errstate(invalid="ignore"):
        return np.asarray(~(later > middle) & ~(sooner < middle))


def join_boots(
    middles: NDArray[np.int64], values: NDArray[np.float64], boot_bins: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return one host's bins with the levels before and after each boot joined.

    The first hours after a boot are left out: connections come back then. Levels are medians of
    up to a day on each side, so that the time of day is the same; between them the number goes on
    as it does in the days next to the boot: a leak may have begun within the window.
    """
    length = int(np.diff(middles).min())
    day, warm = max(1, DAY_S // length), max(1, WARM_UP_S // length)
    joined = values.copy()
    for at in boot_bins:
        joined[at : at + warm] = np.nan
    edges = [0, *boot_bins, len(values)]
    segments = [
        (begin, end) for begin, end in pairwise(edges) if np.isfinite(joined[begin:end]).any()
    ]
    usual = _usual_slope(joined, segments, day)
    offset = 0.0
    for (begin, end), (next_begin, next_end) in pairwise(segments):
        near = max(begin, end - NEAR_DAYS * day), min(next_end, next_begin + NEAR_DAYS * day)
        sides = [(near[0], end), (next_begin, near[1])]
        is_long = max(end - near[0], near[1] - next_begin) > day
        slope = _usual_slope(values, sides, day) if is_long else usual
        known = np.flatnonzero(np.isfinite(values[begin:end])) + begin
        later = np.flatnonzero(np.isfinite(joined[next_begin:next_end])) + next_begin
        count = min(day, len(known), len(later))
        before, after = known[-count:], later[:count]
        offset += median(values[before]) - median(values[after])
        offset += slope * float(np.mean(after) - np.mean(before))
        joined[next_begin:next_end] += offset
    return joined


def _usual_slope(values: NDArray[np.float64], segments: list[tuple[int, int]], day: int) -> float:
    """Return the median change a bin within segments, over a day where they are long enough."""
    longest = max((end - begin for begin, end in segments), default=0)
    lag = min(day, max(1, longest // 2))
    changes = [
        values[begin + lag : end] - values[begin : end - lag]
        for begin, end in segments
        if end - begin > lag
    ]
    every = np.concatenate(changes) if changes else np.zeros(0)
    every = every[np.isfinite(every)]
    return float(np.median(every)) / lag if len(every) else 0.0


def _interval(times: NDArray[np.int64]) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 1.0


def _new_boots(boots: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return the scans of another boot than the last one known; few hosts have any."""
    new = np.zeros(boots.shape, bool)
    for host in np.flatnonzero(
        boots.max(axis=1) != np.where(boots < 0, 2**31 - 1, boots).min(axis=1)
    ):
        known = np.flatnonzero(boots[host] >= 0)
        new[host, known[1:]] = np.diff(boots[host, known]) != 0
    return new


def _falls_of_host(
    times: NDArray[np.int64],
    values: NDArray[np.float32],
    change: NDArray[np.float32],
    candidates: NDArray[np.intp],
    boots: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """Return which of the ``candidates`` free what had grown since the last restart."""
    falls = np.zeros(len(values), bool)
    padded = np.pad(values, 3, constant_values=np.nan)
    sides = np.lib.stride_tricks.sliding_window_view(padded, 3)
    near, after = median_of_rows(sides[candidates]), median_of_rows(sides[candidates + 3])
    sizes = near - after
    is_lasting = sizes >= np.maximum(FALL, -SHARE * change[candidates])
    begin = 0
    for at, top, fall in zip(
        candidates[is_lasting], near[is_lasting], sizes[is_lasting], strict=True
    ):
        earlier_boots = boots[boots < at]
        begin = max(begin, int(earlier_boots[-1]) if len(earlier_boots) else 0)
        tooth = values[begin:at]
        grown = top - float(median_of_rows(tooth[: max(3, len(tooth) // 10)]))
        largest = float(np.fmax.reduce(change[begin + 1 : at], initial=0.0))
        falls[at] = (
            times[at] - times[begin] >= TOOTH_S
            and SHARE * grown <= fall <= grown / SHARE
            and largest <= SHARE * fall
        )
        begin = int(at)
    return falls
