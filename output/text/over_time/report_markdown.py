"""A report as Markdown, for tickets and chats."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ....core.text import escape
from ....history.report.model import Course, FleetReport
from ...report_lists import list_changes
from ...report_sentences import (
    format_change,
    format_count,
    format_forecast,
    format_period,
    format_rate,
    format_time,
    verdict,
    verdict_details,
)
from .sparkline import sparkline

__all__ = ["render_markdown"]

_MOST_ROWS = 20
_MOST_LISTED = 10
_COURSE_WIDTH = 16
_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
_BLOCK = re.compile(r"^(?=[-+#=]|\d+[.)])")
"""What begins a list, a title or a rule at the begin of a line."""
# Where Markdown is shown, HTML and mentions of people count too.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "://": "&#58;//"}


def render_markdown(report: FleetReport) -> bytes:
    """Return the report; no name in it is read as Markdown or HTML."""
    return ("\n".join(_lines(report)) + "\n").encode()


def _lines(report: FleetReport) -> Iterator[str]:
    emphasis, rest = verdict(report)
    yield f"## {escape_markdown(emphasis + rest)}"
    yield ""
    if report.is_made:
        yield "A demonstration: all scans before the last one are made up."
        yield ""
    yield escape_markdown(verdict_details(report))
    yield ""
    if report.leaks:
        yield from _row(["Host", "Held closed", "Per hour", "Since", "At its limit", "Course"])
        yield "| --- | ---: | ---: | --- | --- | --- |"
        for leak in report.leaks[:_MOST_ROWS]:
            yield from _row(
                [
                    escape_markdown(leak.host) + (" (new)" if leak.is_new else ""),
                    format_count(leak.now),
                    format_rate(leak.rate),
                    format_time(leak.since) or "before",
                    format_forecast(leak.forecast),
                    _course(leak.course),
                ]
            )
        if len(report.leaks) > _MOST_ROWS:
            yield f"\n{len(report.leaks) - _MOST_ROWS:,} more."
        yield ""
    if report.group_by is not None:
        yield from _group_table(report)
    lists = list(list_changes(report, _MOST_LISTED))
    for each in lists:
        yield f"- **{each.title}:** {escape_markdown(str(each))}"
    if lists:
        yield ""
    yield escape_markdown(
        f"{report.title}: {report.scans:,} scans from {format_period(report)}; "
        f"{report.hosts_read:,} of {report.hosts:,} hosts read."
    )


def _group_table(report: FleetReport) -> Iterator[str]:
    title = escape_markdown(report.group_by or "")
    yield from _row([title, "Hosts", "Held closed", "Change", "Leaks", "Course"])
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    for group in report.groups[:_MOST_ROWS]:
        yield from _row(
            [
                escape_markdown(group.name),
                format_count(group.hosts),
                format_count(group.tcp_close),
                format_change(group.change),
                format_count(group.leaks),
                _course(group.course),
            ]
        )
    if len(report.groups) > _MOST_ROWS:
        yield f"\n{len(report.groups) - _MOST_ROWS:,} more."
    yield ""


def _course(course: Course) -> str:
    return sparkline(course, _COURSE_WIDTH).replace(" ", "\u2007")


def escape_markdown(text: str) -> str:
    """Return text that Markdown shows as it is."""
    escaped = escape(text)
    for sign, entity in _ENTITIES.items():
        escaped = escaped.replace(sign, entity)
    # A number before a full stop cannot be escaped itself.
    return _BLOCK.sub("&#8203;", _SPECIAL.sub(r"\\\1", escaped))


def _row(cells: Sequence[str]) -> Iterator[str]:
    yield f"| {' | '.join(cells)} |"
