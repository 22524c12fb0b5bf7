"""One number of many hosts over time, from the packs of scans or from those of whole hours."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sqlalchemy import Connection, select

from ...core.errors import UsageError
from ..series import SeriesBlock
from . import layout
from .database.connection import Store
from .id_sets import load_host_set
from .numbers import BOOT, CODES, METRICS
from .pack import unpack_array
from .save import unix_ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ScanColumn", "SetRows", "check_metric", "read_hourly", "read_series", "scan_columns"]

_FEW_HOSTS = 500
"""So many names fit into one query of any database."""
_TOGETHER_MS = 60_000
"""Parts of a fleet whose scans start within this time are one column."""


class ScanColumn(NamedTuple):
    """Scans that are one column of a block: most often one, or the shards of one."""

    started_ms: int
    scan_ids: tuple[int, ...]
    set_ids: tuple[int, ...]


def check_metric(metric: str) -> str:
    """Return the metric; raises UsageError for one that is not kept."""
    if metric not in METRICS:
        raise UsageError(f"--metric {metric}: there are {', '.join(METRICS)}")
    return metric


def read_series(
    store: Store,
    metric: str,
    since: datetime,
    until: datetime,
    hosts: Collection[str] | None = None,
) -> SeriesBlock:
    """The readings from ``since`` to before ``until``; ``hosts``: of these alone.

    Hosts are sorted by name. Scans of different hosts that start within a minute, such as shards,
    are one column. A host without any scan in this time has no row. Raises StoreError, and
    UsageError for a number that is not kept.
    """
    check_metric(metric)
    with store.read() as connection:
        columns = list(scan_columns(connection, unix_ms(since), unix_ms(until)))
        rows = SetRows(connection, {each for one in columns for each in one.set_ids}, hosts)
        block = _Block(metric, rows, [column.started_ms // 1000 for column in columns])
        place = {
            scan_id: (number, set_id)
            for number, column in enumerate(columns)
            for scan_id, set_id in zip(column.scan_ids, column.set_ids, strict=True)
        }
        scan, pack = layout.scans.c, layout.packs.c
        query = (
            select(pack.scan_id, pack.number, pack.data)
            .select_from(layout.scans.join(layout.packs, scan.id == pack.scan_id))
            .where(
                scan.started_ms >= unix_ms(since),
                scan.started_ms < unix_ms(until),
                pack.number.in_((CODES[metric], CODES[BOOT])),
            )
        )
        for scan_id, code, data in connection.execute(query):
            if scan_id in place:
                number, set_id = place[scan_id]
                block.fill(code, number, set_id, data)
    return block.finish()


def read_hourly(
    store: Store,
    metric: str,
    since: datetime,
    until: datetime,
    hosts: Collection[str] | None = None,
) -> SeriesBlock:
    """The medians of the whole hours that begin from ``since`` to before ``until``.

    As `read_series`; the time of a column is the middle of its hour, and a boot is that of the
    last reading in the hour. Hours that are not rolled up yet have no column.
    """
    check_metric(metric)
    table = layout.hourly_packs
    in_time = (table.c.hour >= since.timestamp(), table.c.hour < until.timestamp())
    with store.read() as connection:
        query = select(table.c.hour, table.c.host_set_id).where(
            *in_time, table.c.number == CODES[metric]
        )
        ordered = connection.execute(query.order_by(table.c.hour))
        sets: dict[int, int] = {row.hour: row.host_set_id for row in ordered}
        rows = SetRows(connection, set(sets.values()), hosts)
        block = _Block(metric, rows, [hour + 1800 for hour in sets], halves=True)
        place = {hour: number for number, hour in enumerate(sets)}
        wanted = select(table.c.hour, table.c.number, table.c.data).where(
            *in_time, table.c.number.in_((CODES[metric], CODES[BOOT]))
        )
        for hour, code, data in connection.execute(wanted):
            if hour in place:
                block.fill(code, place[hour], sets[hour], data)
    return block.finish()


def scan_columns(connection: Connection, since_ms: int, until_ms: int) -> Iterator[ScanColumn]:
    """The scans that start in this time, in order; those of other hosts at one time together.

    A scan of the same second as the one before it joins its column too, so times ascend.
    """
    table = layout.scans.c
    query = (
        select(table.id, table.started_ms, table.host_set_id)
        .where(table.started_ms >= since_ms, table.started_ms < until_ms, layout.counted())
        .order_by(table.started_ms, table.id)
    )
    sets = _Disjoint(connection)
    began, scan_ids, set_ids = 0, list[int](), list[int]()
    for scan_id, started_ms, set_id in connection.execute(query).all():
        joins = scan_ids and (
            started_ms // 1000 == began // 1000
            or (
                started_ms - began < _TOGETHER_MS
                and all(sets.are_disjoint(set_id, other) for other in set_ids)
            )
        )
        if not joins:
            if scan_ids:
                yield ScanColumn(began, tuple(scan_ids), tuple(set_ids))
            began, scan_ids, set_ids = started_ms, [], []
        scan_ids.append(scan_id)
        set_ids.append(set_id)
    if scan_ids:
        yield ScanColumn(began, tuple(scan_ids), tuple(set_ids))


class _Disjoint:
    """Whether two sets of hosts have none in common; remembered, as few sets occur."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sets: dict[int, frozenset[int]] = {}
        self._known: dict[tuple[int, int], bool] = {}

    def are_disjoint(self, one: int, other: int) -> bool:
        """Whether they are."""
        if one == other:
            return False
        pair = min(one, other), max(one, other)
        if pair not in self._known:
            self._known[pair] = self._hosts(one).isdisjoint(self._hosts(other))
        return self._known[pair]

    def _hosts(self, set_id: int) -> frozenset[int]:
        if set_id not in self._sets:
            self._sets[set_id] = frozenset(load_host_set(self._connection, set_id))
        return self._sets[set_id]


