"""The tables of the ranked hosts and of the groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...aggregator.diagnosis import Severity
from ...aggregator.fleet import FleetSummary, GroupSummary
from ...aggregator.host import HostSummary
from ...aggregator.numbers import TCP_NUMBERS, TcpNumbers
from ...core.record import record
from .changes import change_text, rate_text
from .columns import Cell, Column, columns_that_fit, format_lines
from .style import TextStyle, count_text, format_memory

__all__ = ["group_table", "has_bounds", "host_table"]

_AT_LEAST_NOTABLE = 100
_GROUPS = "GROUPS"
_GROUPS_FROM_WIDTH = 120


@record
class _HostColumn:
    """One column of the host table: its text for a host and for the whole fleet."""

    title: str
    key: str
    """The sort key that the column shows."""
    value: Callable[[HostSummary], str]
    total: Callable[[FleetSummary], str] = lambda _: ""
    leave_out: int = 0


def _number(value: float | None) -> str:
    return "" if value is None else str(value)


def _tcp(name: str, *, leave_out: int = 0) -> _HostColumn:
    return _HostColumn(
        title=name.upper(),
        key=name,
        value=lambda host: _number(getattr(host.tcp, name)),
        total=lambda summary: _number(getattr(summary.fleet.totals, name)),
        leave_out=leave_out,
    )


def _in_use(tcp: TcpNumbers | None) -> str:
    """The sum of IPv4 and IPv6; empty where either count is missing.

    Without IPv6 its count is 0. A missing count differs from that: it leaves the derived numbers
    unknown.
    """
    if tcp is None or tcp.inuse is None:
        return ""
    if tcp.inuse6 is None and tcp.tcp_close is None and tcp.closed is None:
        return ""
    return str(tcp.inuse + (tcp.inuse6 or 0))


def _memory(host: HostSummary) -> str:
    if host.tcp is None or host.tcp.mem_pages is None:
        return ""
    if host.mem_bytes is None:
        return count_text(host.tcp.mem_pages, "page")
    return format_memory(host.mem_bytes)


def _all_memory(summary: FleetSummary) -> str:
    """The sum over hosts with a known page size: pages of different sizes do not add up."""
    sizes = [host.mem_bytes for host in summary.hosts if host.mem_bytes is not None]
    return format_memory(sum(sizes)) if sizes else ""


def has_bounds(summary: FleetSummary) -> bool:
    """Whether any ``tcp_close`` of the scan is shown as an upper bound."""
    return any(map(_has_bound, summary.hosts))


def _has_bound(host: HostSummary) -> bool:
    return host.is_bound and host.tcp is not None and (host.tcp.tcp_close or 0) > 0


def _held(tcp: TcpNumbers | None, *, is_bound: bool) -> str:
    """tcp_close, marked where it is a bound; a bound of 0 is exact."""
    value = None if tcp is None else tcp.tcp_close
    return f"≤{value}" if is_bound and value is not None and value > 0 else _number(value)


_TCP_CLOSE = _HostColumn(
    title="TCP_CLOSE",
    key="tcp_close",
    value=lambda host: _held(host.tcp, is_bound=host.is_bound),
    total=lambda summary: _held(summary.fleet.totals, is_bound=has_bounds(summary)),
)
_COLUMNS = (
    _TCP_CLOSE,
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
    _HostColumn(title="MEM", key="mem_pages", value=_memory, total=_all_memory, leave_out=6),
)
# Only for a scan that was compared with an earlier one.
_CHANGES = (
    _HostColumn(
        title="CHANGE",
        key="",
        value=lambda host: change_text(host.change),
        total=lambda summary: change_text(summary.fleet.change),
        leave_out=1,
    ),
    _HostColumn(
        title="PER_HOUR",
        key="",
        value=lambda host: rate_text(host.change),
        total=lambda summary: rate_text(summary.fleet.change),
        leave_out=3,
    ),
)
_SEVERITY_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.WARNING: "yellow",
    Severity.NOTICE: "cyan",
    Severity.OK: "dim",
}
_SHOWN = [column.key for column in _COLUMNS]
_ONLY_WHEN_SORTED_BY = {
    **{name: _tcp(name) for name in TCP_NUMBERS if name not in _SHOWN},
    "sockets_used": _HostColumn(
        title="SOCKETS", key="sockets_used", value=lambda host: _number(host.sockets_used)
    ),
    "elapsed_s": _HostColumn(
        title="ELAPSED_S", key="elapsed_s", value=lambda host: f"{host.elapsed_s:.3f}"
    ),
}


def host_table(summary: FleetSummary, style: TextStyle) -> Iterator[str]:
    """Yield the hosts that were read, ranked, and their total."""
    read = [host for host in summary.hosts if host.tcp is not None]
    shown = read[: style.options.top]
    if not shown:
        return
    with_total = len(read) > 1
    columns = list(_host_columns(summary, shown, style, with_total=with_total))
    kept = columns_that_fit(columns, style)
    yield from format_lines(kept, style, rule_before=len(shown) if with_total else None)
    if len(shown) < len(read):
        more = f"… {len(read) - len(shown)} more, in the total too (--top {len(shown)})"
        yield style.convert(more)
    left_out = [one.title for one in columns if one not in kept and one.title != _GROUPS]
    if left_out:
        yield style.wrap(f"(too narrow for {', '.join(left_out)}; --format csv has all)")


def _host_columns(
    summary: FleetSummary, shown: Sequence[HostSummary], style: TextStyle, *, with_total: bool
) -> Iterator[Column]:
    sort = summary.scan.sort
    marks = _notable(summary)

    def column(
        title: str,
        values: Callable[[HostSummary], str],
        total: str = "",
        *,
        leave_out: int = 0,
        is_key: bool = False,
        cell_style: Callable[[HostSummary], str] = lambda _: "",
        is_text: bool = False,
    ) -> Column:
        cells = [Cell(style.convert(values(host)), cell_style(host)) for host in shown]
        if with_total:
            cells.append(Cell(style.convert(total), "bold"))
        return Column(
            title=title + (style.convert("▼") if is_key else ""),
            cells=cells,
            leave_out=0 if is_key else leave_out,
            is_text=is_text,
        )

    yield column("HOST", lambda host: host.name, "TOTAL", is_key=sort == "name", is_text=True)
    extra = _ONLY_WHEN_SORTED_BY.get(sort)
    changes = () if summary.fleet.change is None else _CHANGES
    for each in (*([extra] if extra else ()), _TCP_CLOSE, *changes, *_COLUMNS[1:]):
        yield column(
            each.title,
            each.value,
            each.total(summary),
            leave_out=each.leave_out,
            is_key=each.key == sort,
            cell_style=marks if each is _TCP_CLOSE else lambda _: "",
        )
    yield column(
        "DIAGNOSIS",
        lambda host: host.diagnosis[0].word if host.diagnosis else "",
        leave_out=2,
        cell_style=_diagnosis_style,
        is_text=True,
    )
    if (style.options.width or 0) >= _GROUPS_FROM_WIDTH and any(host.groups for host in shown):
        yield column(
            _GROUPS,
            lambda host: ",".join(host.groups),
            leave_out=9,
            cell_style=lambda _: "dim",
            is_text=True,
        )


def _diagnosis_style(host: HostSummary) -> str:
    return _SEVERITY_STYLES[host.diagnosis[0].severity] if host.diagnosis else ""


def _notable(summary: FleetSummary) -> Callable[[HostSummary], str]:
    """Style a tcp_close far above the fleet's median; a leak raises the mean."""
    usual = summary.fleet.distribution["tcp_close"].p50 or 0

    def cell_style(host: HostSummary) -> str:
        value = None if host.tcp is None else host.tcp.tcp_close
        if value is None or value < _AT_LEAST_NOTABLE or value < 3 * usual:
            return ""
        return "bold red" if value >= 10 * usual else "yellow"

    return cell_style


