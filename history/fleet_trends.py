"""Trends of the hosts of a store, with the limits and groups that the store knows of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from ..aggregator.host import HostSummary
from ..core.record import record
from .host_limits import holder_limits, kernel_limits
from .host_selection import select_hosts
from .series import SeriesBlock
from .store.connection import Store
from .store.read import list_scans, read_scan
from .store.series import check_metric, read_hourly, read_series
from .store.subjects import read_hosts
from .trends.findings import Finding, find_trends
from .trends.forecast import Limit

__all__ = ["FleetTrends", "read_trends", "sum_groups"]

LONGEST_RAW = timedelta(days=14)
"""For a longer window the hourly medians may reach further back, as they are kept for longer."""
EARLIER_S = 86_400
HOLDERS_SINCE = timedelta(days=2)
"""A descriptor limit that is older may be that of a process that no longer runs."""
MOST_SCANS = 200


@record
class FleetTrends:
    """What one number of each host does in a window of time."""

    metric: str
    since: datetime
    until: datetime
    scans: int
    """How many times the store has in the window."""
    findings: tuple[Finding, ...]
    """One for each host with a scan in the window, by name; or one for each group."""
    of_groups: bool = False
    """Whether the findings are those of groups: ``host`` is then the group's name."""
    notes: tuple[str, ...] = ()
    """What a part of the pattern did not match."""


def read_trends(
    store: Store,
    metric: str,
    since: datetime,
    until: datetime,
    *,
    pattern: str | None = None,
    hosts: Collection[str] | None = None,
    limit_at: float | None = None,
    of_groups: bool = False,
) -> FleetTrends:
    """Find the trends of ``metric`` from ``since`` to before ``until``.

    ``pattern`` selects hosts as Ansible's --limit does, by the groups that the store knows;
    ``hosts`` are names. ``limit_at`` is a limit of the number that every host has. ``of_groups``
    judges the sum of each group instead of its hosts. Raises UsageError for a pattern without a
    host and for an unknown number, and StoreError.
    """
    check_metric(metric)
    facts = read_hosts(store, hosts)
    notes: tuple[str, ...] = ()
    if pattern is not None:
        selection = select_hosts(facts, pattern, str(store.location))
        hosts, notes = selection.hosts, selection.notes
    block = _read_block(store, metric, since, until, hosts)
    groups = {name: fact.groups for name, fact in facts.items()}
    if of_groups:
        block, groups = sum_groups(block, groups), {}
    limits = {name: kernel_limits(metric, fact) for name, fact in facts.items()}
    if not of_groups:
        for host in _latest_holders(store, until):
            limits[host.name] = (*limits.get(host.name, ()), *holder_limits(metric, host))
    if limit_at is not None:
        own = Limit(name=f"{limit_at:g}", value=limit_at)
        limits = {name: (*limits.get(name, ()), own) for name in block.hosts}
    return FleetTrends(
        metric=metric,
        since=since,
        until=until,
        scans=len(block.times),
        findings=find_trends(block, limits=limits, groups=groups),
        notes=notes,
        of_groups=of_groups,
    )


def _read_block(
    store: Store,
    metric: str,
    since: datetime,
    until: datetime,
    hosts: Collection[str] | None,
) -> SeriesBlock:
    """Return the readings, or the hourly medians if these begin a day earlier or more."""
    block = read_series(store, metric, since, until, hosts)
    if until - since <= LONGEST_RAW:
        return block
    hourly = read_hourly(store, metric, since, until, hosts)
    if not len(hourly.times):
        return block
    is_longer = not len(block.times) or hourly.times[0] < block.times[0] - EARLIER_S
    return hourly if is_longer else block


def sum_groups(block: SeriesBlock, groups: Mapping[str, tuple[str, ...]]) -> SeriesBlock:
    """Return the sums of the hosts of each group, a row a group.

    A host that was not read counts with its value of before, or with its first: it has not lost
    its sockets. A scan in which fewer than half of a group were read has no sum.
    """
    import numpy as np

    rows: dict[str, list[int]] = {}
    for row, host in enumerate(block.hosts):
        for group in groups.get(host, ()):
            rows.setdefault(group, []).append(row)
    names = tuple(sorted(rows))
    values = np.full((len(names), len(block.times)), np.nan, np.float32)
    for number, name in enumerate(names):
        members = np.ascontiguousarray(block.values[rows[name]])
        known = np.isfinite(members)
        some = known.any(axis=1)
        members, known = members[some], known[some]
        if not len(members):
            continue
        latest = np.maximum.accumulate(np.where(known, np.arange(members.shape[1]), -1), axis=1)
        first = known.argmax(axis=1)[:, None]
        filled = np.take_along_axis(members, np.where(latest < 0, first, latest), axis=1)
        values[number] = filled.sum(axis=0)
        values[number, known.sum(axis=0) * 2 < len(members)] = np.nan
    return SeriesBlock(
        metric=block.metric,
        hosts=names,
        times=block.times,
        values=values,
        boots=np.full(values.shape, -1, np.int32),
    )


def _latest_holders(store: Store, until: datetime) -> Sequence[HostSummary]:
    """Return the hosts of the newest scan of each fleet, as far as details are kept."""
    newest = {
        row.fleet: row
        for row in reversed(
            list_scans(store, since=until - HOLDERS_SINCE, until=until, most=MOST_SCANS)
        )
    }
    return [
        host for row in newest.values() for host in read_scan(store, row.id).hosts if host.processes
    ]
