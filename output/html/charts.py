"""Charts as SVG: readable without a script, styled by classes, with their numbers in words.

Colours and widths of lines come from the page's style sheet, so that light, dark and print differ
there alone. A coordinate has one digit after the point at most: the charts are the larger part of
a page of 1,000 hosts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import orjson
from markupsafe import Markup

from ...core.text import escape
from ...history.report.model import Bin, Course, GroupLine, Leak
from ..course_points import highest_values, shown_span
from ..report_sentences import format_count
from .axis import time_ticks, value_ticks

__all__ = ["area_chart", "bar_chart", "leak_chart", "sparkline"]

_SPARK_WIDTH, _SPARK_HEIGHT = 120, 24
_SPARK_POINTS = 48
_LABEL_WIDTH = 6.0
"""Of a character, in the font of the axes."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 8.0, 22.0, 22.0


class _Plot:
    """The scale of one chart: times and values to coordinates."""

    def __init__(
        self, width: float, height: float, start: float, end: float, highest: float
    ) -> None:
        self.width, self.height = width, height
        self.start, self.end = start, max(end, start + 1)
        self.ticks = value_ticks(highest)
        self.highest = self.ticks[-1]
        self.left = max(_LEFT, 7.0 * len(format_count(self.highest)) + 10)

    def x(self, time: float) -> float:
        share = (time - self.start) / (self.end - self.start)
        return self.left + share * (self.width - self.left - _RIGHT)

    def y(self, value: float) -> float:
        share = value / self.highest
        return self.height - _BOTTOM - share * (self.height - _TOP - _BOTTOM)

    def frame(self) -> Iterator[str]:
        """Yield the grid and the labels of both axes."""
        right = self.width - _RIGHT
        for value in self.ticks:
            y = self.y(value)
            yield f'<path class="grid" d="M{self.left:.0f} {y:.1f}H{right:.0f}"/>'
            label = format_count(value)
            yield f'<text class="tick end" x="{self.left - 6:.0f}" y="{y + 3.5:.1f}">{label}</text>'
        for number, (time, label) in enumerate(time_ticks(self.start, self.end)):
            # The middle of a label stands below its time, but for one that would leave the chart.
            half = _LABEL_WIDTH / 2 * len(label)
            x = min(self.x(time), self.width - half)
            side = "mid second" if number % 2 else "mid"
            yield f'<text class="tick {side}" x="{x:.1f}" y="{self.height - 6:.0f}">{label}</text>'

    def line(self, course: Course) -> str:
        """Return the path of a course; a gap begins anew."""
        points = (
            (self.x(course.start + number * course.step), value)
            for number, value in enumerate(course.values)
        )
        return "".join(_segments((x, None if v is None else self.y(v)) for x, v in points))


def _segments(points: Iterator[tuple[float, float | None]]) -> Iterator[str]:
    begins = True
    for x, y in points:
        if y is None:
            begins = True
            continue
        # A line of no length shows a point between gaps.
        yield f"{'M' if begins else 'L'}{_short(x)} {_short(y)}{'h0' if begins else ''}"
        begins = False


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def sparkline(course: Course) -> Markup:
    """Return the course of one host, some 250 bytes long; hidden from a reader of the numbers."""
    values = highest_values(course.values, _SPARK_POINTS)
    known = [value for value in values if value is not None]
    if not known:
        return Markup("")
    low, high = min(known), max(known)
    span = shown_span(low, high)
    path, last = [], None
    for number, value in enumerate(values):
        if value is None:
            last = None
            continue
        x = round(number * _SPARK_WIDTH / max(1, len(values) - 1))
        y = round(_SPARK_HEIGHT - 1 - (value - low) / span * (_SPARK_HEIGHT - 2))
        if last is None:
            path.append(f"M{x} {y}h0")
        elif y == last[1]:
            path.append(f"h{x - last[0]}")
        else:
            path.append(f"l{x - last[0]} {y - last[1]}")
        last = (x, y)
    return Markup(  # noqa: S704 (numbers only)
        f'<svg class="spark" aria-hidden="true"><path d="{"".join(path)}"/></svg>'
    )


def leak_chart(leak: Leak, label: str, since: str) -> Markup:
    """Return the course of a leak with its begin marked and the fitted line.

    ``label`` says the same in words, ``since`` is the begin as text.
    """
    course = leak.course
    end = course.start + (len(course.values) - 1) * course.step
    known = [value for value in course.values if value is not None]
    plot = _Plot(560, 190, course.start, end, max(known, default=0.0))
    begin = course.start if leak.since is None else max(leak.since, course.start)
    cut = min(len(course.values), max(0, round((begin - course.start) / course.step)))
    before = Course(start=course.start, step=course.step, values=course.values[: cut + 1])
    after = Course(
        start=course.start + cut * course.step, step=course.step, values=course.values[cut:]
    )
    parts = list(plot.frame())
    base = _short(plot.y(0))
    for segment in plot.line(after).split("M")[1:]:
        first, last = segment.split("L")[0].split(" ")[0], segment.split("L")[-1].split(" ")[0]
        parts.append(f'<path class="rise-area" d="M{first} {base}L{segment}L{last} {base}Z"/>')
    parts.append(f'<path class="quiet" d="{plot.line(before)}"/>')
    parts.append(f'<path class="rise" d="{plot.line(after)}"/>')
    if leak.fitted is not None:
        t0, v0, t1, v1 = leak.fitted
        line = f"M{_short(plot.x(t0))} {_short(plot.y(max(v0, 0)))}"
        line += f"L{_short(plot.x(t1))} {_short(plot.y(max(v1, 0)))}"
        parts.append(f'<path class="fit" d="{line}"/>')
    if leak.since is not None:
        x = plot.x(begin)
        side = "end" if x > plot.width / 2 else "start"
        shift = -5 if side == "end" else 5
        parts.append(f'<path class="begin" d="M{_short(x)} {_TOP - 8:.0f}V{base}"/>')
        text = _text(since)
        parts.append(f'<text class="begin-label {side}" x="{x + shift:.1f}" y="12">{text}</text>')
    data = _numbers([course], [""], plot)
    return _svg(plot, "chart", label, parts, data)