def group_table(summary: FleetSummary, style: TextStyle) -> Iterator[str]:
    """Yield the groups of ``--group-by``, those with the most closed sockets first."""
    if summary.scan.group_by is None or not summary.groups:
        return
    bounded = {level for host in summary.hosts if _has_bound(host) for level in host.levels or ()}
    groups = sorted(
        summary.groups.items(), key=lambda item: (-(item[1].totals.tcp_close or 0), item[0])
    )

    def column(title: str, value: Callable[[GroupSummary], str], leave_out: int = 0) -> Column:
        cells = [Cell(style.convert(value(group))) for _, group in groups]
        return Column(title=title, cells=cells, leave_out=leave_out)

    def spread(name: str) -> Callable[[GroupSummary], str]:
        return lambda group: _number(getattr(group.distribution["tcp_close"], name))

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
                Cell(style.convert(_held(group.totals, is_bound=name in bounded)))
                for name, group in groups
            ],
        ),
        column("MEDIAN", spread("p50"), 1),
        column("MAX", spread("max"), 2),
        column("CLOSED", lambda group: _number(group.totals.closed), 3),
        column("TW", lambda group: _number(group.totals.tw), 4),
        column("INUSE4+6", lambda group: _in_use(group.totals), 6),
        column("ALLOC", lambda group: _number(group.totals.alloc), 5),
    ]
    yield from format_lines(columns_that_fit(columns, style), style, rule_before=None)
