"""Whether everything in a store can be read, and whether its parts agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import NoResultFound

from ....core.record import record
from ...errors import StoreDamagedError, StoreError
from .. import layout
from ..database.connection import Store
from ..id_sets import load_host_set, load_namespace_set
from ..pack import decompress, unpack_numbers
from .size import PartSize, size_by_part

__all__ = ["StoreCheck", "check_store"]

_MOST_PROBLEMS = 20


@record
class StoreCheck:
    """What a check found."""

    layout: int
    """The version of its tables and views."""
    journal: str
    """The journal mode of SQLite (``wal``, ``delete``), or the version of PostgreSQL."""
    scans: int
    hosts: int
    first: datetime | None
    """When its oldest scan began; None without any."""
    last: datetime | None
    sizes: PartSize
    problems: tuple[str, ...]
    """Each a sentence; empty where the store is whole."""


def check_store(store: Store) -> StoreCheck:
    """Read everything that a store has. Raises StoreError where it cannot be read at all."""
    problems: list[str] = []
    for problem in _find_problems(store):
        problems.append(problem)
        if len(problems) == _MOST_PROBLEMS:
            problems.append("and perhaps more: the check ends here")
            break
    with store.read() as connection:
        scan = layout.scans.c.started_ms
        first, last, scans = connection.execute(
            select(func.min(scan), func.max(scan), func.count(scan))
        ).one()
        hosts = connection.scalar(select(func.count()).select_from(layout.hosts)) or 0
        version = connection.scalar(
            select(layout.settings.c.value).where(layout.settings.c.name == "layout")
        )
        what = "PRAGMA journal_mode" if store.dialect == "sqlite" else "SHOW server_version"
        journal = str(connection.exec_driver_sql(what).scalar())
    return StoreCheck(
        layout=int(version or 0),
        journal=journal,
        scans=scans,
        hosts=hosts,
        first=_moment(first),
        last=_moment(last),
        sizes={} if problems else size_by_part(store),
        problems=tuple(problems),
    )


def _moment(unix_ms: int | None) -> datetime | None:
    if unix_ms is None:
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=unix_ms)


def _find_problems(store: Store) -> Iterator[str]:
    try:
        with store.read() as connection:
            if store.dialect == "sqlite":
                for (text,) in connection.exec_driver_sql("PRAGMA integrity_check(10)"):
                    if text != "ok":
                        yield f"SQLite: {text}"
            sizes: dict[int, int] = {}
            for set_id in connection.scalars(select(layout.host_sets.c.id)).all():
                try:
                    sizes[set_id] = len(load_host_set(connection, set_id))
                except StoreDamagedError as error:
                    yield f"the set {set_id} of hosts: {error}"
            yield from _check_scans(connection, sizes)
            yield from _check_namespaces(connection)
            yield from _check_details(connection)
    except StoreError as error:
        yield str(error)


def _check_scans(connection: Connection, sizes: dict[int, int]) -> Iterator[str]:
    scan, pack = layout.scans.c, layout.packs.c
    rows = connection.execute(
        select(scan.id, scan.uid, scan.host_set_id, scan.hosts, pack.number, pack.data)
        .select_from(layout.scans.outerjoin(layout.packs, scan.id == pack.scan_id))
        .execution_options(yield_per=500)
    )
    for row in rows:
        if row.number is None:
            yield f"scan {row.uid}: its numbers are missing"
        elif row.host_set_id in sizes:
            try:
                unpack_numbers(row.data, sizes[row.host_set_id])
            except StoreDamagedError as error:
                yield f"scan {row.uid}, number {row.number}: {error}"
        elif row.host_set_id is not None:
            yield f"scan {row.uid}: its set {row.host_set_id} of hosts is missing"


def _check_namespaces(connection: Connection) -> Iterator[str]:
    pack = layout.namespace_packs.c
    rows = connection.execute(
        select(pack.scan_id, pack.number, pack.namespace_set_id, pack.data)
        .order_by(pack.namespace_set_id)
        .execution_options(yield_per=500)
    )
    last, size = None, 0
    for row in rows:
        try:
            if row.namespace_set_id != last:
                size = len(load_namespace_set(connection, row.namespace_set_id))
                last = row.namespace_set_id
            unpack_numbers(row.data, size)
        except (StoreDamagedError, NoResultFound) as error:
            yield f"the namespaces of scan {row.scan_id}, number {row.number}: {error}"


def _check_details(connection: Connection) -> Iterator[str]:
    detail = layout.details.c
    rows = connection.execute(
        select(detail.scan_id, detail.size, detail.data).execution_options(yield_per=10)
    )
    for row in rows:
        try:
            decompress(row.data, row.size)
        except StoreDamagedError as error:
            yield f"the details of scan {row.scan_id}: {error}"