def area_chart(groups: Sequence[GroupLine], begins: Sequence[float], label: str) -> Markup:
    """Return the closed sockets of the fleet, a band for each group, the largest at the bottom."""
    if not groups:
        return Markup("")
    first = groups[0].course
    count = len(first.values)
    end = first.start + (count - 1) * first.step
    totals = [sum(group.course.values[n] or 0 for group in groups) for n in range(count)]
    plot = _Plot(1120, 300, first.start, end, max(totals, default=0))
    parts = list(plot.frame())
    below = [0.0] * count
    for number, group in enumerate(groups):
        above = [low + (value or 0) for low, value in zip(below, group.course.values, strict=True)]
        xs = [plot.x(first.start + n * first.step) for n in range(count)]
        top = "L".join(f"{_short(x)} {_short(plot.y(v))}" for x, v in zip(xs, above, strict=True))
        bottom = "L".join(
            f"{_short(x)} {_short(plot.y(v))}"
            for x, v in zip(reversed(xs), reversed(below), strict=True)
        )
        parts.append(f'<path class="band band-{number}" d="M{top}L{bottom}Z"/>')
        below = above
    for time in begins:
        x = plot.x(time)
        parts.append(f'<path class="begins" d="M{x - 4:.1f} 6h8l-4 7z"/>')
    data = _numbers([group.course for group in groups], [group.name for group in groups], plot)
    return _svg(plot, "chart wide", label, parts, data)


def bar_chart(bins: Sequence[Bin], label: str) -> Markup:
    """Return how many hosts hold how many sockets: now as bars, before as outlines."""
    width, height, gap = 540.0, 220.0, 8.0
    highest = max((max(each.hosts, each.hosts_before or 0) for each in bins), default=0) or 1
    room = (width - gap) / max(1, len(bins))
    parts = []
    for number, each in enumerate(bins):
        x, bar = gap + number * room, room - gap
        tall = each.hosts / highest * (height - 50)
        y = height - 24 - tall
        parts.append(
            f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{bar:.1f}"'
            f' height="{tall:.1f}" rx="3"/>'
        )
        top = y
        if each.hosts_before is not None:
            tall = each.hosts_before / highest * (height - 50)
            y = height - 24 - tall
            parts.append(
                f'<rect class="before" x="{x:.1f}" y="{y:.1f}" width="{bar:.1f}"'
                f' height="{tall:.1f}" rx="3"/>'
            )
            top = min(top, y)
        middle = x + bar / 2
        parts.append(f'<text class="count" x="{middle:.1f}" y="{top - 6:.1f}">{each.hosts}</text>')
        name = _text(each.label)
        parts.append(f'<text class="tick mid" x="{middle:.1f}" y="{height - 8:.0f}">{name}</text>')
    body = "".join(parts)
    return Markup(  # noqa: S704 (numbers, and text that was escaped)
        f'<svg class="chart bars" viewBox="0 0 {width:.0f} {height:.0f}" role="img"'
        f' aria-label="{_text(label)}">{body}</svg>'
    )


def _text(text: str) -> Markup:
    """Return text for an element or an attribute, its unsafe characters as their escapes."""
    return Markup.escape(escape(text))


def _numbers(courses: Sequence[Course], names: Sequence[str], plot: _Plot) -> str:
    """Return the attributes from which the script says what is under the pointer."""
    first = courses[0]
    values = ";".join(
        ",".join("" if value is None else f"{value:.0f}" for value in course.values)
        for course in courses
    )
    offset = datetime.fromtimestamp(plot.end).astimezone().utcoffset()
    east = 0 if offset is None else int(offset.total_seconds())
    named = _text(orjson.dumps([escape(name) for name in names]).decode())
    return (
        f' tabindex="0" data-values="{values}" data-names="{named}" data-start="{plot.start:.0f}"'
        f' data-end="{plot.end:.0f}" data-first="{first.start + east:.0f}"'
        f' data-step="{first.step:.0f}" data-left="{plot.left:.0f}"'
        f' data-right="{plot.width - _RIGHT:.0f}" data-bottom="{plot.height - _BOTTOM:.0f}"'
    )


def _svg(plot: _Plot, kind: str, label: str, parts: Sequence[str], data: str) -> Markup:
    return Markup(  # noqa: S704 (numbers, and text that was escaped)
        f'<svg class="{kind}" viewBox="0 0 {plot.width:.0f} {plot.height:.0f}" role="img"'
        f' aria-label="{_text(label)}"{data}>{"".join(parts)}</svg>'
    )