class SetRows:
    """Which row of a block each host of a set is."""

    def __init__(
        self, connection: Connection, set_ids: Iterable[int], hosts: Collection[str] | None
    ) -> None:
        members = {
            set_id: np.array(load_host_set(connection, set_id), np.int64)
            for set_id in sorted(set_ids)
        }
        every = set(chain.from_iterable(ids.tolist() for ids in members.values()))
        chosen = sorted(
            (name, host_id) for name, host_id in _names(connection, hosts) if host_id in every
        )
        self.names = tuple(name for name, _ in chosen)
        self.host_ids = [host_id for _, host_id in chosen]
        self.sizes = {set_id: len(ids) for set_id, ids in members.items()}
        row_ids = np.array(self.host_ids, np.int64)
        by_id = row_ids.argsort()
        self._rows: dict[int, tuple[NDArray[np.intp], NDArray[np.intp]] | None] = {}
        for set_id, ids in members.items():
            if np.array_equal(ids, row_ids):
                self._rows[set_id] = None
                continue
            _, places, found = np.intersect1d(
                ids, row_ids[by_id], assume_unique=True, return_indices=True
            )
            self._rows[set_id] = places, by_id[found]

    def of(self, set_id: int) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
        """The places in the set of the hosts that have a row, and these rows.

        None: each host of the set has the row of its place, and there is no other row.
        """
        return self._rows[set_id]


def _names(connection: Connection, hosts: Collection[str] | None) -> Iterator[tuple[str, int]]:
    """The name and id of each known host; ``hosts``: of these alone."""
    table = layout.hosts.c
    query = select(table.name, table.id)
    if hosts is not None and len(hosts) <= _FEW_HOSTS:
        query = query.where(table.name.in_(hosts))
    wanted = None if hosts is None else set(hosts)
    for name, host_id in connection.execute(query):
        if wanted is None or name in wanted:
            yield name, host_id


class _Block:
    """A block that is being filled, a pack at a time."""

    def __init__(
        self, metric: str, rows: SetRows, times: Sequence[int], *, halves: bool = False
    ) -> None:
        self._metric = metric
        self._rows = rows
        self._times = np.array(times, np.int64)
        self._halves = halves
        # A pack fills one line of memory; the block shows the transpose.
        shape = (len(times), len(rows.names))
        self._values = np.full(shape, np.nan, np.float32)
        self._boots = np.full(shape, -1, np.int32)

    def fill(self, code: int, column: int, set_id: int, data: bytes) -> None:
        """Put the pack of a scan of that host set into its column."""
        mapped = self._rows.of(set_id)
        numbers, absent = unpack_array(
            data, self._rows.sizes[set_id], None if mapped is None else mapped[0]
        )
        is_boot = code == CODES[BOOT]
        line = self._boots[column] if is_boot else self._values[column]
        given = numbers / 2 if self._halves and not is_boot else numbers
        if mapped is None:
            here = True if absent is None else ~absent
            np.copyto(line, given, casting="unsafe", where=here)
            return
        present = slice(None) if absent is None else ~absent
        line[mapped[1][present]] = given[present]

    def finish(self) -> SeriesBlock:
        """The whole block."""
        return SeriesBlock(
            metric=self._metric,
            hosts=self._rows.names,
            times=self._times,
            values=self._values.T,
            boots=self._boots.T,
        )
