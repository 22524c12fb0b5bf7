"""The network namespaces of a scan in the store, by a name that lasts longer than their inode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import nlargest
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from ...aggregator.host import HostSummary
from ...aggregator.namespaces import NamespaceSummary
from . import layout
from .database.bulk import upsert_rows
from .hosts import KnownHost
from .id_sets import store_namespace_set
from .numbers import CODES, NAMESPACE_METRICS
from .pack import pack_numbers

__all__ = ["MOST_OF_A_HOST", "Name", "name_of", "save_namespaces"]

MOST_OF_A_HOST = 50
"""Namespaces that are kept of one host: those that may hold the most closed sockets."""

Name = tuple[str, str]
"""The kind of a namespace's name (``host``, ``unit``, ``pod``, or the runtime of a container), and
the name."""


class _Sum(NamedTuple):
    """The numbers of all namespaces of a host that have one name."""

    namespaces: int
    values: tuple[int | None, ...]
    """In the order of `NAMESPACE_METRICS`."""


def name_of(namespace: NamespaceSummary) -> Name | None:
    """The name of a namespace that lasts; None where it has none, and only its inode tells it.

    The containers of a pod share its namespace, and are replaced one by one.
    """
    container = namespace.container
    if namespace.host:
        return "host", ""
    if container is None:
        return None if namespace.unit is None else ("unit", namespace.unit)
    if container.pod_uid is not None:
        return "pod", container.pod_uid
    return container.runtime, container.id


def save_namespaces(
    connection: Connection,
    scan_id: int,
    hosts: Sequence[HostSummary],
    known: Mapping[str, KnownHost],
    started_ms: int,
) -> None:
    """Save the numbers of the namespaces of a scan; nothing where no host has more than its own."""
    sums = {
        (known[host.name].id, *name): one
        for host in hosts
        if host.namespaces is not None and len(host.namespaces) > 1
        for name, one in _sums(host.namespaces)
    }
    if not sums:
        return
    ids = _ids(connection, list(sums), started_ms)
    names = ("id", "host_id", "kind", "name", "seen_ms", "namespaces", *NAMESPACE_METRICS)
    rows = [(ids[key], *key, started_ms, one.namespaces, *one.values) for key, one in sums.items()]
    upsert_rows(connection, layout.namespaces, names, rows, changed=names[4:], newer="seen_ms")
    ordered = sorted(sums, key=ids.__getitem__)
    set_id = store_namespace_set(connection, [ids[key] for key in ordered])
    columns = zip(*(sums[key].values for key in ordered), strict=True)
    packs = [
        {
            "scan_id": scan_id,
            "number": CODES[name],
            "namespace_set_id": set_id,
            "data": pack_numbers(column),
        }
        for name, column in zip(NAMESPACE_METRICS, columns, strict=True)
    ]
    connection.execute(insert(layout.namespace_packs), packs)


def _sums(namespaces: Sequence[NamespaceSummary]) -> Iterator[tuple[Name, _Sum]]:
    """The sums by name of a host, the largest ones."""
    members: dict[Name, list[NamespaceSummary]] = {}
    for one in namespaces:
        if (name := name_of(one)) is not None:
            members.setdefault(name, []).append(one)
    found = {name: _add_up(several) for name, several in members.items()}
    yield from nlargest(MOST_OF_A_HOST, found.items(), key=lambda item: item[1].values[0] or 0)


def _add_up(several: Sequence[NamespaceSummary]) -> _Sum:
    rows = [(one.tcp_close_max, one.inuse, one.inuse6, one.tw, one.used) for one in several]
    values = []
    for column in zip(*rows, strict=True):
        given = [value for value in column if value is not None]
        # A sum over some of them would jump when another one is read again.
        values.append(sum(given) if len(given) == len(rows) else None)
    return _Sum(namespaces=len(rows), values=tuple(values))


def _ids(
    connection: Connection, keys: Sequence[tuple[int, str, str]], started_ms: int
) -> dict[tuple[int, str, str], int]:
    """The id of each namespace by host, kind and name; new ones get a row."""
    wanted = {host_id for host_id, _, _ in keys}
    found = _load(connection, wanted)
    new = [key for key in keys if key not in found]
    if new:
        connection.execute(
            insert(layout.namespaces),
            [
                {
                    "host_id": host_id,
                    "kind": kind,
                    "name": name,
                    "seen_ms": started_ms,
                    "namespaces": 0,
                }
                for host_id, kind, name in new
            ],
        )
        found = _load(connection, wanted)
    return found


def _load(connection: Connection, host_ids: set[int]) -> dict[tuple[int, str, str], int]:
    table = layout.namespaces.c
    query = select(table.host_id, table.kind, table.name, table.id)
    if len(host_ids) <= 500:
        query = query.where(table.host_id.in_(sorted(host_ids)))
    return {
        (row.host_id, row.kind, row.name): row.id
        for row in connection.execute(query)
        if row.host_id in host_ids
    }
