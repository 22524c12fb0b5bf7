"""What each host's number does over the window: kind, begin, rate, and the limit it meets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...core.record import record
from ..series import SeriesBlock
from .apart import Apart, find_apart
from .classify import Kind
from .courses import Course, JudgedHosts
from .forecast import Forecast, Limit, forecast_first
from .hourly import choose_bins
from .rate import Rate
from .rhythm import Rhythm

__all__ = ["Finding", "find_trends"]

HOSTS_AT_ONCE = 128
"""So that the arrays of a pass stay in the processor's cache."""
FEWEST_SCANS = 4
GROWS = frozenset({Kind.LEAK, Kind.SAWTOOTH})


@record
class Finding:
    """What one number of one host does. Times are Unix seconds, rates sockets (or units) an hour.

    ``begin`` is None where there is none, or where it is older than the first scan
    (``begin_before_window``); ``end`` is when a ramp ended (recovered, restarted). ``rate`` is that
    of the ramp, between restarts. ``growth`` is what it grew by within the window, or the size of
    a step. ``level`` is the median of the last three scans, None if the host was not read.
    ``spread`` is the standard deviation of the hourly medians about rhythm and ramp.
    """

    host: str
    metric: str
    kind: Kind
    level: float | None = None
    begin: float | None = None
    begin_before_window: bool = False
    end: float | None = None
    rate: Rate | None = None
    growth: float | None = None
    spread: float | None = None
    restarts: int = 0
    forecast: Forecast | None = None
    apart: Apart | None = None


def find_trends(
    block: SeriesBlock,
    *,
    limits: Mapping[str, tuple[Limit, ...]] | None = None,
    groups: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Finding, ...]:
    """Return one finding for each host of ``block``, in its order.

    ``limits`` has the limits that the number of a host may meet, ``groups`` the groups of a host.
    """
    if len(block.times) < FEWEST_SCANS or not block.hosts:
        return tuple(
            Finding(host=host, metric=block.metric, kind=Kind.TOO_EARLY) for host in block.hosts
        )
    bins = choose_bins(block.times)
    rhythm = Rhythm(bins.middles)
    findings: list[Finding] = []
    levels: list[float] = []
    for begin in range(0, len(block.hosts), HOSTS_AT_ONCE):
        part = JudgedHosts(block, slice(begin, begin + HOSTS_AT_ONCE), bins, rhythm)
        for row, host in enumerate(block.hosts[begin : begin + HOSTS_AT_ONCE]):
            course = part.course(row)
            findings.append(_describe(host, block, course, (limits or {}).get(host, ())))
            levels.append(np.nan if course.level is None else course.level)
    apart = find_apart(block.hosts, np.array(levels), groups or {})
    return tuple(
        replace(finding, apart=apart[finding.host]) if finding.host in apart else finding
        for finding in findings
    )


def _describe(host: str, block: SeriesBlock, course: Course, limits: tuple[Limit, ...]) -> Finding:
    forecast = None
    if course.kind in GROWS and course.rate is not None and course.level is not None:
        forecast = forecast_first(course.level, course.rate, float(block.times[-1]), limits)
    return Finding(
        host=host,
        metric=block.metric,
        kind=course.kind,
        level=course.level,
        begin=course.begin,
        begin_before_window=course.begin_before_window,
        end=course.end,
        rate=course.rate,
        growth=course.growth,
        spread=course.spread,
        restarts=course.restarts,
        forecast=forecast,
    )
