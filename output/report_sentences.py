"""What a report says in words, the same in every format: verdict, times, rates, forecasts."""

from __future__ import annotations

from datetime import datetime

from ..core.text import escape
from ..history.report.model import FleetReport, Forecast, Leak, State

__all__ = [
    "MEANINGS",
    "describe_leak",
    "format_change",
    "format_count",
    "format_forecast",
    "format_news",
    "format_period",
    "format_rate",
    "format_span",
    "format_time",
    "is_too_early",
    "spell",
    "verdict",
    "verdict_details",
]

MEANINGS = {
    State.LEAK: "The number grows steadily and still does: something opens sockets and never "
    "closes them.",
    State.SAWTOOTH: "It grows and falls back at each restart: a leak that restarts hide.",
    State.STEP: "It jumped to a new level and stayed there: a deployment, a larger pool. No leak.",
    State.RECOVERED: "It leaked in this time and is back at its level.",
    State.RESTARTED: "The host or its processes restarted; nothing else changed.",
    State.TOO_EARLY: "There are less than four days of scans of it: too few to tell a leak from a "
    "busy day.",
    State.FAILED: "The last scan could not read it.",
    State.NORMAL: "It moves as it always did.",
}
"""Every state, in the order in which reports list them."""

_SPELLED = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_YEAR_HOURS = 365 * 24
_SHORT_S = 2 * 86_400


def spell(number: int) -> str:
    """Return small numbers as words, as in a sentence."""
    return _SPELLED[number] if number < len(_SPELLED) else f"{number:,}"


def _hosts(number: int) -> str:
    return "host" if number == 1 else "hosts"


def format_count(value: float | None) -> str:
    """Return a number of sockets with thousands separators; nothing for None."""
    return "" if value is None else f"{value:,.0f}"


def format_change(value: float | None) -> str:
    """Return a difference with its sign, a real minus sign, and thousands separators."""
    if value is None:
        return ""
    rounded = round(value)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
    return f"{sign}{abs(rounded):,}"


def format_rate(value: float | None) -> str:
    """Return sockets an hour with its sign: a digit after the point below 20."""
    if value is None:
        return ""
    digits = f"{abs(value):,.0f}" if abs(value) >= 20 else f"{abs(value):,.1f}"
    sign = "" if float(digits.replace(",", "")) == 0 else "+" if value > 0 else "−"
    return f"{sign}{digits}"


def format_time(time: float | None, *, year: bool = False) -> str:
    """Return a Unix time as ``12 Nov 22:05``, local; nothing for None."""
    if time is None:
        return ""
    local = datetime.fromtimestamp(time).astimezone()
    return f"{local.day} {local:%b %Y}" if year else f"{local.day} {local:%b %H:%M}"


def format_period(report: FleetReport) -> str:
    """Return the time of the report as ``3 Nov 2026 to 16 Nov 2026``, a short one to the minute."""
    is_long = report.until - report.since >= _SHORT_S
    since, until = (format_time(time, year=is_long) for time in (report.since, report.until))
    return f"{since} to {until}"


def format_span(hours: float) -> str:
    """Return a length of time in one unit, as ``9 hours`` or ``68 days``."""
    if hours < 1:
        number, unit = max(1, round(hours * 60)), "minute"
    elif hours < 48:
        number, unit = round(hours), "hour"
    else:
        number, unit = round(hours / 24), "day"
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def format_forecast(forecast: Forecast | None) -> str:
    """Return when a limit is met, as ``in 9 hours``."""
    if forecast is None:
        return "no limit known"
    if forecast.hours > _YEAR_HOURS:
        return "in over a year"
    return f"in {format_span(forecast.hours)}"


def describe_leak(leak: Leak) -> str:
    """Return one leak in a sentence, for readers who see no chart."""
    since = format_time(leak.since) or "before this time"
    limit = ""
    if leak.forecast is not None and leak.forecast.hours <= _YEAR_HOURS:
        limit = f"; it meets {escape(leak.forecast.limit)} {format_forecast(leak.forecast)}"
    return (
        f"{escape(leak.host)} holds {format_count(leak.now)} closed sockets and grows by "
        f"{format_rate(leak.rate).lstrip('+')} an hour since {since}{limit}"
    )


def format_news(report: FleetReport) -> str:
    """Return how many leaks are new, as ``3 new, 7 known since 9 Nov``."""
    known = len(report.leaks) - report.new_leaks
    if not known:
        return f"{report.new_leaks} new"
    since = "" if report.known_since is None else f" since {format_time(report.known_since)}"
    return f"{report.new_leaks} new, {known} known{since}"


def is_too_early(report: FleetReport) -> bool:
    """Whether the scans of most hosts are too few for a trend."""
    early = dict(report.counts).get(State.TOO_EARLY, 0)
    return early > 0 and 2 * early >= sum(number for _, number in report.counts)


def verdict(report: FleetReport) -> tuple[str, str]:
    """Return the first sentence of a report: who leaks, as the stressed words and the rest."""
    number = len(report.leaks)
    if report.hosts_read == 0:
        return "No host was read", f" of {format_count(report.hosts)}. Nothing is known."
    if not number and is_too_early(report):
        return "Too early to tell", " who leaks: four days of scans show it."
    if not number:
        read = format_count(report.hosts_read)
        return "Nothing leaks", f": {read} {_hosts(report.hosts_read)} as before."
    start = f"{spell(number).capitalize()} {_hosts(number)}"
    rest = " leaks sockets." if number == 1 else " leak sockets."
    first = min(
        (leak.forecast for leak in report.leaks if leak.forecast is not None),
        key=lambda forecast: forecast.hours,
        default=None,
    )
    if first is not None and first.hours <= _YEAR_HOURS:
        who = "It" if number == 1 else "The first"
        rest += f" {who} is at its limit {format_forecast(first)}."
    return start, rest


def verdict_details(report: FleetReport) -> str:
    """Return the sentences after the verdict: the largest share, what restarts hide, the rest."""
    sentences = []
    by_share = [leak for leak in report.leaks if leak.share is not None]
    if by_share:
        largest = max(by_share, key=lambda leak: leak.share or 0.0)
        since = format_time(largest.since)
        begin = f"since {since}" if since else "since before the first of these scans"
        share = f"{min(1.0, largest.share or 0.0):.0%}"
        rate = format_rate(largest.rate).lstrip("+")
        sentences.append(
            f"{escape(largest.host)} gains {rate} an hour {begin}, {share} of the fleet's growth."
        )
    if report.leaks and report.new_leaks < len(report.leaks):
        sentences.append(f"{format_news(report)}.")
    hidden = dict(report.counts).get(State.SAWTOOTH, 0)
    if hidden:
        verb = "leaks, but is" if hidden == 1 else "leak, but are"
        more = " more" if report.leaks else ""
        hosts = _hosts(hidden)
        sentences.append(f"{spell(hidden).capitalize()}{more} {hosts} {verb} restarted in time.")
    if report.failed:
        number = len(report.failed)
        sentences.append(f"{spell(number).capitalize()} {_hosts(number)} could not be read.")
    if not sentences and is_too_early(report):
        sentences.append("All hosts were read. Thresholds and --against serve until then.")
    elif not sentences:
        sentences.append("All hosts were read, and none grows beyond its own habits.")
    return " ".join(sentences)
