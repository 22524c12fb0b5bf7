"""A report for a terminal: who leaks, and what else changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from ....core.text import count_text, escape
from ....history.report.model import Course, FleetReport, HostLine, Leak
from ...formats import RenderOptions
from ...report_lists import list_changes
from ...report_sentences import (
    format_change,
    format_count,
    format_forecast,
    format_period,
    format_rate,
    format_time,
    is_too_early,
    verdict,
    verdict_details,
)
from ..columns import Cell, Column, columns_that_fit, format_lines
from ..style import GREW, TextStyle
from .sparkline import sparkline

__all__ = ["render_text"]

_TOP = 10
_LISTED = 5
_COURSE_WIDTH, _COURSE_WIDTH_WIDE = 16, 32
_WIDE = 100
_INDENT = "  "


def render_text(report: FleetReport, options: RenderOptions) -> bytes:
    """Return the report in lines that fit the terminal."""
    style = TextStyle(options)
    return style.encode("\n".join(_lines(report, style)) + "\n")


def _lines(report: FleetReport, style: TextStyle) -> Iterator[str]:
    emphasis, rest = verdict(report)
    if report.is_made:
        yield style.wrap("A demonstration: all scans before the last one are made up.")
    first, *others = style.wrap(emphasis + rest).split("\n")
    if first.startswith(emphasis):
        colour = "bold red" if report.leaks else "bold green"
        first = style.render(emphasis, colour) + style.render(first[len(emphasis) :], "bold")
    yield "\n".join([first, *(style.render(line, "bold") for line in others)])
    yield style.wrap(verdict_details(report))
    yield from _tables(report, style)
    lists = list(list_changes(report, _LISTED))
    if lists:
        yield ""
    for each in lists:
        yield style.wrap(f"{each.title}: {each}", rest=_INDENT)
    yield ""
    yield style.render(style.wrap(_sources(report)), "dim")
    if report.leaks and report.leaks[0].next is not None:
        # On a line of its own, however long: it is there to be copied.
        yield style.convert(escape(report.leaks[0].next))


def _tables(report: FleetReport, style: TextStyle) -> Iterator[str]:
    most = style.options.top or _TOP
    if report.leaks:
        yield ""
        yield from _table(_leak_columns(report.leaks[:most], style), style)
        if len(report.leaks) > most:
            yield style.render(style.convert(f"{len(report.leaks) - most} more."), "dim")
    elif is_too_early(report) and (growers := _growers(report, most)):
        yield ""
        yield from _table(_grower_columns(growers, report, style), style)
    if report.group_by is not None:
        yield ""
        yield from _table(_group_columns(report, most, style), style)
        if len(report.groups) > most:
            yield style.render(style.convert(f"{len(report.groups) - most:,} more."), "dim")


def _table(columns: Sequence[Column], style: TextStyle) -> Iterator[str]:
    yield from format_lines(columns_that_fit(columns, style), style, rule_before=None)


def _leak_columns(leaks: Sequence[Leak], style: TextStyle) -> list[Column]:
    columns = [
        Column(title="HOST", cells=[Cell(escape(leak.host)) for leak in leaks], is_text=True),
        Column(title="TCP_CLOSE", cells=[Cell(format_count(leak.now)) for leak in leaks]),
        Column(
            title="PER HOUR",
            cells=[Cell(style.convert(format_rate(leak.rate)), GREW) for leak in leaks],
        ),
        Column(title="SINCE", cells=[Cell(_since(leak)) for leak in leaks], is_text=True),
    ]
    if any(leak.forecast is not None for leak in leaks):
        cells = [Cell(_limit(leak)) for leak in leaks]
        columns.append(Column(title="AT LIMIT", cells=cells, is_text=True))
    if any(not leak.is_new for leak in leaks):
        cells = [Cell("new" if leak.is_new else "") for leak in leaks]
        columns.append(Column(title="NEW", cells=cells, is_text=True, leave_out=2))
    columns.append(_courses([leak.course for leak in leaks], style))
    return columns


def _courses(courses: Sequence[Course], style: TextStyle) -> Column:
    is_ascii = style.options.ascii
    is_wide = (style.options.width or 0) >= _WIDE
    width = _COURSE_WIDTH_WIDE if is_wide else _COURSE_WIDTH
    shown = [Cell(sparkline(each, width, ascii_only=is_ascii), "dim") for each in courses]
    return Column(title="COURSE", cells=shown, is_text=True, leave_out=1)


def _growers(report: FleetReport, most: int) -> list[HostLine]:
    """The hosts that grew the most, of a fleet whose scans are too few for trends."""
    growing = [line for line in report.lines if (line.change or 0) >= 1]
    return sorted(growing, key=lambda line: -(line.change or 0))[: min(most, _LISTED)]


def _grower_columns(
    lines: Sequence[HostLine], report: FleetReport, style: TextStyle
) -> list[Column]:
    since = f"SINCE {format_time(report.against).upper()}"
    return [
        Column(title="HOST", cells=[Cell(escape(line.name)) for line in lines], is_text=True),
        Column(title="TCP_CLOSE", cells=[Cell(format_count(line.tcp_close)) for line in lines]),
        Column(
            title=since, cells=[Cell(style.convert(format_change(line.change))) for line in lines]
        ),
        _courses([line.course for line in lines], style),
    ]


def _group_columns(report: FleetReport, most: int, style: TextStyle) -> list[Column]:
    groups = report.groups[:most]
    names = [Cell(escape(group.name)) for group in groups]
    changes = [Cell(style.convert(format_change(group.change))) for group in groups]
    return [
        Column(title=escape(report.group_by or "").upper(), cells=names, is_text=True),
        Column(title="HOSTS", cells=[Cell(format_count(group.hosts)) for group in groups]),
        Column(title="TCP_CLOSE", cells=[Cell(format_count(group.tcp_close)) for group in groups]),
        Column(title=f"SINCE {format_time(report.against).upper()}", cells=changes),
        Column(title="LEAKS", cells=[Cell(format_count(group.leaks)) for group in groups]),
        _courses([group.course for group in groups], style),
    ]


def _since(leak: Leak) -> str:
    return format_time(leak.since) or "before"


def _limit(leak: Leak) -> str:
    return "" if leak.forecast is None else format_forecast(leak.forecast)


def _sources(report: FleetReport) -> str:
    missing = f", {report.missing_scans:,} missing" if report.missing_scans else ""
    zone = time.strftime("%Z", time.localtime(report.until))
    scans = count_text(report.scans, "scan")
    return (
        f"{escape(report.title)}: {scans} from {format_period(report)}{missing}; "
        f"{report.hosts_read:,} of {count_text(report.hosts, 'host')} read. Times are {zone}."
    )
