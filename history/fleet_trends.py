"""Trends of the hosts of a store, with the limits and groups that the store knows of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from ..aggregator.fleet import FleetSummary
from ..aggregator.host import HostSummary
from ..core.record import record
from .host_limits import holder_limits, kernel_limits, namespace_limits
from .host_selection import select_hosts
from .newest_scan import add_facts, add_readings
from .series import SeriesBlock
from .store.database.connection import Store
from .store.namespace_series import NamedNamespace, read_namespace_series
from .store.namespaces import name_of
from .store.read import list_scans, read_scan
from .store.series import check_metric
from .store.subjects import HostFacts, read_hosts
from .subject import Subject
from .trends.findings import Finding, find_trends
from .trends.forecast import Limit
from .window import read_window

__all__ = ["FleetTrends", "read_namespace_trends", "read_trends", "sum_groups"]

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
    """One for each host with a scan in the window, by name; or one for each group or namespace."""
    subject: Subject = Subject.HOST
    """Of groups, the ``host`` of a finding is the group's name."""
    namespaces: tuple[NamedNamespace, ...] = ()
    """Those of the findings, in their order, if the findings are of namespaces."""
    notes: tuple[str, ...] = ()
    """What a part of the pattern did not match, and what was left out."""


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
    newest: FleetSummary | None = None,
) -> FleetTrends:
    """Find the trends of ``metric`` from ``since`` to before ``until``.

    ``pattern`` selects hosts as Ansible's --limit does, by the groups that the store knows;
    ``hosts`` are names. ``limit_at`` is a limit of the number that every host has. ``of_groups``
    judges the sum of each group instead of its hosts. ``newest`` is a scan that is not saved yet
    and counts too. Raises UsageError for a pattern without a
    host and for an unknown number, and StoreError.
    """
    check_metric(metric)
    facts = read_hosts(store, hosts)
    hosts, notes = _select(store, facts, pattern, hosts)
    block = read_window(store, metric, since, until, hosts)
    if newest is not None:
        block = add_readings(block, facts, newest)
        facts = add_facts(facts, newest)
    groups = {name: fact.groups for name, fact in facts.items()}
    if of_groups:
        block, groups = sum_groups(block, groups), {}
    limits = {name: kernel_limits(metric, fact) for name, fact in facts.items()}
    if not of_groups:
        for host in _latest_holders(store, until, newest):
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
        subject=Subject.GROUP if of_groups else Subject.HOST,
    )


def read_namespace_trends(
    store: Store,
    metric: str,
    since: datetime,
    until: datetime,
    *,
    pattern: str | None = None,
    hosts: Collection[str] | None = None,
    limit_at: float | None = None,
) -> FleetTrends:
    """Find the trends of the network namespaces of hosts, as `read_trends` does those of hosts.

    ``tcp_close`` is an upper bound of each. A namespace is apart from those of the same unit, or of
    the same name of a container, on other hosts.
    """
    facts = read_hosts(store, hosts)
    hosts, notes = _select(store, facts, pattern, hosts)
    found = read_namespace_series(store, metric, since, until, hosts)
    if found.left_out:
        notes += (f"{found.left_out} namespaces with fewer sockets are left out",)
    limits = _namespace_limits(store, metric, until, found.names, found.block)
    if limit_at is not None:
        own = Limit(name=f"{limit_at:g}", value=limit_at)
        limits = {name: (*limits.get(name, ()), own) for name in found.block.hosts}
    groups = {
        label: (str(name),)
        for label, name in zip(found.block.hosts, found.names, strict=True)
        if name.kind != "host"
    }
    return FleetTrends(
        metric=metric,
        since=since,
        until=until,
        scans=len(found.block.times),
        findings=find_trends(found.block, limits=limits, groups=groups),
        subject=Subject.NAMESPACE,
        namespaces=found.names,
        notes=notes,
    )


def _namespace_limits(
    store: Store,
    metric: str,
    until: datetime,
    names: Sequence[NamedNamespace],
    block: SeriesBlock,
) -> dict[str, tuple[Limit, ...]]:
    """Return the descriptor limits of the holders in namespaces, by the names of a block's rows."""
    label_of = {
        (name.host, name.kind, name.name): label
        for label, name in zip(block.hosts, names, strict=True)
    }
    limits: dict[str, tuple[Limit, ...]] = {}
    for host in _latest_holders(store, until) if names else ():
        for one in host.namespaces or ():
            name = name_of(one)
            if name is not None and (host.name, *name) in label_of:
                label = label_of[host.name, *name]
                limits[label] = (*limits.get(label, ()), *namespace_limits(metric, host, one.inode))
    return limits


def _select(
    store: Store,
    facts: Mapping[str, HostFacts],
    pattern: str | None,
    hosts: Collection[str] | None,
) -> tuple[Collection[str] | None, tuple[str, ...]]:
    """Return the hosts of a pattern, and notes on its parts that match nothing."""
    if pattern is None:
        return hosts, ()
    selection = select_hosts(facts, pattern, str(store.location))
    return selection.hosts, selection.notes


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


def _latest_holders(
    store: Store, until: datetime, newest_scan: FleetSummary | None = None
) -> Sequence[HostSummary]:
    """Return the hosts of the newest scan of each fleet, as far as details are kept.

    ``newest_scan`` takes the place of all if its processes were read.
    """
    if newest_scan is not None and any(host.processes for host in newest_scan.hosts):
        return [host for host in newest_scan.hosts if host.processes]
    newest = {
        row.fleet: row
        for row in reversed(
            list_scans(store, since=until - HOLDERS_SINCE, until=until, most=MOST_SCANS)
        )
    }
    return [
        host for row in newest.values() for host in read_scan(store, row.id).hosts if host.processes
    ]
