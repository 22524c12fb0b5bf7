"""One number of many network namespaces over time, from the packs of scans."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection, select

from ...core.errors import UsageError
from ...core.record import record
from ..series import SeriesBlock
from . import layout
from .database.connection import Store
from .id_sets import load_namespace_set
from .numbers import CODES, NAMESPACE_METRICS
from .pack import unpack_array
from .save import unix_ms
from .series import read_series, scan_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "MOST_NAMESPACES",
    "NamedNamespace",
    "NamespaceBlock",
    "check_namespace_metric",
    "read_namespace_series",
]

MOST_NAMESPACES = 5000
"""Series that are read at once: those with the highest newest reading. A fortnight of scans every
five minutes takes 160 MB."""
_SHORT = 12
"""The characters of a container's id that its runtime's own commands show."""


@record
class NamedNamespace:
    """A network namespace by a name that lasts."""

    host: str
    kind: str
    """``host`` (its own), ``unit`` (systemd), ``pod`` (Kubernetes), or a container's runtime."""
    name: str
    """Empty for the host's own."""

    def __str__(self) -> str:
        """The name within its host, as sentences and tables show it."""
        if self.kind == "host":
            return "the host's own namespace"
        if self.kind == "unit":
            return self.name
        is_id = len(self.name) == 64 and set(self.name) <= set("0123456789abcdef")
        return f"{self.kind} {self.name[:_SHORT] if is_id else self.name}"


@record
class NamespaceBlock:
    """The series of namespaces; the rows of ``block`` are those of ``names``, in their order."""

    names: tuple[NamedNamespace, ...]
    block: SeriesBlock
    left_out: int
    """Namespaces beyond `MOST_NAMESPACES`."""


def check_namespace_metric(metric: str) -> str:
    """Return the metric; raises UsageError for one that is not kept of namespaces."""
    if metric not in NAMESPACE_METRICS:
        known = ", ".join(NAMESPACE_METRICS)
        raise UsageError(f"--metric {metric}: of namespaces there are {known}")
    return metric


def read_namespace_series(
    store: Store,
    metric: str,
    since: datetime,
    until: datetime,
    hosts: Collection[str] | None = None,
) -> NamespaceBlock:
    """The readings of namespaces from ``since`` to before ``until``; ``hosts``: of these alone.

    The ``hosts`` of the block are texts that name host and namespace. Its boots are those of the
    hosts. Raises StoreError, and UsageError for a number that is not kept of namespaces.
    """
    code = CODES[check_namespace_metric(metric)]
    with store.read() as connection:
        chosen, left_out = _choose(connection, metric, unix_ms(since), hosts)
        columns = list(scan_columns(connection, unix_ms(since), unix_ms(until)))
        column_of = {
            scan_id: number for number, column in enumerate(columns) for scan_id in column.scan_ids
        }
        ids = np.array(list(chosen), np.int64)
        values = np.full((len(columns), len(ids)), np.nan, np.float32)
        for scan_id, members, numbers in _packs(connection, code, since, until):
            if scan_id in column_of and len(ids):
                # Both are ascending: where each chosen namespace stands among those of the scan.
                at = np.searchsorted(members, ids)
                at[at == len(members)] = 0
                rows = np.flatnonzero(members[at] == ids)
                read = numbers[at[rows]]
                here = np.isfinite(read)
                values[column_of[scan_id], rows[here]] = read[here]
    known = np.asarray(np.isfinite(values).any(axis=0))
    names = [
        name for name, is_known in zip(chosen.values(), known.tolist(), strict=True) if is_known
    ]
    order = sorted(range(len(names)), key=lambda row: (names[row].host, str(names[row])))
    ordered = tuple(names[row] for row in order)
    block = _block(store, metric, since, until, ordered, values[:, known][:, order])
    return NamespaceBlock(names=ordered, block=block, left_out=left_out)


def _choose(
    connection: Connection, metric: str, since_ms: int, hosts: Collection[str] | None
) -> tuple[dict[int, NamedNamespace], int]:
    """The namespaces to read by id, ascending, and how many others there are."""
    table, newest = layout.namespaces.c, layout.namespaces.c[metric]
    query = (
        select(table.id, layout.hosts.c.name, table.kind, table.name, newest)
        .join(layout.hosts, layout.hosts.c.id == table.host_id)
        .where(table.seen_ms >= since_ms)
    )
    wanted = None if hosts is None else set(hosts)
    found = [
        (highest, namespace_id, NamedNamespace(host=host, kind=kind, name=name))
        for namespace_id, host, kind, name, highest in connection.execute(query)
        if wanted is None or host in wanted
    ]
    found.sort(key=lambda each: (-(each[0] or 0), each[1]))
    kept = sorted((namespace_id, name) for _, namespace_id, name in found[:MOST_NAMESPACES])
    return dict(kept), max(0, len(found) - MOST_NAMESPACES)


def _packs(
    connection: Connection, code: int, since: datetime, until: datetime
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float32]]]:
    """The scans of that time: its id, the ids of its namespaces, and their numbers."""
    scan, pack = layout.scans.c, layout.namespace_packs.c
    query = (
        select(pack.scan_id, pack.namespace_set_id, pack.data)
        .select_from(layout.scans.join(layout.namespace_packs, scan.id == pack.scan_id))
        .where(
            scan.started_ms >= unix_ms(since), scan.started_ms < unix_ms(until), pack.number == code
        )
        .order_by(pack.namespace_set_id)
    )
    last, members = -1, np.array([], np.int64)
    for scan_id, set_id, data in connection.execute(query).all():
        if set_id != last:
            last, members = set_id, np.array(load_namespace_set(connection, set_id), np.int64)
        numbers, absent = unpack_array(data, len(members))
        values = numbers.astype(np.float32)
        if absent is not None:
            values[absent] = np.nan
        yield scan_id, members, values


def _block(
    store: Store,
    metric: str,
    since: datetime,
    until: datetime,
    names: tuple[NamedNamespace, ...],
    values: NDArray[np.float32],
) -> SeriesBlock:
    """The block, with the boots of the hosts, which restart their namespaces too."""
    hosts = {name.host for name in names}
    of_hosts = read_series(store, "tcp_close", since, until, hosts)
    row_of = {host: row for row, host in enumerate(of_hosts.hosts)}
    times = min(len(of_hosts.times), len(values))  # another process may have saved a scan meanwhile
    boots = of_hosts.boots[[row_of[name.host] for name in names]] if names else of_hosts.boots[:0]
    return SeriesBlock(
        metric=metric,
        hosts=tuple(f"{name.host} {name.kind} {name.name}" for name in names),
        times=of_hosts.times[:times],
        values=values[:times].T,
        boots=boots[:, :times],
    )
