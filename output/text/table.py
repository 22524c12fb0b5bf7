"""The table for people: ranked hosts, totals, failures, and last who holds the closed sockets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ...core.record import record
from ...core.text import count_text
from ..formats import Format, RenderOptions
from .changes import change_lines
from .failures import (
    every_failure,
    examples,
    failure_counts,
    one_line_each,
    shows_every_message,
)
from .findings import by_findings, has_finding
from .holders import holder_lines
from .host_table import group_table, has_bounds, host_table
from .next_command import next_command
from .style import TextStyle
from .verdict import verdict
from .warnings import warning_lines

__all__ = ["FORMAT"]


@record
class _Detail:
    """How much a table says apart from its hosts."""

    blank_lines: int = 1
    """Between two sections."""
    with_total: bool = True
    is_brief: bool = False
    """Whether the outcome and each failure, change and warning take one line."""
    counts_failures: bool = False
    """Whether failures are only counted."""
    most: int | None = None
    """The most groups, holders, changes and warnings; None: all, or as many as is usual."""
    is_least: bool = False
    """Whether the outcome is one line, without holders, changes and warnings."""


_FULL = _Detail()
_BRIEF = _Detail(is_brief=True)
_DETAILS = (
    _FULL,
    _BRIEF,
    _Detail(is_brief=True, counts_failures=True, most=5),
    _Detail(is_brief=True, counts_failures=True, most=3, blank_lines=0),
    _Detail(
        is_brief=True, counts_failures=True, most=1, blank_lines=0, with_total=False, is_least=True
    ),
)
"""What a terminal gets, the first that leaves room for the hosts that matter."""
_LEAST_HOSTS = 6
"""So many hosts, or all with findings up to `_MOST_FINDINGS`, take precedence over details."""
_MOST_FINDINGS = 12
_LINES_OF_TOTAL = 2
_ROWS = "rows"
"""Stands for the rows of hosts while the lines of the others are counted."""


def _render(summary: FleetSummary, options: RenderOptions) -> bytes:
    style = TextStyle(options)
    read = [host for host in summary.hosts if host.tcp is not None]
    if options.height is None:
        return style.encode(_whole(summary, read[: options.top], style))
    return style.encode(_fitted(summary, read, style, options.height))


FORMAT = Format(name="table", suffixes=(".txt",), render=_render, repeats=True)


def _whole(summary: FleetSummary, shown: Sequence[HostSummary], style: TextStyle) -> str:
    hosts = _host_lines(summary, shown, style, _FULL)
    return _join([_heading(summary, style), hosts, *_below(summary, style, _FULL)], _FULL)


def _fitted(
    summary: FleetSummary, read: Sequence[HostSummary], style: TextStyle, height: int
) -> str:
    """As many hosts as fit, those with findings first; details go where they would not fit."""
    findings = min(sum(map(has_finding, read)), _MOST_FINDINGS)
    least = min(len(read), max(findings, _LEAST_HOSTS))
    top = style.options.top
    for detail in _DETAILS:
        heading, below = _heading(summary, style), _below(summary, style, detail)
        rest = _join([[*heading, _ROWS], *below], detail)
        room = height - style.count_lines(rest.removesuffix("\n")) + 1
        wanted = len(read) if detail is _FULL else least
        if top is not None:
            wanted = min(top, len(read))
        # The titles, the line that says what is missing, and the total.
        others = 2 + _LINES_OF_TOTAL * (detail.with_total and len(read) > 1)
        if wanted + others <= room:
            break
    lines = _fit_hosts(summary, read, style, detail, room)
    return _join([[*heading, *lines], *below], detail)


def _fit_hosts(
    summary: FleetSummary,
    read: Sequence[HostSummary],
    style: TextStyle,
    detail: _Detail,
    room: int,
) -> list[str]:
    if style.options.top is not None:
        return _host_lines(summary, read[: style.options.top], style, detail)
    lines = _host_lines(summary, read, style, detail) if len(read) <= room else None
    if lines is not None and _count(lines, style) <= room:
        return lines
    first = by_findings(read)
    count = max(1, min(len(read), room - 2))
    while True:
        lines = _host_lines(summary, first[:count], style, detail)
        too_many = _count(lines, style) - room
        if too_many <= 0 or count == 1:
            return lines
        count = max(1, count - too_many)


def _count(lines: Sequence[str], style: TextStyle) -> int:
    return sum(map(style.count_lines, lines))


def _join(sections: Sequence[Sequence[str]], detail: _Detail) -> str:
    between = "\n" * (1 + detail.blank_lines)
    return between.join("\n".join(lines) for lines in sections if lines) + "\n"


def _heading(summary: FleetSummary, style: TextStyle) -> list[str]:
    if summary.scan.round is None:
        return []
    began = f"{summary.scan.started_at:%Y-%m-%d %H:%M:%S %Z}"
    return [style.render(f"Round {summary.scan.round}, {began}", "bold")]


def _host_lines(
    summary: FleetSummary, shown: Sequence[HostSummary], style: TextStyle, detail: _Detail
) -> list[str]:
    """The host table, how many hosts are not in it, and which columns."""
    read = summary.fleet.hosts.ok
    with_total = detail.with_total and read > 1
    lines, left_out = host_table(summary, shown, style, with_total=with_total)
    if not lines:
        return []
    total = lines[-_LINES_OF_TOTAL:] if with_total else []
    rows = lines[: len(lines) - len(total)]
    notes = [_more(summary, shown, style)] if len(shown) < read else []
    if style.options.height is None:
        narrow = f"(too narrow for {', '.join(left_out)}; --format csv has all)"
        return [*rows, *map(style.wrap, notes), *total, *([style.wrap(narrow)] if left_out else [])]
    if left_out and not detail.is_least:
        notes.append(f"too narrow for {', '.join(left_out)}")
    fits = style.width(style.convert("; ".join(notes))) <= (style.options.width or 0)
    told = ["; ".join(notes)] if notes and fits else notes[:1]
    return [*rows, *(style.render(style.wrap(note), "dim") for note in told), *total]


def _more(summary: FleetSummary, shown: Sequence[HostSummary], style: TextStyle) -> str:
    more = style.number(summary.fleet.hosts.ok - len(shown))
    if style.options.top is not None:
        return f"… {more} more, in the total too (--top {len(shown)})"
    names = {host.name for host in shown}
    hidden = [host for host in summary.hosts if host.tcp is not None and host.name not in names]
    findings = sum(map(has_finding, hidden))
    unknown = sum(not host.diagnosis for host in hidden)
    if findings:
        what = f"{style.number(findings)} of them with findings"
    elif unknown:
        what = f"{style.number(unknown)} of them without a diagnosis"
    else:
        what = "all normal"
    return f"… {more} more, {what} (--all shows them)"


def _below(summary: FleetSummary, style: TextStyle, detail: _Detail) -> list[list[str]]:
    """The sections below the hosts; the verdict and the next command are the last."""
    changes = [] if detail.is_least else list(change_lines(summary, style))
    changes = [_cut(line, style, detail) for line in changes]
    is_counted = detail.counts_failures and not style.options.failures
    failures = [] if is_counted else list(_failures(summary, style, detail))
    outcome = [*_outcome(summary, style, detail), *changes[: detail.most]]
    if detail.is_brief:
        outcome, failures = outcome + failures, []
    most = detail.most if style.options.top is None else style.options.top
    return [
        list(group_table(summary, style, most=detail.most)),
        [] if detail.is_least else list(holder_lines(summary.hosts, style, most=most)),
        outcome,
        failures,
        list(_warnings(summary, style, detail)),
        list(_verdict(summary, style, detail)),
    ]


def _outcome(summary: FleetSummary, style: TextStyle, detail: _Detail) -> Iterator[str]:
    hosts = summary.fleet.hosts
    early = "" if summary.scan.complete else "Ended before every host had its turn: "
    total = style.number(hosts.total)
    line = f"{early}{style.number(hosts.ok)} of {total} host{'' if hosts.total == 1 else 's'} read"
    line += f" in {summary.scan.duration_s:.2f} s"
    words = summary.fleet.diagnoses if hosts.ok > 1 else {}
    counts = ", ".join(style.keep(f"{style.number(count)} {word}") for word, count in words.items())
    if detail.is_brief:
        line += f": {counts}." if counts else "."
        if detail.counts_failures and hosts.failed and not style.options.failures:
            line += _count_failures(line, summary, style, detail)
        yield style.wrap(line) if not detail.is_least else _cut(style.wrap(line), style, detail)
        return
    spread = summary.fleet.distribution["tcp_close"]
    if hosts.ok > 1 and spread.p50 is not None:
        shown = (("median", spread.p50), ("p90", spread.p90), ("p99", spread.p99))
        line += "; tcp_close per host: "
        line += ", ".join(f"{name} {style.number(value or 0)}" for name, value in shown)
        line += f", max {style.number(spread.max or 0)}"
    yield style.wrap(line + ".")
    if counts:
        yield style.wrap(f"Diagnosis of hosts: {counts}.")
    if has_bounds(summary):
        yield style.wrap(
            "≤ is an upper bound: sockets in use in other network namespaces (containers) of a "
            "host were not read and count as closed.",
        )


def _failures(summary: FleetSummary, style: TextStyle, detail: _Detail) -> Iterator[str]:
    if not summary.fleet.failures:
        return
    if style.options.failures:
        yield from every_failure(summary, style)
    elif detail.is_brief:
        yield from one_line_each(summary, style)
    else:
        yield from examples(summary, style)


def _count_failures(line: str, summary: FleetSummary, style: TextStyle, detail: _Detail) -> str:
    """How many hosts failed, in what is left of one line where there is room for no more."""
    whole = f" Failed: {failure_counts(summary, style)}."
    room = style.options.width if detail.is_least else None
    if room is None or style.width(style.convert(line + whole)) <= room:
        return whole
    return f" {style.keep(f'{style.number(summary.fleet.hosts.failed)} failed')}."


def _warnings(summary: FleetSummary, style: TextStyle, detail: _Detail) -> Iterator[str]:
    lines = [] if detail.is_least else warning_lines(summary)
    for line in lines[: detail.most]:
        yield _cut(style.wrap(f"warning: {line}", rest="  "), style, detail)
    if detail.most is not None and len(lines) > detail.most:
        more = count_text(len(lines) - detail.most, "more warning")
        yield style.convert(f"… {more} (--all shows them)")


def _verdict(summary: FleetSummary, style: TextStyle, detail: _Detail) -> Iterator[str]:
    sentence = verdict(summary, style)
    if sentence:
        yield style.render(style.wrap(sentence), "bold")
    if style.options.trends:
        from .trend_sentences import trend_lines  # imports what only a saved scan has imported

        for line in trend_lines(style.options.trends, style, most=detail.most):
            yield _cut(line, style, detail)
    commands = style.options.commands
    if commands is not None:
        is_shown = style.options.failures or (not detail.is_brief and shows_every_message(summary))
        command = next_command(summary, commands, failures=is_shown)
        if command:
            yield style.convert(command)


def _cut(text: str, style: TextStyle, detail: _Detail) -> str:
    """One line of a wrapped text, where there is no room for more."""
    if not detail.is_brief or style.options.width is None or "\n" not in text:
        return text
    return style.shorten_at_word(" ".join(text.split()), style.options.width)
