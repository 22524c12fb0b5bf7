"""Trends in a sentence: what grows, since when, how fast, and when it meets its limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice

from ...history.trends.classify import Kind
from ...history.trends.findings import Finding
from ...history.trends.forecast import Forecast
from ...history.trends.rate import Rate
from .style import TextStyle

__all__ = [
    "MEANINGS",
    "describe_trend",
    "format_limit",
    "format_rate",
    "format_since",
    "trend_lines",
]

MEANINGS = {
    Kind.LEAK: "grows steadily and still does",
    Kind.SAWTOOTH: "grows between restarts, which hide it",
    Kind.STEP: "has changed to a new level",
    Kind.RECOVERED: "grew, and no longer does",
    Kind.RESTARTED: "grew until a restart; too early to say whether it goes on",
    Kind.TOO_EARLY: "less than four days of readings",
    Kind.NORMAL: "no trend",
}
"""What each kind means, in a few words."""

_MOST_LINES = 3
_AT_LIMIT = {"file-max": "ENFILE"}
_HOUR_S, _DAY_S = 3600, 86_400


def describe_trend(finding: Finding) -> str | None:
    """Return a sentence without a full stop; None where there is no trend to tell of."""
    if finding.kind in {Kind.NORMAL, Kind.TOO_EARLY}:
        return None
    if finding.kind is Kind.STEP:
        return f"changed by {finding.growth:+,.0f} on {format_since(finding)}"
    rate = format_rate(finding.rate)
    since = format_since(finding)
    if finding.kind in {Kind.RECOVERED, Kind.RESTARTED}:
        end = "" if finding.end is None else f" until {_format_time(finding.end)}"
        return f"grew by {rate} an hour{end}"
    verb = "grows by" if finding.kind is Kind.LEAK else "grows between restarts by"
    since = "since before the first scan" if finding.begin is None else f"since {since}"
    text = f"{verb} {rate} an hour {since}"
    if finding.forecast is None:
        return text
    return f"{text}; {format_limit(finding.forecast)} ({finding.forecast.limit.name})"


def trend_lines(
    sentences: Mapping[str, str], style: TextStyle, *, most: int | None = None
) -> Iterator[str]:
    """Yield a line for each of the first hosts, as they stand below the verdict of a scan."""
    shown = min(_MOST_LINES, most or _MOST_LINES)
    for host, sentence in islice(sentences.items(), shown):
        yield style.wrap(f"{host}'s tcp_close {sentence}.", rest="  ")
    more = len(sentences) - shown
    if more > 0:
        yield style.wrap(f"{more} more over time: sockfleet history trend")


def format_rate(rate: Rate | None) -> str:
    """Return sockets an hour with the digits that the range allows."""
    if rate is None:
        return ""
    return f"{rate.per_hour:,.0f}" if rate.per_hour >= 10 else f"{rate.per_hour:.2g}"


def format_since(finding: Finding) -> str:
    """Return when the ramp or level began; ``before`` where no scan is as old."""
    if finding.begin is None:
        return "before" if finding.begin_before_window else ""
    return _format_time(finding.begin)


def format_limit(forecast: Forecast) -> str:
    """Return the time from the last scan until the limit is met, and what happens then."""
    name = forecast.limit.name
    what = "EMFILE" if name.startswith("open files") else _AT_LIMIT.get(name, "at its limit")
    return f"{what} {_format_span(forecast.at - forecast.seen_at)}"


def _format_time(seconds: float) -> str:
    """Return a local time that `history` takes back: 12 Nov 22:05, with another year named."""
    moment = datetime.fromtimestamp(seconds, UTC).astimezone()
    year = "" if moment.year == datetime.now(UTC).astimezone().year else f" {moment.year}"
    return f"{moment.day} {moment:%b}{year} {moment:%H:%M}"


def _format_span(seconds: float) -> str:
    if seconds <= 0:
        return "now"
    if seconds < 2 * _HOUR_S:
        return f"in {max(1, round(seconds / 60))} min"
    if seconds < 3 * _DAY_S:
        return f"in {round(seconds / _HOUR_S)} h"
    if seconds > 365 * _DAY_S:
        return "in over a year"
    return f"in {round(seconds / _DAY_S)} days"
