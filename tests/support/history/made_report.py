"""Reports of made fleets, and a store that has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from made_fleets import make_fleet

from sockfleet.aggregator.host import HostSummary
from sockfleet.aggregator.namespaces import NamespaceSummary
from sockfleet.aggregator.processes import Attribution
from sockfleet.collector.probe.processes import Process
from sockfleet.history.report.build import Wishes, make_report
from sockfleet.history.report.last_scans import Failure, LastScans
from sockfleet.history.report.model import FleetReport
from sockfleet.history.series import SeriesBlock
from sockfleet.history.store.database.connection import Store
from sockfleet.history.store.read import ScanRow
from sockfleet.history.store.save import save_scan
from tests.support.history.made_scans import BEGIN, host_summary, scan_of

__all__ = ["PHP", "SCANS", "fill_store", "made_report", "planted_report"]

PHP = Process(
    pid=123, command="php", user="www", tcp_close=400, open_files=900, open_files_limit=2048
)
SCANS = 6 * 24
"""How many hourly scans `fill_store` saves."""
_GROUPS = ("web", "db", "proxy", "job")


def fill_store(
    store: Store, *, leaks: int = 1, scans: int = SCANS, begin: datetime = BEGIN
) -> None:
    """Save hourly scans from ``begin`` on: ten hosts, of which the first ones leak 5 an hour.

    ``db1`` has a new level, ``db2`` fails in the last scan.
    """
    for hour in range(scans):
        is_last = hour == scans - 1
        leaked = 40 + hour % 3 + 5 * max(0, hour - 50)
        read = _holders(leaked) if is_last else {}
        hosts = [
            *(host_summary(f"web{n}", leaked, **read) for n in range(1, 1 + leaks)),
            *(host_summary(f"web{n}", 40 + hour * n % 4) for n in range(1 + leaks, 9)),
            host_summary("db1", 30 + 200 * (hour > 80), groups=("db",)),
            host_summary("db2", None if is_last else 7, groups=("db",)),
        ]
        at = begin + timedelta(hours=hour)
        save_scan(store, scan_of(hosts, at), details=hour >= scans - 2)


def planted_report(hosts: int = 1000, leaks: int = 10, *, seed: int = 4) -> FleetReport:
    """The report of a made fortnight with so many leaks, scanned every quarter of an hour."""
    fleet = make_fleet(seed, hosts=hosts, leaks=leaks, interval_s=900, leak_carriers=("flat",))
    return made_report(fleet.block)


def made_report(
    block: SeriesBlock, *, names: Sequence[str] | None = None, failed: int = 3, **wishes: object
) -> FleetReport:
    """The report of a block; ``names`` rename its hosts, the last ones failed."""
    if names is not None:
        block = replace(block, hosts=tuple(names))
    values = block.values.copy()
    count = len(block.hosts)
    values[count - failed :, -1] = np.nan
    block = replace(block, values=values)
    groups = {name: ("all-linux", _GROUPS[n % 4]) for n, name in enumerate(block.hosts)}
    last = [
        _last(name, float(values[row, -1]), groups[name], number=row)
        for row, name in enumerate(block.hosts)
    ]
    at = datetime.fromtimestamp(int(block.times[-1]), UTC)
    row = ScanRow(
        id="0" * 32,
        started_at=at,
        duration_s=2.0,
        complete=True,
        fleet="0",
        inventory=("inventory.yml",),
        limit=None,
        hosts=count,
        hosts_read=count - failed,
        hosts_failed=failed,
        tcp_close=0,
    )
    scans = LastScans(
        scans=(row,),
        failures={
            host.name: Failure(category=host.error.category, message=host.error.message)
            for host in last
            if host.error is not None
        },
        failed_scans={},
        hosts={host.name: host for host in last},
    )
    given = {
        "since": datetime.fromtimestamp(int(block.times[0]), UTC),
        "until": at,
        "next_command": lambda host, sources: f"sockfleet explain --host {host}",
        **wishes,
    }
    return make_report(block, scans, groups, Wishes(**given), source="history.db")  # type: ignore[arg-type] # (tests give the wishes they mean)


def _last(name: str, value: float, groups: tuple[str, ...], *, number: int) -> HostSummary:
    if value != value:
        return host_summary(name, None, groups=groups)
    if number % 7:
        return host_summary(name, int(value), groups=groups)
    spaces = (
        NamespaceSummary(inode=1, host=True, pid=1, command="init", inuse=9, tcp_close_max=2),
        NamespaceSummary(inode=2, host=False, pid=9, command="php", inuse=30, tcp_close_max=99),
    )
    holders = _holders(int(value))
    return host_summary(name, int(value), groups=groups, namespaces=spaces, **holders)


def _holders(tcp_close: int) -> dict[str, object]:
    """The fields of a host whose closed sockets PHP holds."""
    processes = (replace(PHP, tcp_close=tcp_close),)
    return {"processes": processes, "attribution": Attribution(exact=True), "unattributed": 0}
