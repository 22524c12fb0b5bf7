"""What a store keeps, and for how long: by age and by size, a day at a time.

Details go first, then the numbers of each scan, which the hours sum up, then the hours, which the
days sum up; the days stay. A day of scans is rolled up in the transaction that drops it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from ....core.record import record
from ...moments import format_duration, parse_duration, parse_size
from .. import layout
from ..database.bulk import upsert_rows
from ..database.connection import Store
from .rollup import DAY_S, next_pending, roll_up_day, roll_up_hour, watermark
from .size import live_bytes, release_space

__all__ = [
    "Limits",
    "Pruned",
    "maintain",
    "prune",
    "raw_since",
    "read_limits",
    "remember_limits",
]

AFTER_SAVE_S = 2.0
"""The most time that a save takes for this."""
_DAY_MS = DAY_S * 1000
_DAY_OF_SCANS = 288
"""Details that go in one transaction."""


@record
class Limits:
    """How long a store keeps what it has."""

    keep: timedelta = timedelta(days=30)
    """The numbers and failures of each scan."""
    keep_details: timedelta = timedelta(days=2)
    """Its whole document: namespaces, processes, and everything else."""
    keep_hourly: timedelta = timedelta(days=90)
    max_size: int | None = None
    """Bytes; the oldest scans go first, then the oldest hours. None: no limit."""


@record
class Pruned:
    """What a prune dropped, or would drop."""

    details: int
    """Scans that lost their details alone."""
    scans: int
    hours: int
    """Hours of which the numbers went; those of their days stay."""
    bytes_before: int
    bytes_after: int
    is_done: bool
    """False where its time was over first."""


def read_limits(store: Store) -> Limits:
    """The limits that were chosen for this store, else the usual ones."""
    with store.read() as connection:
        rows = connection.execute(select(layout.settings)).all()
    found = {row.name: row.value for row in rows}
    usual = Limits()

    def span(name: str) -> timedelta:
        value = found.get(name)
        default: timedelta = getattr(usual, name)
        return default if value is None else parse_duration(value)

    size = found.get("max_size")
    return Limits(
        keep=span("keep"),
        keep_details=span("keep_details"),
        keep_hourly=span("keep_hourly"),
        max_size=None if size is None else parse_size(size),
    )


def raw_since(store: Store) -> datetime:
    """The time from which on no scan was pruned; before it, the hours have the numbers."""
    with store.read() as connection:
        return datetime.fromtimestamp(watermark(connection, "raw"), UTC)


def remember_limits(store: Store, limits: Limits) -> None:
    """Use these limits in this store from now on."""
    rows = [
        (name, format_duration(getattr(limits, name)))
        for name in ("keep", "keep_details", "keep_hourly")
    ]
    with store.write() as connection:
        connection.execute(delete(layout.settings).where(layout.settings.c.name == "max_size"))
        if limits.max_size is not None:
            rows.append(("max_size", str(limits.max_size)))
        upsert_rows(connection, layout.settings, ["name", "value"], rows, changed=["value"])


def maintain(store: Store, now: datetime, *, most_s: float | None = AFTER_SAVE_S) -> bool:
    """Roll up what is over and prune by the store's limits; returns whether all is done.

    Each step is one transaction, and none begins after ``most_s``. Age counts from the second
    newest scan, if that is older than ``now``: one scan under a wrong clock drops nothing.
    """
    clock = _Clock(most_s)
    if not _roll_up(store, now.timestamp(), clock):
        return False
    with store.read() as connection:
        query = select(layout.scans.c.started_ms).order_by(layout.scans.c.started_ms.desc())
        newest = connection.scalars(query.offset(1).limit(1)).first()
    if newest is None:
        return True
    until = min(now, datetime.fromtimestamp(newest / 1000, now.tzinfo))
    return _prune(store, read_limits(store), until, clock, _Count()).is_done


def prune(
    store: Store,
    limits: Limits,
    now: datetime,
    *,
    dry_run: bool = False,
    most_s: float | None = None,
) -> Pruned:
    """Drop what these limits leave no room for; everything that is over is rolled up first."""
    if dry_run:
        return _count(store, limits, now)
    clock = _Clock(most_s)
    _roll_up(store, now.timestamp(), clock)
    pruned = _prune(store, limits, now, clock, _Count())
    release_space(store, everything=True)
    return pruned


class _Clock:
    """The time that is left."""

    def __init__(self, most_s: float | None) -> None:
        self._end = None if most_s is None else time.monotonic() + most_s

    @property
    def is_over(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end


class _Count:
    """What went so far."""

    details = scans = hours = 0


def _roll_up(store: Store, now: float, clock: _Clock) -> bool:
    for table, roll_up in (
        (layout.pending_hours, roll_up_hour),
        (layout.pending_days, roll_up_day),
    ):
        while True:
            with store.read() as connection:
                if next_pending(connection, table, now) is None:
                    break
            if clock.is_over:
                return False
            with store.write() as connection:
                # Another process may have done it meanwhile.
                begin = next_pending(connection, table, now)
                if begin is not None:
                    roll_up(connection, begin)
    return True


def _prune(store: Store, limits: Limits, now: datetime, clock: _Clock, count: _Count) -> Pruned:
    before = live_bytes(store)
    is_done = all(step(store, limits, now, clock, count) for step in _STEPS)
    if count.details or count.scans or count.hours:
        with store.write() as connection:
            _drop_unused(connection)
        release_space(store)
    return Pruned(
        details=count.details,
        scans=count.scans,
        hours=count.hours,
        bytes_before=before,
        bytes_after=live_bytes(store),
        is_done=is_done,
    )


def _prune_details(
    store: Store, limits: Limits, now: datetime, clock: _Clock, count: _Count
) -> bool:
    before_ms = _ms(now - limits.keep_details)
    scan, detail = layout.scans.c, layout.details.c
    old = (
        select(detail.scan_id)
        .join(layout.scans, scan.id == detail.scan_id)
        .where(scan.started_ms < before_ms)
        .order_by(scan.started_ms)
        .limit(_DAY_OF_SCANS)
    )
    while True:
        with store.read() as connection:
            ids = list(connection.scalars(old))
        if not ids:
            return True
        if clock.is_over:
            return False
        with store.write() as connection:
            connection.execute(delete(layout.details).where(detail.scan_id.in_(ids)))
        count.details += len(ids)


def _prune_scans(store: Store, limits: Limits, now: datetime, clock: _Clock, count: _Count) -> bool:
    before_ms = _ms(now - limits.keep)
    while (first := _first(store, before_ms)) is not None:
        if clock.is_over:
            return False
        count.scans += _drop_day(store, first, before_ms)
    return True


def _prune_hours(store: Store, limits: Limits, now: datetime, clock: _Clock, count: _Count) -> bool:
    before = int((now - limits.keep_hourly).timestamp())
    while (first := _first_hour(store, before)) is not None:
        if clock.is_over:
            return False
        count.hours += _drop_hours(store, first, before)
    return True


def _prune_to_size(
    store: Store, limits: Limits, now: datetime, clock: _Clock, count: _Count
) -> bool:
    """Drop the oldest day of scans, then of hours, until the rest fits."""
    if limits.max_size is None:
        return True
    end_ms, end = _ms(now), int(now.timestamp())
    while live_bytes(store) > limits.max_size:
        if clock.is_over:
            return False
        if (first := _first(store, end_ms)) is not None:
            count.scans += _drop_day(store, first, end_ms)
        elif (hour := _first_hour(store, end)) is not None:
            count.hours += _drop_hours(store, hour, end)
        else:
            break  # the days, which stay
    return True


_STEPS: tuple[Callable[[Store, Limits, datetime, _Clock, _Count], bool], ...] = (
    _prune_scans,
    _prune_details,
    _prune_hours,
    _prune_to_size,
)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _first(store: Store, before_ms: int) -> int | None:
    """When the oldest scan began, if that is before; else None."""
    table = layout.scans.c
    with store.read() as connection:
        found = connection.scalar(
            select(func.min(table.started_ms)).where(table.started_ms < before_ms)
        )
    return None if found is None else int(found)


def _drop_day(store: Store, first_ms: int, before_ms: int) -> int:
    """Drop the scans of the day of ``first_ms`` that began before; returns how many."""
    end_ms = min(first_ms // _DAY_MS * _DAY_MS + _DAY_MS, before_ms)
    scan = layout.scans.c
    with store.write() as connection:
        for hour in _pending_until(connection, end_ms // 1000):
            roll_up_hour(connection, hour)
        ids = select(scan.id).where(scan.started_ms < end_ms)
        for table in (layout.packs, layout.namespace_packs, layout.details, layout.failures):
            connection.execute(delete(table).where(table.c.scan_id.in_(ids)))
        dropped = connection.execute(delete(layout.scans).where(scan.started_ms < end_ms)).rowcount
        _set_watermark(connection, "raw", -(-end_ms // 1000))
    return dropped


def _pending_until(connection: Connection, end: int) -> Iterator[int]:
    column = layout.pending_hours.c.hour
    yield from connection.scalars(select(column).where(column < end).order_by(column)).all()


def _first_hour(store: Store, before: int) -> int | None:
    column = layout.hourly_packs.c.hour
    with store.read() as connection:
        found = connection.scalar(select(func.min(column)).where(column < before))
    return None if found is None else int(found)


def _drop_hours(store: Store, first: int, before: int) -> int:
    end = min(first // DAY_S * DAY_S + DAY_S, before)
    with store.write() as connection:
        for day in connection.scalars(
            select(layout.pending_days.c.day).where(layout.pending_days.c.day < end)
        ).all():
            roll_up_day(connection, day)
        column = layout.hourly_packs.c.hour
        hours = connection.scalar(select(func.count(func.distinct(column))).where(column < end))
        for table in (layout.hourly_packs, layout.hourly):
            connection.execute(delete(table).where(table.c.hour < end))
        _set_watermark(connection, "hourly", end)
    return int(hours or 0)


def _set_watermark(connection: Connection, name: str, until: int) -> None:
    latest = max(until, watermark(connection, name))
    row = (f"pruned_{name}", str(latest))
    upsert_rows(connection, layout.settings, ["name", "value"], [row], changed=["value"])


def _drop_unused(connection: Connection) -> None:
    """Drop sets, selections, parts of merged scans and namespaces that nothing refers to."""
    used = select(layout.scans.c.host_set_id).union(select(layout.hourly_packs.c.host_set_id))
    connection.execute(delete(layout.host_sets).where(layout.host_sets.c.id.not_in(used)))
    named = layout.namespace_sets.c.id
    packed = select(layout.namespace_packs.c.namespace_set_id)
    connection.execute(delete(layout.namespace_sets).where(named.not_in(packed)))
    # The scans that had these are all dropped, so that their ids may be given again.
    dropped_ms = 1000 * watermark(connection, "raw")
    connection.execute(delete(layout.namespaces).where(layout.namespaces.c.seen_ms < dropped_ms))
    fleets = select(layout.scans.c.fleet_id)
    connection.execute(delete(layout.fleets).where(layout.fleets.c.id.not_in(fleets)))
    whole = select(layout.scans.c.uid)
    connection.execute(delete(layout.merged).where(layout.merged.c.merged_into.not_in(whole)))


def _count(store: Store, limits: Limits, now: datetime) -> Pruned:
    """What a prune by age would drop; how much the size asks for shows only while it is done."""
    scan, detail, hour = layout.scans.c, layout.details.c, layout.hourly_packs.c.hour
    details_ms, scans_ms = _ms(now - limits.keep_details), _ms(now - limits.keep)
    size = live_bytes(store)
    with store.read() as connection:
        details = connection.scalar(
            select(func.count())
            .select_from(layout.details.join(layout.scans, scan.id == detail.scan_id))
            .where(scan.started_ms < details_ms, scan.started_ms >= scans_ms)
        )
        scans = connection.scalar(
            select(func.count()).select_from(layout.scans).where(scan.started_ms < scans_ms)
        )
        before = int((now - limits.keep_hourly).timestamp())
        hours = connection.scalar(select(func.count(func.distinct(hour))).where(hour < before))
    return Pruned(
        details=int(details or 0),
        scans=int(scans or 0),
        hours=int(hours or 0),
        bytes_before=size,
        bytes_after=size,
        is_done=False,
    )
