"""The hosts of a scan in the store: their ids, what seldom changes of them, and their boots."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from ...aggregator.host import HostSummary
from . import layout

__all__ = ["KnownHost", "save_hosts"]

_AT_ONCE = 500
"""Names in one query: SQLite before 3.32 takes 999 parameters."""


class KnownHost:
    """The row of a host, with the number of its boot id in this scan."""

    __slots__ = ("boot", "boot_id", "boot_ms", "boot_of_scan", "digest", "fact_ms", "id")

    def __init__(self, row: Sequence[Any]) -> None:
        self.id: int
        self.digest: str | None
        self.fact_ms: int | None
        self.boot_id: str | None
        self.boot: int | None
        self.boot_ms: int | None
        _, self.id, self.digest, self.fact_ms, self.boot_id, self.boot, self.boot_ms = row
        self.boot_of_scan: int | None = None
        """None: the scan has no boot id of this host."""


def save_hosts(
    connection: Connection, hosts: Sequence[HostSummary], started_ms: int
) -> dict[str, KnownHost]:
    """Save new hosts and changed facts; return every host of the scan by name."""
    names = sorted(host.name for host in hosts)
    known = _load(connection, names)
    new = [name for name in names if name not in known]
    if new:
        connection.execute(insert(layout.hosts), [{"name": name} for name in new])
        known.update(_load(connection, new))
    _save_facts(connection, hosts, known, started_ms)
    _number_boots(connection, hosts, known, started_ms)
    return known


def _load(connection: Connection, names: Sequence[str]) -> dict[str, KnownHost]:
    table = layout.hosts.c
    query = select(
        *(table.name, table.id, table.fact_digest, table.fact_ms),
        *(table.boot_id, table.boot, table.boot_ms),
    )
    return {row[0]: KnownHost(row) for row in _by_names(connection, query, table.name, names)}


def _by_names(
    connection: Connection, query: Select[Any], column: Any, names: Sequence[Any]
) -> Iterator[Any]:
    if len(names) > 4 * _AT_ONCE:  # one pass over the table is cheaper than many lookups
        wanted = set(names)
        for row in connection.execute(query):
            if row[0] in wanted:
                yield row
        return
    for start in range(0, len(names), _AT_ONCE):
        chosen = names[start : start + _AT_ONCE]
        yield from connection.execute(query.where(column.in_(chosen)))


def _fact(host: HostSummary) -> dict[str, Any]:
    kernel = host.kernel
    tcp_mem = (None, None, None) if kernel is None or kernel.tcp_mem is None else kernel.tcp_mem
    return {
        "address": host.address,
        "port": host.port,
        "host_groups": orjson.dumps(host.groups).decode(),
        "kernel_release": None if kernel is None else kernel.release,
        "page_size": None if kernel is None else kernel.page_size,
        "tcp_mem_low": tcp_mem[0],
        "tcp_mem_pressure": tcp_mem[1],
        "tcp_mem_high": tcp_mem[2],
        "tcp_max_orphans": None if kernel is None else kernel.tcp_max_orphans,
        "file_max": None if kernel is None else kernel.file_max,
    }


def _digest(host: HostSummary) -> str:
    kernel = host.kernel
    text = orjson.dumps(
        (
            host.address,
            host.port,
            host.groups,
            *(
                ()
                if kernel is None
                else (
                    *(kernel.release, kernel.page_size, kernel.tcp_mem),
                    *(kernel.tcp_max_orphans, kernel.file_max),
                )
            ),
        )
    )
    return hashlib.blake2b(text, digest_size=9).hexdigest()


def _save_facts(
    connection: Connection,
    hosts: Iterable[HostSummary],
    known: Mapping[str, KnownHost],
    started_ms: int,
) -> None:
    """Save the facts that differ from the newest ones.

    A failed host shows neither kernel nor limits: it keeps those that were read before, and its
    own are saved only where there are none yet.
    """
    changed: list[tuple[KnownHost, HostSummary, str]] = []
    for host in hosts:
        row = known[host.name]
        if host.kernel is None and row.digest is not None:
            continue
        if row.fact_ms is not None and row.fact_ms > started_ms:
            continue  # an older scan that is imported after a newer one
        digest = _digest(host)
        if digest != row.digest:
            changed.append((row, host, digest))
    if not changed:
        return
    connection.execute(
        insert(layout.facts),
        [{"host_id": row.id, "since_ms": started_ms, **_fact(host)} for row, host, _ in changed],
    )
    table = layout.facts.c
    newest = (
        select(table.id)
        .where(table.host_id == bindparam("row_id"))
        .order_by(table.since_ms.desc(), table.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    connection.execute(
        update(layout.hosts)
        .where(layout.hosts.c.id == bindparam("row_id"))
        .values(fact_id=newest, fact_digest=bindparam("digest"), fact_ms=started_ms),
        [{"row_id": row.id, "digest": digest} for row, _, digest in changed],
    )
    _save_groups(connection, [(row.id, host.groups) for row, host, _ in changed])


def _save_groups(connection: Connection, changed: Sequence[tuple[int, tuple[str, ...]]]) -> None:
    connection.execute(
        delete(layout.host_groups).where(layout.host_groups.c.host_id == bindparam("row_id")),
        [{"row_id": host_id} for host_id, _ in changed],
    )
    rows = [
        {"host_id": host_id, "name": name}
        for host_id, groups in changed
        for name in dict.fromkeys(groups)
    ]
    if rows:
        connection.execute(insert(layout.host_groups), rows)


def _number_boots(
    connection: Connection,
    hosts: Iterable[HostSummary],
    known: Mapping[str, KnownHost],
    started_ms: int,
) -> None:
    other = list(_find_other_boots(hosts, known))
    if not other:
        return
    numbers: dict[int, dict[str, int]] = {}
    table = layout.boots.c
    query = select(table.host_id, table.boot_id, table.number)
    ids = sorted(row.id for row, _ in other)
    for host_id, boot_id, number in _by_names(connection, query, table.host_id, ids):
        numbers.setdefault(host_id, {})[boot_id] = number
    added, newest = [], []
    for row, boot_id in sorted(other, key=lambda each: each[0].id):
        of_host = numbers.setdefault(row.id, {})
        if boot_id not in of_host:
            of_host[boot_id] = len(of_host)
            added.append(
                {
                    "host_id": row.id,
                    "number": of_host[boot_id],
                    "boot_id": boot_id,
                    "seen_ms": started_ms,
                }
            )
        row.boot_of_scan = of_host[boot_id]
        if row.boot_ms is None or row.boot_ms <= started_ms:
            newest.append({"row_id": row.id, "boot_id": boot_id, "boot": row.boot_of_scan})
    if added:
        connection.execute(insert(layout.boots), added)
    if newest:
        connection.execute(
            update(layout.hosts)
            .where(layout.hosts.c.id == bindparam("row_id"))
            .values(boot_id=bindparam("boot_id"), boot=bindparam("boot"), boot_ms=started_ms),
            newest,
        )


def _find_other_boots(
    hosts: Iterable[HostSummary], known: Mapping[str, KnownHost]
) -> Iterator[tuple[KnownHost, str]]:
    """Number the hosts whose boot id is their newest one; yield the others with theirs."""
    for host in hosts:
        boot_id = None if host.kernel is None else host.kernel.boot_id
        row = known[host.name]
        if boot_id is not None and boot_id == row.boot_id:
            row.boot_of_scan = row.boot
        elif boot_id is not None:
            yield row, boot_id
