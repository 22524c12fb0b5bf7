"""Beside the leaks: the containers and units that grow, and the hosts that are apart."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from ..fleet_trends import read_namespace_trends
from ..store.database.connection import Store
from ..trends.apart import Apart
from ..trends.classify import Kind
from ..trends.findings import Finding
from .model import ApartHost, GrowingNamespace
from .readings import METRIC

__all__ = ["find_apart_hosts", "find_growing_namespaces"]

_GROWS = frozenset({Kind.LEAK, Kind.SAWTOOTH})
_LONGEST = timedelta(days=31)
"""The numbers of namespaces are kept as long as those of single scans."""


def find_growing_namespaces(
    store: Store, since: datetime, until: datetime, hosts: Collection[str]
) -> tuple[GrowingNamespace, ...]:
    """The containers and units of these hosts that grow, the fastest first. Raises StoreError."""
    if not hosts:
        return ()
    since = max(since, until - _LONGEST)
    trends = read_namespace_trends(store, METRIC, since, until, hosts=hosts)
    growing = [
        GrowingNamespace(
            host=name.host,
            name=str(name),
            tcp_close_max=finding.level,
            rate=finding.rate.per_hour,
            since=finding.begin,
        )
        for finding, name in zip(trends.findings, trends.namespaces, strict=True)
        if finding.kind in _GROWS and finding.rate is not None
    ]
    return tuple(sorted(growing, key=lambda each: (-each.rate, each.host, each.name)))


def find_apart_hosts(findings: Iterable[Finding]) -> tuple[ApartHost, ...]:
    """The hosts whose number is far above that of their group, the farthest first."""
    found = [
        (one.apart.score, _apart(one, one.apart, one.level))
        for one in findings
        if one.apart is not None and one.level is not None
    ]
    found.sort(key=lambda each: (-each[0], each[1].host))
    return tuple(host for _, host in found)


def _apart(one: Finding, apart: Apart, level: float) -> ApartHost:
    return ApartHost(host=one.host, group=apart.group, tcp_close=level, median=apart.median)
