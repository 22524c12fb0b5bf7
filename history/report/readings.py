"""What was read of each host of a report: now, before, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from ..series import SeriesBlock
from .grid import Grid
from .last_scans import LastScans
from .model import FailedHost

__all__ = ["METRIC", "Readings", "add_up", "number_or_none"]

METRIC = "tcp_close"
"""The number that a report is of."""

Numbers = NDArray[np.float64]


class Readings:
    """The numbers of the hosts of a block; a row is a host."""

    def __init__(
        self, block: SeriesBlock, last: LastScans, groups: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.block, self.last, self.groups = block, last, groups
        self.grid = Grid(block.times, block.values)
        self.row = {name: row for row, name in enumerate(block.hosts)}
        self.start, self.end = float(block.times[0]), float(block.times[-1])
        self.now: Numbers = np.array([self._level(name) for name in block.hosts], np.float64)

    def _level(self, name: str) -> float:
        host = self.last.hosts.get(name)
        if host is None or host.tcp is None or host.tcp.tcp_close is None:
            return float("nan")
        return float(host.tcp.tcp_close)

    def column_at(self, time: float) -> int | None:
        """The last column that began by then; None: there is none."""
        column = int(np.searchsorted(self.block.times, time + 1, side="right")) - 1
        return column if column >= 0 else None

    def values_at(self, column: int | None) -> Numbers:
        """The number of each host then: the first one from there on, if it was not read then."""
        part = self.block.values[:, column or 0 :]
        first = np.isfinite(part).argmax(axis=1)
        values = np.take_along_axis(part, first[:, None], axis=1)[:, 0].astype(np.float64)
        return np.asarray(values)

    def values_before(self, at: datetime | None, baseline: Mapping[str, float] | None) -> Numbers:
        """The numbers from which changes count."""
        if baseline is not None:
            return np.array([baseline.get(name, np.nan) for name in self.block.hosts])
        return self.values_at(None if at is None else self.column_at(at.timestamp()))

    def rebooted(self) -> tuple[str, ...]:
        """The hosts of which two boot ids were seen."""
        boots = self.block.boots
        highest = boots.max(axis=1)
        lowest = np.where(boots >= 0, boots, highest[:, None]).min(axis=1)
        return tuple(self.block.hosts[row] for row in np.flatnonzero(highest != lowest))

    def appeared(self) -> tuple[str, ...]:
        """The hosts that no scan of the first tenth of the time has."""
        early = self.start + (self.end - self.start) / 10
        known = np.isfinite(self.block.values)
        first = self.block.times[known.argmax(axis=1)].astype(np.float64)
        first[~known.any(axis=1)] = np.inf
        for name, (_, failed) in self.last.failed_scans.items():
            if name in self.row:
                first[self.row[name]] = min(first[self.row[name]], failed)
        is_new = (first > early) & (first < np.inf)
        return tuple(self.block.hosts[row] for row in np.flatnonzero(is_new))

    def disappeared(self) -> tuple[str, ...]:
        """The hosts that the newest scans do not have."""
        return tuple(name for name in self.block.hosts if name not in self.last.hosts)

    def failed(self) -> tuple[FailedHost, ...]:
        """The hosts that the newest scan of theirs did not read, by name."""
        failed = []
        for name, failure in sorted(self.last.failures.items()):
            if name not in self.row:
                continue
            read = np.flatnonzero(np.isfinite(self.block.values[self.row[name]]))
            count, _ = self.last.failed_scans.get(name, (0, 0.0))
            failed.append(
                FailedHost(
                    host=name,
                    category=failure.category,
                    message=failure.message,
                    since=float(self.block.times[read[-1]]) if len(read) else None,
                    read_share=len(read) / max(1, len(read) + count),
                )
            )
        return tuple(failed)

    def count_missing(self) -> int:
        """How many scans are missing between the others, if they come at one interval."""
        gaps = np.diff(self.block.times).astype(np.float64)
        if len(gaps) < 3:
            return 0
        usual = max(float(np.median(gaps)), 1.0)
        return int(np.round(gaps[gaps > 1.5 * usual] / usual - 1).sum())


def number_or_none(value: float) -> float | None:
    """None in place of NaN."""
    return None if np.isnan(value) else float(value)


def add_up(values: Numbers) -> float | None:
    """The sum of what is known; None where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.sum()) if len(known) else None
