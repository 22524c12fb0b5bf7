"""Times and durations as people type them, and as we print them.

A time: ``2d`` or ``1w3d`` (so long ago), ``3 days ago``, ``now``, ``today``, ``yesterday``,
``Monday`` (the midnight that begins it, the last one), ``03:10`` (of today), ``14 Nov``,
``14 Nov 2026 03:10``, ISO 8601, ``@UNIX``. It is local unless it ends in Z or an offset.

dateparser knows no weeks and guesses what 10/11 means; dateutil's Monday is the next one. So this
grammar is our own, and what it does not know is an error.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from ..core.errors import UsageError
from ..core.text import quote

__all__ = [
    "MOMENT_HELP",
    "format_duration",
    "format_moment",
    "parse_duration",
    "parse_moment",
    "parse_size",
]

MOMENT_HELP = (
    "2d, 1w3d, 3 days ago, now, today, yesterday, Monday, 03:10, 14 Nov [2026] [03:10], "
    "2026-11-14[T03:10[Z]] or @UNIX; local unless Z"
)
"""The grammar, for the help of an option."""

_UNITS = {
    "s": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
    "d": 86400,
    "w": 7 * 86400,
}
_WORDS = {
    "second": "s",
    "sec": "s",
    "minute": "m",
    "min": "m",
    "hour": "h",
    "day": "d",
    "week": "w",
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
_PART = re.compile(r"(\d{1,9})(min|[smhdw])")
_AGO = re.compile(r"(\d{1,9})\s*(second|sec|minute|min|hour|day|week)s?\s+ago")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,6}))?)?")
_DATE = re.compile(r"(\d{1,2})\s+([a-z]+)\.?(?:\s+(\d{4}))?(?:\s+(\d{1,2}:\S+))?")
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[t ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)\s*(z|[+-]\d{2}:?\d{2})?)?"
)
_UNIX = re.compile(r"@(-?\d{1,10}(?:\.\d{1,6})?)")
_SLASHES = re.compile(r"\d{1,4}/\d{1,2}(/\d{1,4})?")
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,3})?)\s*([KMGT]?)i?B?", re.IGNORECASE)


def parse_moment(text: str, now: datetime) -> datetime:
    """The moment that a text means at ``now``, whose time zone is the local one.

    Raises UsageError, with the spelling to use where that is known.
    """
    words = " ".join(text.strip().lower().split())
    for read in (_read_word, _read_span, _read_clock, _read_date, _read_iso, _read_unix):
        try:
            found = read(words, now)
        except (ValueError, OverflowError) as error:
            raise UsageError(f"the time {quote(text)}: {error}") from error
        if found is not None:
            return found
    if _SLASHES.match(words):
        raise UsageError(
            f"the time {quote(text)}: day and month look alike with slashes; write it as "
            f"{now:%Y-%m-%d}"
        )
    raise UsageError(f"the time {quote(text)} is not understood; write {MOMENT_HELP}")


def format_moment(moment: datetime) -> str:
    """A moment as `parse_moment` reads it in any time zone, to the second or finer if it is."""
    kept = "seconds" if not moment.microsecond else "auto"
    text = moment.isoformat(sep=" ", timespec=kept)
    return text.replace("+00:00", "Z")


def parse_duration(text: str) -> timedelta:
    """``30d``, ``1w3d``, ``90min``; raises UsageError."""
    words = text.strip().lower()
    seconds = _span_seconds(words)
    if seconds is None:
        raise UsageError(f"the duration {quote(text)}: write it as 30d, 1w3d, 12h or 90min")
    try:
        return timedelta(seconds=seconds)
    except OverflowError as error:
        raise UsageError(f"the duration {quote(text)} is too long") from error


def format_duration(span: timedelta) -> str:
    """A duration as `parse_duration` reads it, without its fraction of a second."""
    rest = int(span.total_seconds())
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_size(text: str) -> int:
    """Bytes: ``2GB``, ``500M``; a unit is 1024 of the one below. Raises UsageError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"the size {quote(text)}: write it as 2GB or 500MB")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def _read_word(words: str, now: datetime) -> datetime | None:
    if words == "now":
        return now
    if words == "today":
        return _midnight(now, 0)
    if words == "yesterday":
        return _midnight(now, 1)
    for number, name in enumerate(_DAYS):
        if words in (name, name[:3]):
            return _midnight(now, (now.weekday() - number) % 7)
    return None


def _read_span(words: str, now: datetime) -> datetime | None:
    match = _AGO.fullmatch(words)
    seconds = _span_seconds(words)
    if match is not None:
        seconds = int(match[1]) * _UNITS[_WORDS[match[2]]]
    # So many seconds ago, not so many hours of the clock on the wall.
    if seconds is None:
        return None
    return (now.astimezone(UTC) - timedelta(seconds=seconds)).astimezone(now.tzinfo)


def _span_seconds(words: str) -> int | None:
    if not re.fullmatch(f"(?:{_PART.pattern})+", words):
        return None
    return sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(words))


def _read_clock(words: str, now: datetime) -> datetime | None:
    if _CLOCK.fullmatch(words) is None:
        return None
    return _at(now.year, now.month, now.day, words, now.tzinfo)


def _read_date(words: str, now: datetime) -> datetime | None:
    match = _DATE.fullmatch(words)
    if match is None:
        return None
    name = match[2]
    known = [n for n, m in enumerate(_MONTHS, 1) if name in (m, _MONTH_NAMES[n - 1], f"{m}t")]
    if not known:
        return None
    day, month = int(match[1]), known[0]
    if match[3]:
        return _at(int(match[3]), month, day, match[4], now.tzinfo)
    found = _at(now.year, month, day, match[4], now.tzinfo)
    # Without a year it is the last such day: in January, "30 Dec" is of the year before.
    return found if found <= now else _at(now.year - 1, month, day, match[4], now.tzinfo)


def _read_iso(words: str, now: datetime) -> datetime | None:
    match = _ISO.fullmatch(words)
    if match is None:
        return None
    zone = now.tzinfo if match[5] is None else _zone(match[5])
    return _at(int(match[1]), int(match[2]), int(match[3]), match[4], zone)


def _read_unix(words: str, now: datetime) -> datetime | None:
    match = _UNIX.fullmatch(words)
    if match is None:
        return None
    return datetime.fromtimestamp(float(match[1]), UTC).astimezone(now.tzinfo)


def _zone(text: str) -> tzinfo:
    match = _OFFSET.fullmatch(text)
    if match is None:
        return UTC
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(offset if match[1] == "+" else -offset)


def _at(year: int, month: int, day: int, clock: str | None, zone: tzinfo | None) -> datetime:
    at = time()
    if clock:
        match = _CLOCK.fullmatch(clock)
        if match is None:
            raise ValueError(f"{clock} is no time of a day")
        fraction = int((match[4] or "0").ljust(6, "0"))
        at = time(int(match[1]), int(match[2]), int(match[3] or 0), fraction)
    return datetime.combine(date(year, month, day), at, zone)


def _midnight(now: datetime, days_ago: int) -> datetime:
    day = now.date() - timedelta(days=days_ago)
    return datetime.combine(day, time(), now.tzinfo)
