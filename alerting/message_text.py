"""What a message says to people: its headline, and each alert in lines of plain text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from ..core.text import escape
from .notification import Alert, Event, Holder, Message, Severity

__all__ = [
    "cut",
    "describe_alert",
    "describe_holder",
    "describe_holders",
    "describe_time",
    "fit_text",
    "format_value",
    "headline",
    "list_facts",
    "name_subjects",
    "severity_of",
    "split_headline",
    "word_for",
    "write_text",
]

_MOST_NAMED = 3
_MOST_HOLDERS = 5
_WORDS = {
    Event.RESOLVED: "RESOLVED",
    Event.FLAPPING: "FLAPPING",
    Event.CANNOT_JUDGE: "CANNOT JUDGE",
    Event.MISSED: "FIRED AND RESOLVED",
}
# Joined to what is before them: a cut between them shows another character than the one cut.
_JOINED = frozenset({"Mn", "Mc", "Me"})


def severity_of(alerts: Sequence[Alert]) -> Severity:
    """The highest severity of several alerts."""
    is_critical = any(alert.severity is Severity.CRITICAL for alert in alerts)
    return Severity.CRITICAL if is_critical else Severity.WARNING


def word_for(alert: Alert) -> str:
    """The first word about an alert: its severity while it fires, else what happened to it."""
    return _WORDS.get(alert.event) or alert.severity.upper()


def headline(message: Message) -> str:
    """One line: what happened, to which subjects; for a storm how many, and the first of them."""
    return " ".join(split_headline(message))


def split_headline(message: Message) -> tuple[str, str]:
    """The headline's first words, which say how bad it is, and the rest."""
    first = message.alerts[0]
    if len(message.alerts) == 1:
        name, summary = escape(first.subject.name), escape(first.summary)
        named = summary if name in summary else f"{name}: {summary}"
        return word_for(first), f"{escape(first.rule)}: {named}{_still(first)}"
    words = Counter(word_for(alert) for alert in message.alerts)
    rules = ", ".join(dict.fromkeys(escape(alert.rule) for alert in message.alerts))
    said = ", ".join(f"{count:,} {word}" for word, count in words.items())
    if len(words) == 1:
        said = next(iter(words))
    count = f"{len(message.alerts):,} {_plural(message.alerts)}"
    return said, f"{rules}: {count} ({name_subjects(message.alerts)})"


def name_subjects(alerts: Sequence[Alert], most: int = _MOST_NAMED) -> str:
    """The first subjects by name, and how many more there are: ``web1, web2 + 998 more``."""
    names = ", ".join(escape(alert.subject.name) for alert in alerts[:most])
    more = len(alerts) - most
    return f"{names} + {more:,} more" if more > 0 else names


def write_text(message: Message, *, most_alerts: int | None = None) -> str:
    """The whole message as lines of plain text, of at most so many alerts."""
    alerts = message.alerts if most_alerts is None else message.alerts[:most_alerts]
    blocks = []
    for alert in alerts:
        lines = (f"{word_for(alert)} {escape(alert.summary)}", *describe_alert(alert))
        blocks.append("\n  ".join(lines))
    more = len(message.alerts) - len(alerts)
    if more:
        blocks.append(f"+ {more:,} more")
    blocks.append(escape(message.source))
    return "\n\n".join(blocks) + "\n"


def fit_text(message: Message, limit: int, *, measure: Callable[[str], int] = len) -> str:
    """The message as plain text that measures at most ``limit``.

    Where the whole is longer each alert has one line, the most severe first, and the last line
    counts those left out; of a single alert the last lines are left out. ``measure`` counts a
    newline by itself.
    """
    whole = write_text(message)
    if measure(whole) <= limit:
        return whole
    lines = [f"{word_for(alert)} {escape(alert.summary)}" for alert in message.alerts]
    is_single = len(lines) == 1
    if is_single:
        lines += describe_alert(message.alerts[0])
    room = limit - measure("…" if is_single else f"+ {len(lines):,} more")
    kept: list[str] = []
    for line in lines:
        room -= measure(f"{line}\n")
        if room < 0:
            break
        kept.append(line)
    if not kept:
        return _fit_line(lines[0], limit, measure)
    more = len(lines) - len(kept)
    last = "…" if is_single else f"+ {more:,} more"
    return "\n".join((*kept, last) if more else kept)


def _fit_line(line: str, limit: int, measure: Callable[[str], int]) -> str:
    longest = min(limit, len(line))
    while measure(cut(line, longest)) > limit and longest > 1:
        longest -= 1
    return cut(line, longest)


def describe_alert(alert: Alert) -> Iterator[str]:
    """What is known of an alert besides its summary, a line each."""
    return (f"{name}: {value}" for name, value in list_facts(alert))


def list_facts(alert: Alert) -> Iterator[tuple[str, str]]:
    """What is known of an alert besides its summary: a name and a value each."""
    over = alert.ended_at is not None
    yield ("Fired" if over else "Since"), describe_time(alert)
    if alert.reason is not None:
        yield "Reason", escape(alert.reason)
    if alert.values:
        pairs = (f"{escape(key)} {format_value(value)}" for key, value in alert.values.items())
        yield "Measured", ", ".join(pairs)
    if alert.holders:
        yield "Held by", describe_holders(alert.holders)
    if alert.evidence is not None:
        yield "Evidence", escape(alert.evidence)
    if alert.groups:
        yield "Groups", ", ".join(map(escape, alert.groups))
    if alert.next_command is not None:
        yield "Next", escape(alert.next_command)
    if alert.runbook is not None:
        yield "Runbook", escape(alert.runbook)


def describe_holders(holders: Sequence[Holder], most: int = _MOST_HOLDERS) -> str:
    """The first holders, and how many more there are."""
    named = "; ".join(map(describe_holder, holders[:most]))
    more = len(holders) - most
    return f"{named} + {more:,} more" if more > 0 else named


def describe_holder(holder: Holder) -> str:
    """A process: ``php (pid 7, www-data) 100 closed, 120 of 1,024 open files``."""
    known = (f"pid {holder.pid}", holder.user, holder.container)
    files = ""
    if holder.open_files is not None and holder.open_files_limit is not None:
        files = f", {holder.open_files:,} of {holder.open_files_limit:,} open files"
    within = ", ".join(escape(each) for each in known if each is not None)
    return f"{escape(holder.command)} ({within}) {holder.tcp_close:,} closed{files}"


def format_value(value: float | None) -> str:
    """A number with separators and at most one place, or ``unknown``."""
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"


def cut(text: str, limit: int, *, end: str = "…") -> str:
    """Return at most ``limit`` characters of a text, which then ends in ``end``.

    A character stays whole with the marks that combine with it.
    """
    if len(text) <= limit:
        return text
    kept = max(limit - len(end), 0)
    while kept and unicodedata.category(text[kept]) in _JOINED:
        kept -= 1
    return text[:kept].rstrip() + end[:limit]


def describe_time(alert: Alert) -> str:
    """When its condition began, and when it ended if it did, in local time."""
    began = _local(alert.began_at)
    return began if alert.ended_at is None else f"{began} to {_local(alert.ended_at)}"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%d %b %Y %H:%M %Z}".lstrip("0")


def _still(alert: Alert) -> str:
    return " (still firing)" if alert.event is Event.REPEATED else ""


def _plural(alerts: Sequence[Alert]) -> str:
    kinds = {alert.subject.kind for alert in alerts}
    return f"{kinds.pop()}s" if len(kinds) == 1 else "subjects"
