"""What the newest scans of a store say of each host, and how often each host was read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from sqlalchemy import func, select

from ...aggregator.host import HostSummary, Status
from ...aggregator.numbers import TcpNumbers
from ...core.record import record
from ..series import SeriesBlock
from ..store import layout
from ..store.database.connection import Store
from ..store.read import ScanRow, list_scans, read_scan
from ..store.save import unix_ms

__all__ = ["Failure", "LastScans", "last_of_block", "read_last_scans"]

_MOST_FLEETS = 50
_OLD_S = 86_400
_OLD_INTERVALS = 3


@record
class Failure:
    """Why the newest scan did not read a host."""

    category: str
    message: str


@record
class LastScans:
    """The newest scan of each selection of hosts that is still scanned."""

    scans: tuple[ScanRow, ...]
    """The newest first."""
    failures: Mapping[str, Failure]
    """By host: those that the newest scan of theirs did not read."""
    failed_scans: Mapping[str, tuple[int, float]]
    """By host: how many scans of the time did not read it, and the Unix time of the first."""
    hosts: Mapping[str, HostSummary]
    """By name, whole; empty where no details are kept."""
    grouped_by: tuple[str | None, ...] = ()
    """What each of the scans was grouped by (``scan --group-by``); None: by nothing, or its details
    are not kept."""


def read_last_scans(store: Store, since: datetime, until: datetime) -> LastScans:
    """Read the newest scans from ``since`` to before ``until``. Raises StoreError.

    A selection of hosts that was scanned once, days before the others, is not part of them.
    """
    rows = [row for row in list_scans(store, since=since, until=until) if row.merged_into is None]
    newest: dict[tuple[str, str | None], ScanRow] = {}
    for row in rows:
        newest.setdefault((row.fleet, row.shards), row)
    starts = np.array([row.started_at.timestamp() for row in rows])
    interval = float(np.median(-np.diff(starts))) if len(starts) > 1 else 0.0
    oldest = (starts[0] if len(starts) else 0.0) - max(_OLD_S, _OLD_INTERVALS * interval)
    # They are in the order of the rows: the newest first.
    chosen = [row for row in newest.values() if row.started_at.timestamp() >= oldest]
    del chosen[_MOST_FLEETS:]
    hosts: dict[str, HostSummary] = {}
    grouped_by: list[str | None] = []
    for row in chosen:
        summary = read_scan(store, row.id)
        grouped_by.append(summary.scan.group_by)
        for host in summary.hosts:
            hosts.setdefault(host.name, host)
    failures = {
        name: Failure(category=host.error.category, message=host.error.message)
        for name, host in hosts.items()
        if host.error is not None
    }
    return LastScans(
        scans=tuple(chosen),
        failures=failures,
        failed_scans=_count_failures(store, since, until),
        hosts=hosts,
        grouped_by=tuple(grouped_by),
    )


def last_of_block(block: SeriesBlock) -> LastScans:
    """What the last numbers of a block say of its hosts, where its scans are no longer kept."""
    hosts = {
        name: HostSummary(
            name=name,
            port=22,
            status=Status.OK,
            attempts=0,
            elapsed_s=0.0,
            tcp=TcpNumbers(tcp_close=round(value)),
        )
        for name, value in zip(block.hosts, block.values[:, -1].tolist(), strict=True)
        if value == value
    }
    return LastScans(scans=(), failures={}, failed_scans={}, hosts=hosts)


def _count_failures(store: Store, since: datetime, until: datetime) -> dict[str, tuple[int, float]]:
    failure, scan, host = layout.failures.c, layout.scans.c, layout.hosts.c
    query = (
        select(host.name, func.count(), func.min(scan.started_ms))
        .select_from(
            layout.failures.join(layout.scans, scan.id == failure.scan_id).join(
                layout.hosts, host.id == failure.host_id
            )
        )
        .where(
            scan.started_ms >= unix_ms(since),
            scan.started_ms < unix_ms(until),
            layout.counted(),
        )
        .group_by(host.name)
    )
    with store.read() as connection:
        return {name: (count, first / 1000) for name, count, first in connection.execute(query)}
