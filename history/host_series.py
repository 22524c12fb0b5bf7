"""One number of one host over time, in intervals."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

from ..core.record import record

if TYPE_CHECKING:
    from .series import SeriesBlock

__all__ = ["HostSeries", "Point", "host_series"]


@record
class Point:
    """One reading, or the median of those of an interval."""

    time: int
    """Unix seconds: when the scan began, or the interval."""
    value: float | None
    """None where the host was not read."""
    samples: int
    """How many readings it stands for."""
    rebooted: bool
    """Whether the host booted since the point before."""


@record
class HostSeries:
    """The points of one host, ascending by time."""

    host: str
    metric: str
    every_s: int
    """The length of an interval; 0: each reading is a point."""
    points: tuple[Point, ...]


def host_series(block: SeriesBlock, *, every_s: int = 0) -> HostSeries:
    """The series of a block's only host, in intervals of this length from the Unix epoch on.

    Raises ValueError for a block of several hosts.
    """
    (host,) = block.hosts
    columns = defaultdict[int, list[int]](list)
    for column, time in enumerate(block.times.tolist()):
        columns[time - time % every_s if every_s else time].append(column)
    values, boots = block.values[0].tolist(), block.boots[0].tolist()
    points, boot = [], -1
    for time, members in columns.items():
        given = [values[column] for column in members if values[column] == values[column]]
        seen = [boots[column] for column in members if boots[column] >= 0]
        rebooted = any(before != after for before, after in zip([boot, *seen], seen, strict=False))
        points.append(
            Point(
                time=time,
                value=median(given) if given else None,
                samples=len(given),
                rebooted=rebooted and boot >= 0,
            )
        )
        boot = seen[-1] if seen else boot
    return HostSeries(host=host, metric=block.metric, every_s=every_s, points=tuple(points))
