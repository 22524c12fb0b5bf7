"""The report as one HTML page: a template, the charts, and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import time
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from ...core.jinja_text import escape_text
from ...core.version import VERSION
from ...history.report.model import Course, FleetReport, GroupLine, Leak, State
from ..report_lists import list_changes
from ..report_sentences import (
    MEANINGS,
    describe_leak,
    format_change,
    format_count,
    format_forecast,
    format_news,
    format_period,
    format_rate,
    format_span,
    format_time,
    is_too_early,
    verdict,
    verdict_details,
)
from .charts import area_chart, bar_chart, leak_chart, sparkline

__all__ = ["render_page"]

_TEMPLATES = Path(__file__).with_name("templates")
_MOST_LEAK_CARDS = 24
_MOST_BANDS = 6
_MOST_NAMED = 20
_LISTED = ("Containers and units that grow", "Apart from their group")
"""The lists that have no table of their own in the page."""

_COLUMNS = (
    ("Rank", True),
    ("Host", False),
    ("Group", False),
    ("State", False),
    ("Held closed", True),
    ("24 h", True),
    ("Change", True),
    ("Per hour", True),
    ("Since", False),
)


def render_page(report: FleetReport) -> bytes:
    """Return the page. It loads nothing, and shows everything without its script.

    No text of a host leaves its place: the template escapes every value, and the policy runs no
    script and no style but the two whose hashes it has (CSP level 2).
    """
    style, script = _read("report.css"), _read("report.js")
    emphasis, rest = verdict(report)
    first, end, more = rest.partition(". ")
    rows = {line.name: number for number, line in enumerate(report.lines)}
    bands = _bands(report.groups)
    begins = [leak.since for leak in report.leaks if leak.since is not None]
    text = _template().render(
        report=report,
        policy=_policy(style, script),
        style=Markup(style),  # noqa: S704 (our own file)
        script=Markup(script),  # noqa: S704 (our own file)
        emphasis=emphasis,
        first=first + end.rstrip(),
        more=more,
        rest=rest,
        details=verdict_details(report),
        period=format_period(report),
        span=format_span((report.until - report.since) / 3600),
        counts={str(state): number for state, number in report.counts},
        news=format_news(report),
        too_early=is_too_early(report),
        every=_interval(report),
        sections=_sections(report),
        leaks=report.leaks[:_MOST_LEAK_CARDS],
        more_leaks=max(0, len(report.leaks) - _MOST_LEAK_CARDS),
        rows=rows,
        odd=sum(number for state, number in report.counts if state is not State.NORMAL),
        odd_listed=sum(line.state is not State.NORMAL for line in report.lines),
        bands=bands,
        begins=begins,
        area=area_chart(bands, begins, _describe_fleet(report)),
        daily=_daily(bands),
        bars=bar_chart(report.distribution, _describe_distribution(report)),
        sawteeth=[line for line in report.lines if line.state is State.SAWTOOTH],
        others=_other_changes(report),
        columns=_COLUMNS,
        meanings=MEANINGS.items(),
        version=VERSION,
        zone=time.strftime("%Z", time.localtime(report.until)),
    )
    return text.encode()


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=escape_text,
        trim_blocks=True,
    )
    environment.filters.update(
        count=format_count,
        change=format_change,
        rate=format_rate,
        when=format_time,
        span=format_span,
        forecast=format_forecast,
        percent=lambda share: f"{share:.1%}",
        raw=lambda value: "" if value is None else f"{value:.10g}",
        spark=sparkline,
        leak_chart=_leak_chart,
    )
    return environment.get_template("report.html.j2")


@cache
def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return the Content-Security-Policy that allows these two texts and nothing else."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; style-src 'sha256-{digest(style)}'; "
        f"script-src 'sha256-{digest(script)}'; base-uri 'none'; form-action 'none'"
    )


def _interval(report: FleetReport) -> str:
    """The time that a point of a chart stands for."""
    step = report.leaks[0].course.step if report.leaks else 3600.0
    return "each hour" if step == 3600 else f"every {format_span(step / 3600)}"


def _sections(report: FleetReport) -> list[tuple[str, str]]:
    sections = [("leaks", "Leaks")]
    if report.groups:
        sections += [("fleet", "Fleet"), ("groups", "Groups")]
    return [
        *sections,
        ("changes", "Changes"),
        *([("holders", "Holders")] if report.details else []),
        ("failures", "Failures"),
        ("all", "Hosts"),
        ("words", "Words"),
    ]


def _leak_chart(leak: Leak) -> Markup:
    return leak_chart(leak, describe_leak(leak), format_time(leak.since))


def _bands(groups: tuple[GroupLine, ...]) -> list[GroupLine]:
    """Return the largest groups, and the sum of the others as one."""
    largest = sorted(groups, key=lambda group: -(group.tcp_close or 0))
    if len(largest) <= _MOST_BANDS + 1:
        return largest
    others = largest[_MOST_BANDS:]
    courses = zip(*(group.course.values for group in others), strict=True)
    together = GroupLine(
        name=f"{len(others)} other groups",
        hosts=sum(group.hosts for group in others),
        tcp_close=sum(group.tcp_close or 0 for group in others),
        change=sum(group.change or 0 for group in others),
        leaks=sum(group.leaks for group in others),
        course=Course(
            start=others[0].course.start,
            step=others[0].course.step,
            values=tuple(sum(value or 0 for value in values) for values in courses),
        ),
    )
    return [*largest[:_MOST_BANDS], together]


def _daily(bands: list[GroupLine]) -> list[tuple[float, list[float | None]]]:
    """Return the values of each band once a day, for the table beside the chart."""
    if not bands:
        return []
    course = bands[0].course
    every = max(1, round(86400 / course.step))
    return [
        (course.start + number * course.step, [band.course.values[number] for band in bands])
        for number in range(0, len(course.values), every)
    ]


def _other_changes(report: FleetReport) -> list[tuple[str, tuple[str, ...]]]:
    in_lists = {each.title: each for each in list_changes(report, _MOST_NAMED)}
    found = [in_lists[title] for title in _LISTED if title in in_lists]
    first = [(f"{one.title}: {len(one.items) + one.more:,}", one.items) for one in found]
    lists = (
        ("Recovered", report.recovered),
        ("Rebooted", report.rebooted),
        ("New hosts", report.appeared),
        ("Hosts that are gone", report.disappeared),
    )
    return [*first, *((f"{title}: {len(names):,}", names) for title, names in lists if names)]


def _describe_fleet(report: FleetReport) -> str:
    return (
        f"All hosts together hold {format_count(report.tcp_close)} closed sockets, "
        f"{format_change(report.tcp_close_change)} in this time"
    )


def _describe_distribution(report: FleetReport) -> str:
    bins = ", ".join(f"{each.hosts:,} hosts hold {each.label}" for each in report.distribution)
    return f"Closed sockets a host: {bins}"
