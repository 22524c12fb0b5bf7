"""The numbers of hosts that only many scans give: past.X, hours_to.X, unread_scans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from ..aggregator.fleet import FleetSummary
from ..aggregator.host import HostSummary
from ..aggregator.host_numbers import HOST_NUMBERS, Number
from ..history.store.database.connection import Store
from ..history.store.save import fleet_key
from ..history.store.unread import count_unread_scans

if TYPE_CHECKING:  # NumPy is not light, and few rules need it
    from ..history.series import SeriesBlock
    from ..history.store.subjects import HostFacts

__all__ = ["FAR_H", "ReadFacts", "read_stored_number"]

ReadFacts = Callable[[], "Mapping[str, HostFacts]"]

FAR_H = 87_600
"""The hours to a limit that is not met within ten years: the number does not grow towards it."""
_PAST = timedelta(days=7)
_FEWEST = 12
"""Fewer readings are no past."""
_FORECAST = timedelta(days=14)
_DAY = timedelta(days=1)
_CLOSE_H = 14 * 24
"""A limit that growth like that of the last day would not meet within two weeks is not close: the
trend of such a host is not computed, which takes some milliseconds a host."""
_METRICS = {"tcp_mem": "mem_pages", "orphans": "orphan", "nofile": "tcp_close"}


def read_stored_number(
    store: Store,
    key: str,
    now: FleetSummary,
    over: timedelta | None = None,
    *,
    read_facts: ReadFacts | None = None,
) -> Mapping[str, Number]:
    """A number of `measures.STORED_KEYS` of each host that has one. Raises StoreError.

    ``over`` is how much of the past counts for ``past.X``; None: a week. ``read_facts`` reads what
    the store knows of its hosts; None: anew for this number.
    """
    kind, _, name = key.partition(".")
    if kind == "past":
        return _score_against_past(store, name, now, over or _PAST)
    if kind == "hours_to":
        return _hours_to(store, name, now, read_facts)
    unread = [host.name for host in now.hosts if host.tcp is None]
    shards = None if now.scan.shards is None else str(now.scan.shards)
    found = count_unread_scans(store, unread, fleet_key(now.scan), shards, now.scan.started_at)
    # A scan that is not saved counts as well.
    return {
        host.name: 0 if host.tcp is not None else max(1, found.get(host.name, 0))
        for host in now.hosts
    }


def _score_against_past(
    store: Store, name: str, now: FleetSummary, over: timedelta
) -> Mapping[str, Number]:
    """How many robust standard deviations each host is above the median of its own past.

    The deviation is at least that of counting, as in `history.trends.apart`.
    """
    import numpy as np

    from ..history.store.series import read_series

    began = now.scan.started_at
    block = read_series(store, name, began - over, began)
    found: dict[str, Number] = {}
    rows = {host: row for row, host in enumerate(block.hosts)}
    for host in now.hosts:
        value = HOST_NUMBERS[name](host)
        if value is None or host.name not in rows:
            continue
        past = block.values[rows[host.name]]
        past = past[np.isfinite(past)]
        if len(past) < _FEWEST:
            continue
        middle = float(np.median(past))
        deviation = 1.4826 * float(np.median(np.abs(past - middle)))
        spread = max(deviation, float(np.sqrt(max(middle, 1.0))))
        found[host.name] = round((value - middle) / spread, 3)
    return found


def _hours_to(
    store: Store, limit: str, now: FleetSummary, read_facts: ReadFacts | None
) -> Mapping[str, Number]:
    """The hours until each host meets a limit; those whose limit is unknown have no number."""
    from ..history.fleet_trends import read_trends
    from ..history.store.series import read_series
    from ..history.store.subjects import read_hosts

    metric = _METRICS[limit]
    end = now.scan.started_at + timedelta(seconds=1)
    facts = read_hosts(store) if read_facts is None else read_facts()
    limits = {
        host.name: value
        for host in now.hosts
        if host.tcp is not None and (value := _limit(metric, host, facts)) is not None
    }
    found: dict[str, Number] = dict.fromkeys(limits, FAR_H)
    close = _find_close(read_series(store, metric, end - _DAY, end, limits), limits)
    if not close:
        return found
    trends = read_trends(store, metric, end - _FORECAST, end, hosts=close)
    for finding in trends.findings:
        forecast = finding.forecast
        if forecast is not None and finding.host in found:
            hours = (forecast.at - forecast.seen_at) / 3600
            found[finding.host] = round(min(hours, FAR_H), 2)
    return found


def _limit(metric: str, host: HostSummary, facts: Mapping[str, HostFacts]) -> float | None:
    from ..history.host_limits import holder_limits, kernel_limits

    found = holder_limits(metric, host)
    if not found and host.name in facts:
        found = kernel_limits(metric, facts[host.name])
    return min((one.value for one in found), default=None)


def _find_close(block: SeriesBlock, limits: Mapping[str, float]) -> list[str]:
    """The hosts that meet their limit within two weeks if they grow on as in the last day."""
    import numpy as np

    found = []
    for row, name in enumerate(block.hosts):
        known = np.flatnonzero(np.isfinite(block.values[row]))
        if len(known) < 2:
            continue
        first, last = known[0], known[-1]
        hours = float(block.times[last] - block.times[first]) / 3600
        rise = float(block.values[row, last] - block.values[row, first])
        level = float(block.values[row, last])
        if rise > 0 and hours > 0 and level + rise / hours * _CLOSE_H >= limits[name]:
            found.append(name)
    return found
