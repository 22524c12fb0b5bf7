"""The table of ``sockfleet alert list``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ....alerting.judge.observation import RANK
from ....alerting.notification import Severity
from ....alerting.overview import Listed, Overview
from ....alerting.states.alert_state import moment
from ....alerting.states.machine import Phase
from ....core.text import count_text, escape
from ...formats import RenderOptions
from ..columns import Cell, Column, columns_that_fit, format_lines
from ..style import TextStyle

__all__ = ["alert_table"]

_STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", None: ""}


def alert_table(overview: Overview, options: RenderOptions) -> bytes:
    """The alerts, the worst first, then what waits to be sent, then the silences."""
    style = TextStyle(options)
    lines: list[str] = []
    alerts = sorted(overview.alerts, key=_urgency)
    if alerts:
        lines += format_lines(columns_that_fit(_columns(alerts), style), style, rule_before=None)
        lines.append("")
        for one in alerts:
            if one.state.course.is_firing:
                lines.append(style.wrap(f"{one.state.rule_name}: {one.state.summary}", rest="  "))
                if one.state.evidence is not None:
                    lines.append(style.wrap(f"  {one.state.evidence.text}", rest="  "))
    else:
        lines.append(f"No alert fires in {overview.location}.")
    # Other users of the store wrote the reasons.
    lines += [style.wrap(escape(line), rest="  ") for line in _others(overview)]
    return style.encode("\n".join(lines) + "\n")


def _urgency(one: Listed) -> tuple[bool, int, str, str]:
    course = one.state.course
    return (
        not course.is_firing,
        -RANK[course.severity],
        one.state.rule_name,
        one.state.subject.name,
    )


def _columns(alerts: Sequence[Listed]) -> list[Column]:
    courses = [one.state.course for one in alerts]
    return [
        Column(
            title="STATE",
            cells=[Cell(_phase(one), _STYLES[one.state.course.severity]) for one in alerts],
            is_text=True,
        ),
        Column(
            title="SEVERITY",
            cells=[Cell(str(course.severity or "")) for course in courses],
            is_text=True,
        ),
        Column(title="RULE", cells=[Cell(one.state.rule_name) for one in alerts], is_text=True),
        Column(
            title="SUBJECT", cells=[Cell(one.state.subject.name) for one in alerts], is_text=True
        ),
        Column(
            title="SINCE",
            cells=[
                Cell("" if course.began_ms is None else _time(course.began_ms))
                for course in courses
            ],
            is_text=True,
        ),
    ]


def _phase(one: Listed) -> str:
    course = one.state.course
    if one.acknowledged is not None:
        return "acknowledged"
    if course.unknown_scans and course.phase is not Phase.NORMAL:
        return f"{course.phase}, unread"
    return "flapping" if course.is_flapping else str(course.phase)


def _others(overview: Overview) -> Iterator[str]:
    for (rules, sink), count in overview.waiting.items():
        problem = overview.find_problem(rules, sink)
        why = "" if problem is None else f": {problem}"
        waits = "waits" if count == 1 else "wait"
        yield f"{count_text(count, 'alert')} {waits} for {sink} of {rules}{why}"
    for silence in overview.silences:
        rule = "" if silence.rule is None else f", rule {silence.rule}"
        every = "" if silence.every is None else f", {silence.every} {silence.zone}"
        yield (
            f"silence {silence.id}: {silence.hosts}{rule}{every} until {_time(silence.until_ms)}: "
            f"{silence.reason} ({silence.made_by})"
        )
        if silence.id in overview.unmatched:
            yield f"silence {silence.id}: {overview.unmatched[silence.id]}"
    for one in overview.alerts:
        if one.acknowledged:
            what = f"{one.state.rule_name} {one.state.subject.name}"
            yield f"acknowledged: {what}: {one.acknowledged}"


def _time(unix_ms: int) -> str:
    return f"{moment(unix_ms).astimezone():%Y-%m-%d %H:%M}"
