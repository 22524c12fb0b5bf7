"""Scans of a store: the list of them, and one of them whole."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, Select, func, select

from ...aggregator.diagnosis import diagnose
from ...aggregator.document_reader import read_document
from ...aggregator.errors import DocumentError
from ...aggregator.fleet import FleetSummary, ScanInfo, assemble
from ...aggregator.host import FailureReason, HostSummary, Status
from ...aggregator.numbers import TCP_NUMBERS, TcpNumbers
from ...aggregator.shards import Shards
from ...aggregator.thresholds import Thresholds
from ...collector.probe.kernel import Kernel
from ...core.record import record
from ...core.text import quote
from ..errors import NoSuchScanError, StoreDamagedError
from . import layout
from .database.connection import Store
from .id_sets import load_host_set
from .numbers import CODES, METRICS, READING
from .pack import decompress, unpack_numbers
from .save import SCOPES, unix_ms

__all__ = [
    "ScanRow",
    "count_scans",
    "find_scan",
    "is_scan_name",
    "list_scans",
    "read_scan",
    "scan_before",
]

_MOST_DOCUMENT_BYTES = 4 << 30
_LAST = re.compile(r"last(?:-(\d{1,6}))?")
_PREFIX = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z._-]{3,}")


@record
class ScanRow:
    """A scan as a list shows it."""

    id: str
    started_at: datetime
    duration_s: float
    complete: bool
    fleet: str
    """The key of the selection of hosts that it is of."""
    inventory: tuple[str, ...]
    limit: str | None
    hosts: int
    hosts_read: int
    hosts_failed: int
    tcp_close: int | None
    """The sum over the hosts that were read; None over none."""
    round: int | None = None
    shards: str | None = None
    merged_into: str | None = None
    """The id of the merged scan that holds its hosts too; such a scan counts only there."""
    number: int = 0
    """Of a scan that was saved later it is higher, whatever the clocks were."""


def list_scans(
    store: Store,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    fleet: str | None = None,
    most: int | None = None,
) -> list[ScanRow]:
    """The scans that start from ``since`` to before ``until``, the newest first.

    ``fleet`` is the begin of the key of a selection; ``most`` is the longest list.
    """
    query = _query().order_by(layout.scans.c.started_ms.desc(), layout.scans.c.id.desc())
    if since is not None:
        query = query.where(layout.scans.c.started_ms >= unix_ms(since))
    if until is not None:
        query = query.where(layout.scans.c.started_ms < unix_ms(until))
    if fleet is not None:
        query = query.where(layout.fleets.c.key.startswith(fleet, autoescape=True))
    if most is not None:
        query = query.limit(most)
    with store.read() as connection:
        return [_scan_row(row) for row in connection.execute(query)]


def count_scans(store: Store, since: datetime, until: datetime) -> tuple[int, timedelta]:
    """How many scans start from ``since`` to before ``until``, and the time from first to last."""
    started = layout.scans.c.started_ms
    query = select(func.count(), func.max(started) - func.min(started)).where(
        started >= unix_ms(since), started < unix_ms(until)
    )
    with store.read() as connection:
        count, span_ms = connection.execute(query).one()
    return count, timedelta(milliseconds=span_ms or 0)


def is_scan_name(text: str) -> bool:
    """Whether a text may name a scan: ``last``, ``last-1``, or the begin of an id."""
    return bool(_LAST.fullmatch(text) or _PREFIX.fullmatch(text))


def find_scan(
    store: Store, name: str, *, fleet: str | None = None, shards: str | None = None
) -> ScanRow:
    """The scan of a name: ``last``, ``last-1``, …, or the begin of an id, of 4 characters.

    ``last`` counts the scans of the selection with the key ``fleet`` (None: of all) and of these
    ``shards`` of it (None: whole ones, or with no ``fleet`` any). Raises NoSuchScanError.
    """
    match = _LAST.fullmatch(name)
    table = layout.scans.c
    query = _query().order_by(table.started_ms.desc(), table.id.desc())
    with store.read() as connection:
        if match is not None:
            query = query.where(layout.counted()).offset(int(match[1] or 0)).limit(1)
            rows = connection.execute(_of_fleet(query, fleet, shards)).all()
        elif _PREFIX.fullmatch(name):
            rows = connection.execute(
                query.where(table.uid.startswith(name, autoescape=True)).limit(2)
            ).all()
        else:
            rows = []
    if len(rows) == 1:
        return _scan_row(rows[0])
    what = (
        f"more than one scan of {store.location} begins with"
        if rows
        else (f"the store {store.location} has no scan")
    )
    raise NoSuchScanError(f"{what} {quote(name)}: sockfleet history list shows them")


def scan_before(
    store: Store, moment: datetime, *, fleet: str | None = None, shards: str | None = None
) -> ScanRow | None:
    """The last scan that began by then, else the first one after it; None where there is none.

    ``fleet`` and ``shards`` as in `find_scan`.
    """
    table = layout.scans.c
    query = _of_fleet(_query().where(layout.counted()).limit(1), fleet, shards)
    at = unix_ms(moment)
    before = query.where(table.started_ms <= at).order_by(table.started_ms.desc(), table.id.desc())
    after = query.where(table.started_ms > at).order_by(table.started_ms, table.id)
    with store.read() as connection:
        row = connection.execute(before).first() or connection.execute(after).first()
    return None if row is None else _scan_row(row)


def read_scan(store: Store, uid: str) -> FleetSummary:
    """The scan of an id, whole where its details are kept, else from its numbers.

    Without details there are no namespaces, processes and groupings, and the diagnosis is that of
    today's thresholds. Raises NoSuchScanError, and StoreError.
    """
    with store.read() as connection:
        row = connection.execute(_query().where(layout.scans.c.uid == uid)).first()
        if row is None:
            raise NoSuchScanError(f"the store {store.location} has no scan {quote(uid)}")
        detail = connection.execute(
            select(layout.details.c.size, layout.details.c.data).where(
                layout.details.c.scan_id == row.id
            )
        ).first()
        if detail is None:
            return _rebuild(connection, row)
        if not 0 <= detail.size <= _MOST_DOCUMENT_BYTES:
            raise StoreDamagedError(f"the details of scan {uid} have {detail.size} bytes")
        try:
            return read_document(decompress(detail.data, detail.size))
        except DocumentError as error:
            raise StoreDamagedError(f"the details of scan {uid}: {error}") from error


def _query() -> Select[Any]:
    fleet = layout.fleets.c
    return select(layout.scans, fleet.key, fleet.inventory, fleet.host_limit).join(
        layout.fleets, fleet.id == layout.scans.c.fleet_id
    )


def _of_fleet(query: Select[Any], fleet: str | None, shards: str | None) -> Select[Any]:
    if fleet is None:
        return query
    query = query.where(layout.fleets.c.key == fleet)
    parts, of = layout.scans.c.shard_parts, layout.scans.c.shard_of
    if shards is None:
        return query.where(of.is_(None))
    named, _, count = shards.partition("/")
    return query.where(parts == named, of == int(count))


def _moment(unix: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=unix)


def _scan_row(row: Row[Any]) -> ScanRow:
    return ScanRow(
        id=row.uid,
        started_at=_moment(row.started_ms),
        duration_s=row.duration_ms / 1000,
        complete=row.complete,
        fleet=row.key,
        inventory=tuple(orjson.loads(row.inventory)),
        limit=row.host_limit,
        hosts=row.hosts,
        hosts_read=row.hosts_read,
        hosts_failed=row.hosts_failed,
        tcp_close=row.tcp_close,
        round=row.round,
        shards=None if row.shard_of is None else f"{row.shard_parts}/{row.shard_of}",
        merged_into=row.merged_into,
        number=row.id,
    )


def _rebuild(connection: Connection, row: Row[Any]) -> FleetSummary:
    """A scan from its packs, its failures, and the facts of its hosts at that time."""
    ids = load_host_set(connection, row.host_set_id)
    columns = _load_columns(connection, row.id, len(ids))
    table = layout.failures.c
    failures = {
        each.host_id: each
        for each in connection.execute(select(layout.failures).where(table.scan_id == row.id))
    }
    facts = _load_facts(connection, row.started_ms, set(ids))
    names: dict[int, str] = {
        each.id: each.name
        for each in connection.execute(select(layout.hosts.c.id, layout.hosts.c.name))
    }
    boots = {
        (host_id, number): boot_id
        for host_id, number, boot_id in connection.execute(
            select(layout.boots.c.host_id, layout.boots.c.number, layout.boots.c.boot_id)
        )
    }
    hosts = []
    for place, host_id in enumerate(ids):
        values = {name: column[place] for name, column in columns.items()}
        boot_id = boots.get((host_id, values.get("boot")))
        hosts.append(
            _host(names[host_id], values, facts.get(host_id), boot_id, failures.get(host_id))
        )
    shards = None
    if row.shard_of is not None:
        shards = Shards(of=row.shard_of, parts=tuple(map(int, row.shard_parts.split(","))))
    info = ScanInfo(
        id=row.uid,
        started_at=_moment(row.started_ms),
        finished_at=_moment(row.finished_ms),
        duration_s=row.duration_ms / 1000,
        complete=row.complete,
        inventory=tuple(orjson.loads(row.inventory)),
        limit=row.host_limit,
        shards=shards,
        sort=row.sort,
        round=row.round,
    )
    return assemble(hosts, info, ())


def _load_columns(
    connection: Connection, scan_id: int, count: int
) -> Mapping[str, Sequence[int | None]]:
    table = layout.packs.c
    query = select(table.number, table.data).where(table.scan_id == scan_id)
    found = {row.number: row.data for row in connection.execute(query)}
    absent = [None] * count
    return {
        name: unpack_numbers(found[code], count) if code in found else absent
        for name, code in CODES.items()
        if name in METRICS or name in READING
    }


def _load_facts(
    connection: Connection, started_ms: int, ids: Collection[int]
) -> dict[int, Row[Any]]:
    """The facts of each host at that time; the first known ones where they are younger."""
    table = layout.facts.c
    found: dict[int, Row[Any]] = {}
    for row in connection.execute(select(layout.facts).order_by(table.since_ms, table.id)):
        if row.host_id in ids and (row.since_ms <= started_ms or row.host_id not in found):
            found[row.host_id] = row
    return found


class _Failure(NamedTuple):
    """What a failed host shows, where its row in the store is lost."""

    category: str = "parse"
    phase: str = "parse"
    message: str = "the store has no number of it and no failure"


def _host(
    name: str,
    values: Mapping[str, int | None],
    fact: Row[Any] | None,
    boot_id: str | None,
    failure: Any,
) -> HostSummary:
    shared: dict[str, Any] = {
        "name": name,
        "address": None if fact is None else fact.address,
        "port": 22 if fact is None else fact.port,
        "groups": () if fact is None else tuple(orjson.loads(fact.host_groups)),
        "attempts": values["attempts"] or 0,
        "elapsed_s": (values["elapsed_ms"] or 0) / 1000,
    }
    if failure is not None or values["scope"] is None:
        why = failure or _Failure()
        reason = FailureReason(category=why.category, phase=why.phase, message=why.message)
        return HostSummary(status=Status.FAILED, error=reason, **shared)
    tcp = TcpNumbers(**{each: values[each] for each in TCP_NUMBERS})
    scope = SCOPES[values["scope"]]
    kernel = Kernel(
        boot_id=boot_id,
        tcp_estab=values["tcp_estab"],
        file_nr=values["file_nr"],
        **_kernel(fact),
    )
    return HostSummary(
        status=Status.OK,
        tcp=tcp,
        scope=scope,
        uncertainty=values["uncertainty"],
        sockets_used=values["sockets_used"],
        kernel=kernel,
        diagnosis=diagnose(tcp, kernel, is_bound=scope is not SCOPES[0], thresholds=Thresholds()),
        **shared,
    )


def _kernel(fact: Row[Any] | None) -> dict[str, Any]:
    if fact is None:
        return {}
    low, pressure, high = fact.tcp_mem_low, fact.tcp_mem_pressure, fact.tcp_mem_high
    return {
        "release": fact.kernel_release,
        "page_size": fact.page_size,
        "tcp_mem": None if low is None else (low, pressure, high),
        "tcp_max_orphans": fact.tcp_max_orphans,
        "file_max": fact.file_max,
    }
