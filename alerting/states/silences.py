"""Silences of direct sinks: once, or in a window that recurs in a time zone; each has an end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ...core.errors import UsageError
from ...core.record import record
from ...core.suggestion import suggest
from ...core.text import escape, quote
from ...history.store.alerts.silences import SilenceRow
from ..judge.scan_view import ScanView
from ..notification import Subject
from .alert_state import moment

__all__ = ["Silences", "Window", "parse_window"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"(?:([a-z,-]+)\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


@record
class Window:
    """A part of some days of the week; one that ends before it begins ends on the next day."""

    days: frozenset[int]
    """0: Monday."""
    begin: time
    end: time
    zone: ZoneInfo

    def holds(self, at: datetime) -> bool:
        """Whether a moment is in it, by the clocks of its zone."""
        local = at.astimezone(self.zone)
        now = local.time()
        if self.begin < self.end:
            return local.weekday() in self.days and self.begin <= now < self.end
        if now >= self.begin:
            return local.weekday() in self.days
        return now < self.end and (local - timedelta(days=1)).weekday() in self.days


def parse_window(text: str, zone: str) -> Window:
    """``Sat,Sun 02:00-04:00``, ``mon-fri 22:00-06:00`` or ``02:00-04:00``. Raises UsageError."""
    try:
        found = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"no time zone {quote(zone)}; write it as Europe/Berlin or UTC") from error
    match = _WINDOW.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(
            f"the window {quote(text)}: write it as Sat,Sun 02:00-04:00 or 22:00-06:00"
        )
    days, *numbers = match.groups()
    try:
        hours = list(map(int, numbers))
        begin, end = time(hours[0], hours[1]), time(hours[2] % 24, hours[3])
    except ValueError as error:
        raise UsageError(f"the window {quote(text)}: {error}") from error
    return Window(days=_days(days), begin=begin, end=end, zone=found)


def _days(text: str | None) -> frozenset[int]:
    if text is None or text in ("daily", "every-day"):
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        begin, end = _day(first), _day(last if dash else first)
        found |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(found)


def _day(word: str) -> int:
    if word[:3] not in _DAYS:
        raise UsageError(f"no day {quote(word)}{suggest(word, _DAYS)}")
    return _DAYS.index(word[:3])


class Silences:
    """The silences that hold at a moment, for the subjects of one scan."""

    def __init__(self, rows: Sequence[SilenceRow], view: ScanView | None, at: datetime) -> None:
        self._active = [row for row in rows if _holds(row, at)]
        self._view = view

    def find(self, rule: str, subject: Subject, groups: Sequence[str]) -> str | None:
        """The reason why an alert is silent; None: it is not."""
        for row in self._active:
            if row.rule in (None, rule) and self._covers(row.hosts, subject, groups):
                until = f"{moment(row.until_ms):%Y-%m-%d %H:%MZ}"
                # Another user of the store wrote the reason.
                return f"{escape(row.reason)} (silence {row.id}, until {until})"
        return None

    def _covers(self, pattern: str, subject: Subject, groups: Sequence[str]) -> bool:
        if pattern == "all":
            return True
        if subject.host is None:
            return subject.kind == "group" and subject.name == pattern
        if self._view is None:
            return subject.host in pattern.split(",") or pattern in groups
        return subject.host in self._view.match(pattern).names


def _holds(row: SilenceRow, at: datetime) -> bool:
    if not moment(row.from_ms) <= at < moment(row.until_ms):
        return False
    return row.every is None or parse_window(row.every, row.zone or "UTC").holds(at)
