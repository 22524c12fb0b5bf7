"""What ``sockfleet alert`` prints: a line for each alert that is notified, and the sum of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ....alerting.notification import Alert, Event, Severity
from ....alerting.notifying import Notification
from ....alerting.outbox import rank_alert
from ....alerting.states.alert_state import AlertState
from ....alerting.states.machine import Phase
from ....core.text import count_text
from ..abbreviation import abbreviate
from ..style import TextStyle

__all__ = [
    "MOST_LINES",
    "alert_line",
    "describe_states",
    "notification_lines",
    "replay_lines",
    "silenced_lines",
]

_STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow"}
_WORDS = {
    Event.FIRING: "fires",
    Event.WORSE: "worse",
    Event.REPEATED: "still fires",
    Event.RESOLVED: "resolved",
    Event.FLAPPING: "flaps",
    Event.CANNOT_JUDGE: "unknown",
    Event.MISSED: "missed",
}
_WIDEST = max(map(len, _WORDS.values()))


MOST_LINES = 20
"""Of one rule: a storm has thousands of alerts."""


def notification_lines(notifications: Iterable[Notification], style: TextStyle) -> Iterator[str]:
    """A line for each alert, with the sinks that receive it; without what only repeats.

    At most `MOST_LINES` of each rule, what fires before what ended, the most severe first.
    """
    sinks: dict[tuple[str, Event], list[str]] = {}
    alerts: dict[tuple[str, Event], Alert] = {}
    for notification in notifications:
        alert = notification.alert
        if alert.event is not Event.REPEATED:
            alerts.setdefault((alert.key, alert.event), alert)
            sinks.setdefault((alert.key, alert.event), []).append(notification.sink)
    by_rule: dict[str, list[Alert]] = {}
    for alert in sorted(alerts.values(), key=rank_alert):
        by_rule.setdefault(alert.rule, []).append(alert)
    for rule, members in by_rule.items():
        for alert in members[:MOST_LINES]:
            names = ", ".join(sinks[alert.key, alert.event])
            yield style.wrap(f"{alert_line(alert, style)} -> {names}", rest="    ")
        yield from _count_rest(len(members), f"of {rule}")


def silenced_lines(silenced: Sequence[str]) -> Iterator[str]:
    """A line for each alert that is held back, at most `MOST_LINES`."""
    yield from silenced[:MOST_LINES]
    yield from _count_rest(len(silenced), "held back")


def _count_rest(count: int, what: str) -> Iterator[str]:
    if count > MOST_LINES:
        yield f"+ {count - MOST_LINES:,} more {what}; sockfleet alert list"


def alert_line(alert: Alert, style: TextStyle) -> str:
    """What transitions to an alert."""
    word = f"{_WORDS[alert.event]:<{_WIDEST}}"
    is_over = alert.event.is_over
    colour = "green" if is_over else _STYLES[alert.severity]
    reason = "" if alert.reason is None or not is_over else f" ({alert.reason})"
    text = style.convert(f"{alert.rule}: {alert.summary}{reason}")
    return f"{style.render(word, colour)} {text}"


def describe_states(states: Sequence[AlertState]) -> str:
    """How many alerts fire, and how many are about to."""
    phases = Counter(state.course.phase for state in states)
    firing = [state for state in states if state.course.is_firing]
    critical = sum(state.course.severity is Severity.CRITICAL for state in firing)
    text = f"{count_text(len(firing), 'alert')} fire" + ("s" if len(firing) == 1 else "")
    if critical:
        text += f", {critical} of them critical"
    if phases[Phase.PENDING]:
        text += f"; {phases[Phase.PENDING]} pending"
    return text


def replay_lines(
    notified: Sequence[tuple[datetime, Sequence[Notification]]], style: TextStyle
) -> Iterator[str]:
    """What would have been sent at which time: one message for each rule and sink."""
    for at, notifications in notified:
        messages: dict[tuple[str, str], list[Alert]] = {}
        for notification in notifications:
            messages.setdefault((notification.sink, notification.alert.rule), []).append(
                notification.alert
            )
        for (sink, rule), alerts in messages.items():
            events = Counter(_WORDS[alert.event] for alert in alerts)
            what = ", ".join(
                word if len(alerts) == 1 else f"{count} {word}" for word, count in events.items()
            )
            names = abbreviate(alert.subject.name for alert in alerts)
            when = f"{at.astimezone():%Y-%m-%d %H:%M}"
            yield style.wrap(f"{when}  {sink}  {rule}: {what}: {names}", rest="    ")
