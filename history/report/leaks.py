"""One leak as a report shows it."""

from __future__ import annotations

import numpy as np

from ...aggregator.host import HostSummary
from ..host_limits import holder_limits
from ..trends.findings import Finding
from ..trends.forecast import Limit
from .holders import describe_holders
from .model import Forecast, Leak
from .readings import METRIC, Readings

__all__ = ["describe_leak", "find_limits"]


def find_limits(host: HostSummary | None, limit_at: float | None) -> tuple[Limit, ...]:
    """The limits that the closed sockets of a host may meet; ``limit_at`` is one of every host."""
    own = () if host is None else holder_limits(METRIC, host)
    return own if limit_at is None else (Limit(name="the given limit", value=limit_at), *own)


def describe_leak(
    finding: Finding,
    readings: Readings,
    *,
    groups: tuple[str, ...],
    fleet_growth: float,
    next_command: str | None,
) -> Leak:
    """Describe a finding that has a rate; ``groups`` are those of its host."""
    rate = finding.rate
    assert rate is not None  # noqa: S101 (a leak has one)
    row = readings.row[finding.host]
    level = float(finding.level or 0.0)
    now = float(readings.now[row])
    begin = readings.start if finding.begin is None else max(float(finding.begin), readings.start)
    fitted = None
    if not finding.restarts:
        rise = float(rate.per_hour) * (readings.end - begin) / 3600
        fitted = (begin, level - rise, readings.end, level)
    host = readings.last.hosts.get(finding.host)
    return Leak(
        host=finding.host,
        groups=groups,
        since=None if finding.begin is None else float(finding.begin),
        now=level if np.isnan(now) else now,
        rate=float(rate.per_hour),
        rate_low=float(rate.low),
        rate_high=float(rate.high),
        forecast=_forecast(finding, readings.end),
        course=readings.grid.course(row),
        fitted=fitted,
        holders=None if host is None else describe_holders(host),
        share=float(finding.growth or 0.0) / fleet_growth if fleet_growth > 0 else None,
        is_new=True,
        next=next_command,
    )


def _forecast(finding: Finding, now: float) -> Forecast | None:
    found = finding.forecast
    if found is None:
        return None
    latest = None if found.latest is None else float(found.latest - now) / 3600
    return Forecast(
        limit=found.limit.name,
        limit_at=float(found.limit.value),
        hours=float(found.at - now) / 3600,
        earliest_hours=float(found.earliest - now) / 3600,
        latest_hours=latest,
    )
