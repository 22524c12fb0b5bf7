"""What the store knows of each host beside its series: limits, groups, the latest reading."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from ...core.record import record
from . import layout
from .database.connection import Store
from .numbers import METRICS
from .save import SCOPES

__all__ = ["HostFacts", "read_hosts"]


@record
class HostFacts:
    """A host as the newest scans that had it show it; None for what no scan gave."""

    name: str
    groups: tuple[str, ...] = ()
    address: str | None = None
    boot_id: str | None = None
    page_size: int | None = None
    """Bytes."""
    tcp_mem: tuple[int, int, int] | None = None
    """Pages: low, pressure, high."""
    tcp_max_orphans: int | None = None
    file_max: int | None = None
    file_nr: int | None = None
    """Open files of the whole machine at that reading."""
    read_at: datetime | None = None
    """When it was last read; None: never."""
    scope: str | None = None
    """Of that reading; ``tcp_close`` is exact only under all-namespaces."""
    latest: dict[str, int | None]
    """The numbers of that reading by name; empty where there is none."""


def read_hosts(store: Store, hosts: Collection[str] | None = None) -> dict[str, HostFacts]:
    """The hosts of the store by name, sorted; ``hosts``: these alone. Raises StoreError."""
    host, fact, latest = layout.hosts.c, layout.facts.c, layout.latest.c
    query = (
        select(
            *(host.name, host.id, host.boot_id, fact.address, fact.page_size),
            *(fact.tcp_mem_low, fact.tcp_mem_pressure, fact.tcp_mem_high, fact.tcp_max_orphans),
            *(fact.file_max, latest.file_nr, latest.read_ms, latest.scope),
            *(latest[name] for name in METRICS),
        )
        .select_from(
            layout.hosts.outerjoin(layout.facts, fact.id == host.fact_id).outerjoin(
                layout.latest, latest.host_id == host.id
            )
        )
        .order_by(host.name)
    )
    wanted = None if hosts is None else set(hosts)
    groups: dict[int, list[str]] = {}
    with store.read() as connection:
        table = layout.host_groups.c
        rows = connection.execute(select(table.host_id, table.name).order_by(table.name))
        for host_id, name in rows:
            groups.setdefault(host_id, []).append(name)
        return {
            row.name: _facts(row, tuple(groups.get(row.id, ())))
            for row in connection.execute(query)
            if wanted is None or row.name in wanted
        }


def _facts(row: Any, groups: tuple[str, ...]) -> HostFacts:
    read_at = None
    if row.read_ms is not None:
        read_at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=row.read_ms)
    tcp_mem = (row.tcp_mem_low, row.tcp_mem_pressure, row.tcp_mem_high)
    return HostFacts(
        name=row.name,
        groups=groups,
        address=row.address,
        boot_id=row.boot_id,
        page_size=row.page_size,
        tcp_mem=None if row.tcp_mem_low is None else tcp_mem,
        tcp_max_orphans=row.tcp_max_orphans,
        file_max=row.file_max,
        file_nr=row.file_nr,
        read_at=read_at,
        scope=None if row.scope is None else SCOPES[row.scope].value,
        latest={} if row.read_ms is None else {name: getattr(row, name) for name in METRICS},
    )
