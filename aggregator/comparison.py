"""Compare a scan with an earlier one of the same fleet: growth, new hosts, reboots."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from .change import (
    NAMESPACE_NUMBERS,
    Against,
    FleetChange,
    HostChange,
    NamespaceChange,
    NamespaceStatus,
    Since,
)
from .errors import ComparisonError
from .fleet import FleetSummary, ScanInfo
from .host import HostSummary
from .namespaces import NamespaceSummary
from .numbers import TCP_NUMBERS

__all__ = ["Comparison", "drop_change"]

_SHORTEST_S = 0.001
"""The times in the JSON of a scan have milliseconds."""


class Comparison:
    """An earlier scan to compare hosts with as they are read, then the fleet.

    Hosts are matched by name. ``tcp_close`` is compared only where both scans have the same scope
    of the host (`HostSummary.scope`): the difference between a bound and an exact number means
    nothing. The difference of two bounds is marked (`HostChange.bound`).

    Raises ComparisonError where ``earlier`` did not start before ``started_at``, or has none of
    the hosts ``names``.
    """

    def __init__(
        self, earlier: FleetSummary, *, started_at: datetime, names: Collection[str]
    ) -> None:
        self._elapsed_s = (started_at - earlier.scan.started_at).total_seconds()
        if self._elapsed_s < _SHORTEST_S:
            raise ComparisonError(
                f"it began at {earlier.scan.started_at:%Y-%m-%d %H:%M:%S%z}, which is not before "
                f"this scan ({started_at:%Y-%m-%d %H:%M:%S%z}): is a clock wrong?"
            )
        self._hosts = {host.name: host for host in earlier.hosts}
        if names and not self._hosts.keys() & set(names):
            raise ComparisonError(
                f"none of its {len(self._hosts)} hosts is among the {len(names)} of this scan: "
                "it is of another fleet"
            )
        self._scan = earlier.scan

    def compare_host(self, now: HostSummary, *, elapsed_s: float | None = None) -> HostSummary:
        """Return the host with its change.

        ``elapsed_s`` is the time between this host's own two readings, where it is known; else the
        rates are computed from the time between the starts of the two scans.
        """
        if elapsed_s is None or elapsed_s < _SHORTEST_S:
            elapsed_s = self._elapsed_s
        return replace(now, change=self._change(self._hosts.get(now.name), now, elapsed_s))

    def compare_fleet(self, now: FleetSummary) -> FleetSummary:
        """Return the scan with the change of its fleet; its hosts come from `compare_host`."""
        changes = {host.name: host.change for host in now.hosts if host.change is not None}
        compared = [change for change in changes.values() if change.status is Since.COMPARED]
        names: dict[Since, tuple[str, ...]] = {
            status: tuple(sorted(name for name, one in changes.items() if one.status is status))
            for status in Since
        }
        sums = _sums(compared)
        gone = tuple(sorted(self._hosts.keys() - {host.name for host in now.hosts}))
        change = FleetChange(
            against=Against(
                id=self._scan.id, started_at=self._scan.started_at, elapsed_s=self._elapsed_s
            ),
            compared=len(compared),
            bound=any(one.bound for one in compared),
            rate_per_hour=_rates(sums, self._elapsed_s),
            new=names[Since.NEW],
            gone=gone if _same_selection(self._scan, now.scan) else None,
            recovered=names[Since.RECOVERED],
            lost=names[Since.LOST],
            rebooted=names[Since.REBOOTED],
            **sums,
        )
        return replace(now, fleet=replace(now.fleet, change=change))

    def compare(self, now: FleetSummary) -> FleetSummary:
        """Return a finished scan with the changes of its hosts and its fleet."""
        return self.compare_fleet(replace(now, hosts=tuple(map(self.compare_host, now.hosts))))

    def _change(self, then: HostSummary | None, now: HostSummary, elapsed_s: float) -> HostChange:
        status = _status(then, now)
        if then is None or status is not Since.COMPARED:
            return HostChange(status=status)
        differences = _differences(then.tcp, now.tcp, TCP_NUMBERS)
        if then.scope is not now.scope:
            differences["tcp_close"] = None
        return HostChange(
            status=status,
            bound=now.is_bound and differences["tcp_close"] is not None,
            rate_per_hour=_rates(differences, elapsed_s),
            namespaces=_namespaces(then, now, elapsed_s),
            **differences,
        )


def drop_change(host: HostSummary) -> HostSummary:
    """Return the host without its change."""
    return host if host.change is None else replace(host, change=None)


def _status(then: HostSummary | None, now: HostSummary) -> Since:
    if then is None:
        return Since.NEW
    if now.tcp is None:
        return Since.STILL_FAILED if then.tcp is None else Since.LOST
    if then.tcp is None:
        return Since.RECOVERED
    before, after = _boot_id(then), _boot_id(now)
    # A forced command gives no boot id; without both, a reboot cannot be seen.
    if before is not None and after is not None and before != after:
        return Since.REBOOTED
    return Since.COMPARED


def _boot_id(host: HostSummary) -> str | None:
    return None if host.kernel is None else host.kernel.boot_id


def _is_same(then: NamespaceSummary, now: NamespaceSummary) -> bool:
    """Whether two namespaces of one inode are the same: the kernel reuses the inode of a namespace
    that has ended, but not its number."""
    return then.netns is None or now.netns is None or then.netns == now.netns


def _differences(then: object, now: object, names: tuple[str, ...]) -> dict[str, Any]:
    """``now`` minus ``then`` for each name; None where either is absent."""
    found: dict[str, Any] = {}
    for name in names:
        before, after = getattr(then, name), getattr(now, name)
        found[name] = None if before is None or after is None else after - before
    return found


def _sums(changes: list[HostChange]) -> dict[str, Any]:
    """The sums over the hosts that have the number; None where none has."""
    found: dict[str, Any] = {}
    for name in TCP_NUMBERS:
        given = [value for value in map(attrgetter(name), changes) if value is not None]
        found[name] = sum(given) if given else None
    return found


def _same_selection(then: ScanInfo, now: ScanInfo) -> bool:
    return (then.inventory, then.limit, then.shards) == (
        now.inventory,
        now.limit,
        now.shards,
    )


def _namespaces(
    then: HostSummary, now: HostSummary, elapsed_s: float
) -> tuple[NamespaceChange, ...] | None:
    if then.namespaces is None or now.namespaces is None:
        return None
    found = _compare_namespaces(then.namespaces, now.namespaces, elapsed_s)
    if then.namespaces_rest is None and now.namespaces_rest is None:
        return tuple(found)
    # A host with hundreds does not list them all: a missing one may be among the rest.
    return tuple(one for one in found if one.status is NamespaceStatus.COMPARED)


def _compare_namespaces(
    then: tuple[NamespaceSummary, ...], now: tuple[NamespaceSummary, ...], elapsed_s: float
) -> Iterator[NamespaceChange]:
    earlier = {one.inode: one for one in then}
    for one in now:
        before = earlier.get(one.inode)
        if before is None or not _is_same(before, one):
            yield NamespaceChange(inode=one.inode, status=NamespaceStatus.NEW)
            continue
        del earlier[one.inode]
        differences = _differences(before, one, NAMESPACE_NUMBERS)
        yield NamespaceChange(
            inode=one.inode,
            status=NamespaceStatus.COMPARED,
            rate_per_hour=_rates(differences, elapsed_s),
            **differences,
        )
    for inode in earlier:
        yield NamespaceChange(inode=inode, status=NamespaceStatus.GONE)


def _rates(differences: Mapping[str, int | None], elapsed_s: float) -> dict[str, float | None]:
    return {
        name: None if value is None else round(value * 3600 / elapsed_s, 3)
        for name, value in differences.items()
    }
