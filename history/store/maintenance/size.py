"""How large a store is, and how its free space goes back to the file system."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text

from .. import layout
from ..alerts import layout as alert_layout
from ..database.connection import Store

__all__ = ["PartSize", "live_bytes", "release_space", "size_by_part"]

_ROW_BYTES = 90
"""About what PostgreSQL takes for a row of a dozen numbers, with its index."""
_PARTS = {
    "scans": (layout.scans, layout.packs, layout.failures, layout.host_sets, layout.merged),
    "namespaces": (layout.namespaces, layout.namespace_packs, layout.namespace_sets),
    "details": (layout.details,),
    "hourly": (layout.hourly, layout.hourly_packs),
    "daily": (layout.daily,),
    "alerts": alert_layout.TABLES,
    "hosts": (layout.hosts, layout.facts, layout.host_groups, layout.boots, layout.latest),
}

PartSize = dict[str, int]
"""Bytes by part: scans, namespaces, details, hourly, daily, alerts, hosts, and ``free``."""


def live_bytes(store: Store) -> int:
    """The bytes that the store's content takes, without free pages.

    In PostgreSQL it is an estimate: rows that are deleted there stay until the next VACUUM.
    """
    with store.read() as connection:
        if store.dialect == "sqlite":
            pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
            return pages * _pragma(connection, "page_size")
        total = 0
        for table in (
            *(layout.packs, layout.namespace_packs),
            *(layout.details, layout.hourly_packs),
        ):
            total += connection.scalar(select(func.sum(func.octet_length(table.c.data)))) or 0
        for table in (
            *(layout.hourly, layout.daily, layout.latest),
            *(layout.failures, layout.namespaces),
        ):
            total += _ROW_BYTES * (connection.scalar(select(func.count()).select_from(table)) or 0)
        return int(total)


def size_by_part(store: Store) -> PartSize:
    """The bytes of each part of the store."""
    with store.read() as connection:
        if store.dialect == "postgresql":
            return {
                part: sum(
                    int(
                        connection.scalar(
                            text("SELECT pg_total_relation_size(to_regclass(:name))"),
                            {"name": table.name},
                        )
                        or 0
                    )
                    for table in tables
                )
                for part, tables in _PARTS.items()
            }
        sizes = _sqlite_sizes(connection)
        found = {
            part: sum(sizes.get(table.name, 0) for table in tables)
            for part, tables in _PARTS.items()
        }
        found["free"] = _pragma(connection, "freelist_count") * _pragma(connection, "page_size")
        return found


def release_space(store: Store, *, everything: bool = False) -> None:
    """Give free pages of a SQLite store back, where they are a quarter of it, and end its log.

    ``everything``: however few they are. New scans use free pages first, so few of them stay.
    """
    if store.dialect != "sqlite":
        return
    with store.maintain() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        if free and (everything or free * 4 > pages):
            connection.execute("PRAGMA incremental_vacuum").fetchall()
        # A reader may keep a part of the log; the next checkpoint takes it.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)


def _sqlite_sizes(connection: Connection) -> dict[str, int]:
    """Bytes by table, its indexes included."""
    rows = connection.exec_driver_sql(
        "SELECT m.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_master m ON m.name = d.name "
        "GROUP BY m.tbl_name"
    )
    return {str(name): int(size) for name, size in rows}
