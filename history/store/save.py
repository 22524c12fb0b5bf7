"""Save a scan: in one transaction, so it is in the store whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select, update

from ...aggregator.document_writer import to_document
from ...aggregator.fleet import FleetSummary, ScanInfo
from ...aggregator.host import HostSummary
from ...aggregator.numbers import TCP_NUMBERS, tcp_values
from ...collector.probe.scope import Scope
from ...core.record import record
from . import layout
from .database.bulk import upsert_rows
from .database.connection import Store
from .hosts import KnownHost, save_hosts
from .id_sets import store_host_set
from .namespaces import save_namespaces
from .numbers import CODES, METRICS
from .pack import compress, pack_numbers

__all__ = ["SCOPES", "Saved", "fleet_key", "save_packs", "save_scan", "unix_ms"]

SCOPES = (Scope.ALL_NAMESPACES, Scope.VISIBLE_NAMESPACES, Scope.HOST_NAMESPACE)
"""The scope of each code in a pack: part of the layout."""
_SCOPE_CODES = {scope: code for code, scope in enumerate(SCOPES)}
_HOUR_MS = 3_600_000


@record
class Saved:
    """What saving a scan did."""

    uid: str
    is_new: bool
    """False where the store had it already, so nothing was written."""


def save_scan(store: Store, summary: FleetSummary, *, details: bool = True) -> Saved:
    """Save a scan; a scan whose id is in the store already changes nothing.

    ``details`` keeps its whole document too, until `retention` drops it. Raises StoreError.
    """
    document = orjson.dumps(to_document(summary)) if details else None
    packed = None if document is None else compress(document)
    with store.write() as connection:
        info = summary.scan
        known = connection.scalar(select(layout.scans.c.id).where(layout.scans.c.uid == info.id))
        if known is not None:
            return Saved(uid=info.id, is_new=False)
        started_ms = unix_ms(info.started_at)
        hosts = save_hosts(connection, summary.hosts, started_ms)
        ordered = sorted(summary.hosts, key=lambda host: hosts[host.name].id)
        set_id = store_host_set(connection, [hosts[host.name].id for host in ordered])
        merged_into = _join_merged(connection, info)
        scan_id = _insert_scan(connection, summary, set_id, merged_into)
        save_packs(connection, scan_id, _columns(ordered, hosts))
        _save_failures(connection, scan_id, ordered, hosts)
        save_namespaces(connection, scan_id, ordered, hosts, started_ms)
        if document is not None:
            row = {"scan_id": scan_id, "size": len(document), "data": packed}
            connection.execute(insert(layout.details), row)
        _save_latest(connection, ordered, hosts, started_ms)
        _note_hour(connection, started_ms)
    return Saved(uid=info.id, is_new=True)


def unix_ms(moment: datetime) -> int:
    """Unix milliseconds of a moment."""
    return round(moment.timestamp() * 1000)


def fleet_key(info: ScanInfo) -> str:
    """The key of the selection of hosts that a scan is of: the same inventories and limit."""
    text = orjson.dumps((sorted(info.inventory), info.limit))
    return hashlib.blake2b(text, digest_size=4).hexdigest()


def _fleet_id(connection: Connection, info: ScanInfo) -> int:
    table, key = layout.fleets, fleet_key(info)
    found = connection.scalar(select(table.c.id).where(table.c.key == key))
    if found is None:
        inventory = orjson.dumps(info.inventory).decode()
        row = {"key": key, "inventory": inventory, "host_limit": info.limit}
        found = connection.scalar(insert(table).returning(table.c.id), row)
    return int(found or 0)


def _join_merged(connection: Connection, info: ScanInfo) -> str | None:
    """Mark the parts of a merged scan; return the merged scan that this one is a part of."""
    table = layout.merged
    if info.merged:
        connection.execute(
            update(layout.scans)
            .where(layout.scans.c.uid.in_(info.merged))
            .values(merged_into=info.id)
        )
        parts = [(uid, info.id) for uid in info.merged]
        upsert_rows(connection, table, ["uid", "merged_into"], parts)
    found = connection.scalar(select(table.c.merged_into).where(table.c.uid == info.id))
    return None if found is None else str(found)


def _insert_scan(
    connection: Connection, summary: FleetSummary, set_id: int, merged_into: str | None
) -> int:
    info, fleet, table = summary.scan, summary.fleet, layout.scans
    row: dict[str, Any] = {
        "uid": info.id,
        "fleet_id": _fleet_id(connection, info),
        "host_set_id": set_id,
        "started_ms": unix_ms(info.started_at),
        "finished_ms": unix_ms(info.finished_at),
        "duration_ms": round(info.duration_s * 1000),
        "complete": info.complete,
        "round": info.round,
        "shard_of": None if info.shards is None else info.shards.of,
        "shard_parts": None if info.shards is None else ",".join(map(str, info.shards.parts)),
        "sort": info.sort,
        "hosts": fleet.hosts.total,
        "hosts_read": fleet.hosts.ok,
        "hosts_failed": fleet.hosts.failed,
        **{name: getattr(fleet.totals, name) for name in TCP_NUMBERS},
        "merged_into": merged_into,
    }
    return int(connection.scalar(insert(table).returning(table.c.id), row) or 0)


def save_packs(
    connection: Connection, scan_id: int, columns: Mapping[str, Sequence[int | None]]
) -> None:
    """Save the numbers of a scan by name, each of all hosts in the order of its host set."""
    rows = [
        {"scan_id": scan_id, "number": CODES[name], "data": pack_numbers(values)}
        for name, values in columns.items()
    ]
    connection.execute(insert(layout.packs), rows)


def _columns(
    hosts: Sequence[HostSummary], known: dict[str, KnownHost]
) -> dict[str, Sequence[int | None]]:
    """The numbers of a scan by name, each of all its hosts."""
    absent = (None,) * len(TCP_NUMBERS)
    rows = [absent if host.tcp is None else tcp_values(host.tcp) for host in hosts]
    columns: dict[str, Sequence[int | None]] = dict(
        zip(TCP_NUMBERS, zip(*rows, strict=True), strict=True)
        if rows
        else ((name, ()) for name in TCP_NUMBERS)
    )
    columns["sockets_used"] = [host.sockets_used for host in hosts]
    columns["boot"] = [known[host.name].boot_of_scan for host in hosts]
    columns["scope"] = [None if host.scope is None else _SCOPE_CODES[host.scope] for host in hosts]
    columns["uncertainty"] = [host.uncertainty for host in hosts]
    columns["tcp_estab"] = [
        None if host.kernel is None else host.kernel.tcp_estab for host in hosts
    ]
    columns["file_nr"] = [None if host.kernel is None else host.kernel.file_nr for host in hosts]
    columns["attempts"] = [host.attempts for host in hosts]
    columns["elapsed_ms"] = [round(host.elapsed_s * 1000) for host in hosts]
    return columns


def _save_failures(
    connection: Connection,
    scan_id: int,
    hosts: Sequence[HostSummary],
    known: dict[str, KnownHost],
) -> None:
    rows = [
        {
            "scan_id": scan_id,
            "host_id": known[host.name].id,
            "category": host.error.category,
            "phase": host.error.phase,
            "message": host.error.message,
        }
        for host in hosts
        if host.error is not None
    ]
    if rows:
        connection.execute(insert(layout.failures), rows)


def _save_latest(
    connection: Connection,
    hosts: Sequence[HostSummary],
    known: dict[str, KnownHost],
    started_ms: int,
) -> None:
    """Replace the latest readings by those of this scan, where they are not newer already."""
    names = ("host_id", "read_ms", "scope", *METRICS, "file_nr")
    rows = [
        (
            known[host.name].id,
            started_ms,
            None if host.scope is None else _SCOPE_CODES[host.scope],
            *tcp_values(host.tcp),
            host.sockets_used,
            None if host.kernel is None else host.kernel.file_nr,
        )
        for host in hosts
        if host.tcp is not None
    ]
    upsert_rows(connection, layout.latest, names, rows, changed=names[1:], newer="read_ms")


def _note_hour(connection: Connection, started_ms: int) -> None:
    hour = started_ms // _HOUR_MS * 3600
    upsert_rows(connection, layout.pending_hours, ["hour"], [(hour,)])
