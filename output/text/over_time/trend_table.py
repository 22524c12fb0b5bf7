"""The table of ``sockfleet history trend``: who leaks, since when, how fast, until when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from ....core.text import count_text
from ....history.fleet_trends import FleetTrends
from ....history.store.namespace_series import NamedNamespace
from ....history.subject import Subject
from ....history.trends.classify import Kind
from ....history.trends.findings import Finding
from ...formats import RenderOptions
from ..columns import Cell, Column, columns_that_fit, format_lines
from ..style import TextStyle
from ..trend_sentences import MEANINGS, format_limit, format_rate, format_since

__all__ = ["QUIET", "trend_table"]

QUIET = frozenset({Kind.NORMAL, Kind.TOO_EARLY})
"""Kinds that the table counts and does not list, unless they are named."""
_ORDER = tuple(Kind)
_STYLES = {Kind.LEAK: "bold red", Kind.SAWTOOTH: "yellow", Kind.STEP: "yellow"}


def trend_table(
    trends: FleetTrends, kinds: frozenset[Kind] | None, options: RenderOptions
) -> bytes:
    """Return a row for each finding of ``kinds``, leaks and the fastest first.

    None: of all but the quiet ones, unless a quiet one is apart from its group.
    """
    style = TextStyle(options)
    shown = [
        finding
        for finding in trends.findings
        if (finding.kind in kinds if kinds is not None else _is_worth_a_row(finding))
    ]
    shown.sort(key=_urgency)
    lines: list[str] = []
    if shown:
        columns = columns_that_fit(_columns(trends, shown), style)
        lines += [*format_lines(columns, style, rule_before=None), ""]
        lines += [style.wrap(line, rest="  ") for line in _meanings(shown)]
    lines += [style.wrap(line) for line in _summary(trends, shown)]
    return style.encode("\n".join(lines) + "\n")


def _is_worth_a_row(finding: Finding) -> bool:
    return finding.kind not in QUIET or finding.apart is not None


def _urgency(finding: Finding) -> tuple[int, float, float, str]:
    soonest = finding.forecast.at if finding.forecast is not None else float("inf")
    rate = finding.rate.per_hour if finding.rate is not None else abs(finding.growth or 0.0)
    return _ORDER.index(finding.kind), soonest, -rate, finding.host


def _columns(trends: FleetTrends, shown: Sequence[Finding]) -> list[Column]:
    columns = [
        *_subjects(trends, shown),
        Column(
            title="KIND",
            cells=[Cell(one.kind, _STYLES.get(one.kind, "")) for one in shown],
            is_text=True,
        ),
        Column(title=trends.metric.upper(), cells=[Cell(_number(one.level)) for one in shown]),
        Column(title="PER HOUR", cells=[Cell(format_rate(one.rate)) for one in shown]),
        Column(title="RANGE", cells=[Cell(_range(one)) for one in shown], leave_out=3),
        Column(title="GREW BY", cells=[Cell(_signed(one.growth)) for one in shown], leave_out=2),
        Column(title="SINCE", cells=[Cell(format_since(one)) for one in shown], is_text=True),
    ]
    limits = [format_limit(one.forecast) if one.forecast is not None else "" for one in shown]
    if any(limits):
        columns.append(Column(title="LIMIT", cells=[Cell(text) for text in limits], is_text=True))
        names = ["" if one.forecast is None else one.forecast.limit.name for one in shown]
        cells = [Cell(name) for name in names]
        columns.append(Column(title="WHICH", cells=cells, is_text=True, leave_out=4))
    apart = [
        "" if one.apart is None else f"{one.apart.group} (median {one.apart.median:g})"
        for one in shown
    ]
    if any(apart):
        cells = [Cell(text) for text in apart]
        columns.append(Column(title="APART FROM", cells=cells, is_text=True, leave_out=1))
    return columns


def _subjects(trends: FleetTrends, shown: Sequence[Finding]) -> list[Column]:
    if trends.subject is not Subject.NAMESPACE:
        cells = [Cell(one.host) for one in shown]
        return [Column(title=trends.subject.upper(), cells=cells, is_text=True)]
    names = namespace_names(trends)
    hosts = [Cell(names[one.host].host) for one in shown]
    within = [Cell(str(names[one.host])) for one in shown]
    return [
        Column(title="HOST", cells=hosts, is_text=True),
        Column(title="NAMESPACE", cells=within, is_text=True),
    ]


def namespace_names(trends: FleetTrends) -> Mapping[str, NamedNamespace]:
    """The namespace of each finding of namespaces, by the finding's ``host``."""
    return {
        finding.host: name for finding, name in zip(trends.findings, trends.namespaces, strict=True)
    }


def _range(finding: Finding) -> str:
    if finding.rate is None:
        return ""
    digits = 0 if finding.rate.per_hour >= 10 else 1 if finding.rate.per_hour >= 1 else 2
    return f"{finding.rate.low:.{digits}f} to {finding.rate.high:.{digits}f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+,.0f}"


def _meanings(shown: Sequence[Finding]) -> Iterator[str]:
    for kind in _ORDER:
        if any(one.kind is kind for one in shown):
            yield f"{kind}: {MEANINGS[kind]}"


def _summary(trends: FleetTrends, shown: Sequence[Finding]) -> Iterator[str]:
    if not trends.findings:
        if trends.subject is Subject.NAMESPACE:
            yield "The store has no containers and units in this time: see docs/trends.md."
        else:
            yield "The store has no scan in this time: sockfleet scan --save makes one."
        return
    counts = Counter(one.kind for one in trends.findings)
    if not shown:
        yield f"{trends.metric} has no such trend."
    words = ", ".join(f"{counts[kind]} {kind}" for kind in _ORDER if counts[kind])
    hosts = count_text(len(trends.findings), trends.subject)
    since, until = (
        f"{moment.astimezone():%Y-%m-%d %H:%M}" for moment in (trends.since, trends.until)
    )
    zone = f"{datetime.now(UTC).astimezone():%Z (UTC%z)}"
    yield f"{hosts}: {words}."
    yield f"{count_text(trends.scans, 'scan')} from {since} to {until}; times are {zone}."
    if counts[Kind.TOO_EARLY]:
        yield "A trend shows after four days: until then, use thresholds and --against."
