"""The tables of the ranked hosts and of the groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from ...aggregator.diagnosis import Word
from ...aggregator.fleet import FleetSummary, GroupSummary
from ...aggregator.host import HostSummary
from ...aggregator.numbers import TCP_NUMBERS, TcpNumbers
from ...core.record import record
from .changes import change_style, change_text, has_rates, rate_text
from .columns import EXTRA, Cell, Column, columns_that_fit, format_lines
from .findings import has_finding
from .memory import memory_unit
from .style import SEVERITY_STYLES, TextStyle

__all__ = ["group_table", "has_bounds", "host_table"]

_GROUPS = "GROUPS"
_GROUPS_FROM_WIDTH = 120

_Value: TypeAlias = int | str | None


@record
class _HostColumn:
    """One column of the host table: its value for a host and for the whole fleet."""

    title: str
    key: str
    """The sort key that the column shows."""
    value: Callable[[HostSummary], _Value]
    total: Callable[[FleetSummary], _Value] = lambda _: None
    leave_out: int = 0
    cell_style: Callable[[HostSummary], str] = lambda _: ""


def _tcp(name: str, *, leave_out: int = 0) -> _HostColumn:
    return _HostColumn(
        title=name.upper(),
        key=name,
        value=lambda host: getattr(host.tcp, name),
        total=lambda summary: getattr(summary.fleet.totals, name),
        leave_out=leave_out,
    )


def _in_use(tcp: TcpNumbers | None) -> int | None:
    """The sum of IPv4 and IPv6; None where either count is missing.

    Without IPv6 its count is 0. A missing count differs from that: it leaves the derived numbers
    unknown.
    """
    if tcp is None or tcp.inuse is None:
        return None
    if tcp.inuse6 is None and tcp.tcp_close is None and tcp.closed is None:
        return None
    return tcp.inuse + (tcp.inuse6 or 0)


def has_bounds(summary: FleetSummary) -> bool:
    """Whether any ``tcp_close`` of the scan is shown as an upper bound."""
    return any(map(_has_bound, summary.hosts))


def _has_bound(host: HostSummary) -> bool:
    return host.is_bound and host.tcp is not None and (host.tcp.tcp_close or 0) > 0


def _format_value(value: _Value, style: TextStyle) -> str:
    """An absent number is empty; 0 is a dot at a terminal, so that the others stand out."""
    if value is None or isinstance(value, str):
        return style.convert(value or "")
    if value == 0 and style.options.is_terminal and not style.options.ascii:
        return "·"
    return style.number(value)


def _format_held(tcp: TcpNumbers | None, style: TextStyle, *, is_bound: bool) -> str:
    """tcp_close, marked where it is a bound; a bound of 0 is exact."""
    value = None if tcp is None else tcp.tcp_close
    sign = "≤" if is_bound and value is not None and value > 0 else ""
    return style.convert(sign) + _format_value(value, style)


_USUAL_COLUMNS = (
    _tcp("closed"),
    _tcp("tw", leave_out=4),
    _HostColumn(
        title="INUSE4+6",
        key="",
        value=lambda host: _in_use(host.tcp),
        total=lambda summary: _in_use(summary.fleet.totals),
        leave_out=5,
    ),
    _tcp("orphan", leave_out=7),
    _tcp("alloc", leave_out=3),
)
_SHOWN = ("tcp_close", "mem_pages", *(column.key for column in _USUAL_COLUMNS))
_ONLY_WHEN_SORTED_BY = {
    **{name: _tcp(name) for name in TCP_NUMBERS if name not in _SHOWN},
    "sockets_used": _HostColumn(
        title="SOCKETS", key="sockets_used", value=lambda host: host.sockets_used
    ),
    "elapsed_s": _HostColumn(
        title="ELAPSED_S", key="elapsed_s", value=lambda host: f"{host.elapsed_s:.3f}"
    ),
}
_COLUMN_OF: Mapping[str, str] = {
    Word.MEM_HIGH: "mem_pages",
    Word.MEM_PRESSURE: "mem_pages",
    Word.ORPHANS: "orphan",
    Word.CONTAINER_HELD: "tcp_close",
    Word.HELD_CLOSED: "tcp_close",
}
"""The column whose number led to each word."""


def host_table(
    summary: FleetSummary, shown: Sequence[HostSummary], style: TextStyle, *, with_total: bool
) -> tuple[list[str], list[str]]:
    """Return the lines of these hosts and their total, and the titles of the left out columns."""
    if not shown:
        return [], []
    columns = list(_host_columns(summary, shown, style, with_total=with_total))
    kept = columns_that_fit(columns, style)
    lines = format_lines(kept, style, rule_before=len(shown) if with_total else None)
    titles = [one.title for one in columns if one not in kept and one.title != _GROUPS]
    return list(lines), titles


def _host_columns(
    summary: FleetSummary, shown: Sequence[HostSummary], style: TextStyle, *, with_total: bool
) -> Iterator[Column]:
    sort = summary.scan.sort
    found = {_COLUMN_OF.get(host.diagnosis[0].word) for host in shown if has_finding(host)}

    def column(
        title: str,
        text: Callable[[HostSummary], str],
        total: str = "",
        *,
        key: str = "",
        leave_out: int = 0,
        cell_style: Callable[[HostSummary], str] = lambda _: "",
        is_text: bool = False,
    ) -> Column:
        cells = [
            Cell(text(host), cell_style(host) or _finding_style(host, key) or _row_style(host))
            for host in shown
        ]
        if with_total:
            cells.append(Cell(style.convert(total), "bold"))
        is_key = key == sort
        return Column(
            title=title + (style.convert("▼") if is_key else ""),
            cells=cells,
            leave_out=0 if is_key or key in found else leave_out,
            is_text=is_text,
        )

    yield column("HOST", lambda host: style.convert(host.name), "TOTAL", key="name", is_text=True)
    if sort in _ONLY_WHEN_SORTED_BY:
        yield _number_column(_ONLY_WHEN_SORTED_BY[sort], column, summary, style)
    bounds = has_bounds(summary)
    yield column(
        "TCP_CLOSE",
        lambda host: _format_held(host.tcp, style, is_bound=host.is_bound),
        _format_held(summary.fleet.totals, style, is_bound=bounds),
        key="tcp_close",
    )
    for each in (
        *_change_columns(summary, style),
        *_USUAL_COLUMNS,
        _memory_column(summary, shown),
    ):
        yield _number_column(each, column, summary, style)
    yield column(
        "DIAGNOSIS",
        lambda host: style.convert(host.diagnosis[0].word) if host.diagnosis else "",
        key="diagnosis",
        leave_out=2,
        is_text=True,
    )
    if (style.options.width or 0) >= _GROUPS_FROM_WIDTH and any(host.groups for host in shown):
        yield column(
            _GROUPS,
            lambda host: style.convert(",".join(host.groups)),
            leave_out=EXTRA,
            cell_style=lambda _: "dim",
            is_text=True,
        )


def _number_column(
    each: _HostColumn, column: Callable[..., Column], summary: FleetSummary, style: TextStyle
) -> Column:
    return column(
        each.title,
        lambda host: _format_value(each.value(host), style),
        _format_value(each.total(summary), style),
        key=each.key,
        leave_out=each.leave_out,
        cell_style=each.cell_style,
    )


def _change_columns(summary: FleetSummary, style: TextStyle) -> Iterator[_HostColumn]:
    """Only for a scan that was compared with an earlier one."""
    if summary.fleet.change is None:
        return
    change = _HostColumn(
        title="CHANGE",
        key="change",
        value=lambda host: change_text(host.change, style),
        total=lambda summary: change_text(summary.fleet.change, style),
        cell_style=lambda host: change_style(host.change),
        leave_out=1,
    )
    yield change
    if has_rates(summary.fleet.change):
        yield replace(
            change,
            title="PER_HOUR",
            value=lambda host: rate_text(host.change, style),
            total=lambda summary: rate_text(summary.fleet.change, style),
            leave_out=3,
        )


def _memory_column(summary: FleetSummary, shown: Sequence[HostSummary]) -> _HostColumn:
    """The memory in one unit, that of the largest host; the total is that of known page sizes."""
    sizes = [host.mem_bytes for host in summary.hosts if host.mem_bytes is not None]
    total = sum(sizes) if sizes else None
    unit = memory_unit(host.mem_bytes for host in shown)
    return _HostColumn(
        title=unit.title,
        key="mem_pages",
        value=lambda host: unit.format(
            host.mem_bytes, None if host.tcp is None else host.tcp.mem_pages
        ),
        total=lambda _: unit.format(total, None),
        leave_out=6,
    )


def _finding_style(host: HostSummary, key: str) -> str:
    """The colour of the severity, for the word and for the number that led to it."""
    if not host.diagnosis:
        return ""
    first = host.diagnosis[0]
    is_led_by = key in ("diagnosis", _COLUMN_OF.get(first.word))
    return SEVERITY_STYLES[first.severity] if is_led_by else ""


def _row_style(host: HostSummary) -> str:
    return "" if has_finding(host) or not host.diagnosis else "dim"


def group_table(summary: FleetSummary, style: TextStyle, *, most: int | None) -> Iterator[str]:
    """Yield the groups of ``--group-by``, those with the most closed sockets first."""
    if summary.scan.group_by is None or not summary.groups:
        return
    bounded = {level for host in summary.hosts if _has_bound(host) for level in host.levels or ()}
    every = sorted(
        summary.groups.items(), key=lambda item: (-(item[1].totals.tcp_close or 0), item[0])
    )
    groups = every[:most]

    def column(title: str, value: Callable[[GroupSummary], _Value], leave_out: int = 0) -> Column:
        cells = [Cell(_format_value(value(group), style)) for _, group in groups]
        return Column(title=title, cells=cells, leave_out=leave_out)

    def spread(name: str) -> Callable[[GroupSummary], _Value]:
        return lambda group: getattr(group.distribution["tcp_close"], name)

    columns = [
        Column(
            title=style.convert(f"GROUP ({summary.scan.group_by})"),
            cells=[Cell(style.convert(name)) for name, _ in groups],
            is_text=True,
        ),
        column("READ", lambda group: f"{group.hosts.ok}/{group.hosts.total}"),
        Column(
            title="TCP_CLOSE",
            cells=[
                Cell(_format_held(group.totals, style, is_bound=name in bounded))
                for name, group in groups
            ],
        ),
        column("MEDIAN", spread("p50"), 1),
        column("MAX", spread("max"), 2),
        column("CLOSED", lambda group: group.totals.closed, 3),
        column("TW", lambda group: group.totals.tw, 4),
        column("INUSE4+6", lambda group: _in_use(group.totals), 6),
        column("ALLOC", lambda group: group.totals.alloc, 5),
    ]
    yield from format_lines(columns_that_fit(columns, style), style, rule_before=None)
    if len(groups) < len(every):
        yield style.convert(f"… {len(every) - len(groups)} more groups (--all shows them)")
