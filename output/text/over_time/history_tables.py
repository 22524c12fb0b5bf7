"""The tables of ``sockfleet history`` for people: scans, and one host over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from ....core.text import count_text
from ....history.host_series import HostSeries, Point
from ....history.store.maintenance.check import StoreCheck
from ....history.store.read import ScanRow
from ...formats import RenderOptions
from ..columns import Cell, Column, columns_that_fit, format_lines
from ..style import TextStyle, format_memory

__all__ = ["check_report", "host_table", "scan_table"]

_ID_LENGTH = 8
_SHOWN_TIME = "%Y-%m-%d %H:%M:%S"


def scan_table(store: str, rows: Sequence[ScanRow], options: RenderOptions) -> bytes:
    """A row for each scan, and where and in which time zone they are."""
    style = TextStyle(options)
    if not rows:
        return style.encode(style.wrap(f"No scan in {store} is of that time and fleet.") + "\n")
    fleets = len({row.fleet for row in rows})
    columns = [
        Column(title="ID", cells=[Cell(row.id[:_ID_LENGTH]) for row in rows], is_text=True),
        Column(title="STARTED", cells=[Cell(_local(row.started_at)) for row in rows], is_text=True),
        Column(title="TOOK", cells=[Cell(f"{row.duration_s:.1f} s") for row in rows], leave_out=2),
        Column(title="READ", cells=[Cell(str(row.hosts_read)) for row in rows]),
        Column(title="FAILED", cells=[_failed(row) for row in rows]),
        Column(title="TCP_CLOSE", cells=[Cell(_number(row.tcp_close)) for row in rows]),
    ]
    if fleets > 1:
        cells = [Cell(row.fleet) for row in rows]
        columns.append(Column(title="FLEET", cells=cells, is_text=True, leave_out=1))
    notes = [_note(row) for row in rows]
    if any(notes):
        columns.append(
            Column(title="NOTE", cells=[Cell(note, "dim") for note in notes], is_text=True)
        )
    shown = columns_that_fit(columns, style)
    lines = [*format_lines(shown, style, rule_before=None), ""]
    zone = _zone([row.started_at for row in rows])
    lines.append(style.wrap(f"{count_text(len(rows), 'scan')} of {store}, newest first; {zone}."))
    return style.encode("\n".join(lines) + "\n")


def host_table(series: HostSeries, options: RenderOptions) -> bytes:
    """A row for each interval of a host's series: its number and how it changed."""
    style = TextStyle(options)
    if not series.points:
        text = f"{series.host} has no reading of {series.metric} in this time."
        return style.encode(style.wrap(text) + "\n")
    moments = [datetime.fromtimestamp(point.time, UTC) for point in series.points]
    changes = [None, *(_change(before, after) for before, after in pairwise(series.points))]
    columns = [
        Column(title="TIME", cells=[Cell(_local(moment)) for moment in moments], is_text=True),
        Column(
            title=series.metric.upper(),
            cells=[Cell(_number(point.value)) for point in series.points],
        ),
        Column(title="CHANGE", cells=[Cell(_signed(change)) for change in changes]),
    ]
    if any(point.samples > 1 for point in series.points):
        cells = [Cell(str(point.samples)) for point in series.points]
        columns.append(Column(title="READINGS", cells=cells, leave_out=1))
    if any(point.rebooted for point in series.points):
        cells = [Cell("rebooted" if point.rebooted else "") for point in series.points]
        columns.append(Column(title="NOTE", cells=cells, is_text=True))
    lines = [*format_lines(columns_that_fit(columns, style), style, rule_before=None), ""]
    what = "medians of the intervals" if series.every_s else "readings"
    lines.append(style.wrap(f"{series.metric} of {series.host}, {what}; {_zone(moments)}."))
    return style.encode("\n".join(lines) + "\n")


def check_report(store: str, found: StoreCheck, options: RenderOptions) -> bytes:
    """Whether a store is whole, what it holds, and the size of each part."""
    style = TextStyle(options)
    state = "is damaged" if found.problems else "is whole"
    lines = [style.wrap(f"{store} {state}: layout {found.layout}, {found.journal}.")]
    held = f"{count_text(found.scans, 'scan')} of {count_text(found.hosts, 'host')}"
    if found.first is not None and found.last is not None:
        zone = _zone([found.first, found.last])
        held += f", {_local(found.first)} to {_local(found.last)}; {zone}"
    lines.append(style.wrap(f"{held}."))
    width = max(map(len, found.sizes), default=0)
    lines += [f"  {part:<{width}}  {format_memory(size)}" for part, size in found.sizes.items()]
    return style.encode("\n".join(lines) + "\n")


def _change(before: Point, after: Point) -> float | None:
    if before.value is None or after.value is None:
        return None
    return after.value - before.value


def _signed(change: float | None) -> str:
    return "" if not change else f"{change:+g}"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():{_SHOWN_TIME}}"


def _zone(moments: Sequence[datetime]) -> str:
    names = dict.fromkeys(f"{moment.astimezone():%Z (UTC%z)}" for moment in moments)
    names = {name.removesuffix(" (UTC+0000)"): None for name in names}
    return f"times are {' and '.join(names)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"


def _failed(row: ScanRow) -> Cell:
    return Cell(str(row.hosts_failed), "red" if row.hosts_failed else "")


def _note(row: ScanRow) -> str:
    return ", ".join(_notes(row))


def _notes(row: ScanRow) -> Iterator[str]:
    if not row.complete:
        yield "ended early"
    if row.round is not None:
        yield f"round {row.round}"
    if row.shards is not None:
        yield f"shard {row.shards}"
    if row.merged_into is not None:
        yield f"in {row.merged_into[:_ID_LENGTH]}"
