"""From notifications to the messages of each sink, and what becomes of those that still wait.

What is superseded before it was sent collapses: an alert that fired and ended while its sink could
not be reached becomes one message, "was firing 14:03 to 14:20". What may have arrived stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from ..history.store.alerts.sending import BEGINS
from ..history.store.alerts.states import MessageRow
from .judge.observation import RANK
from .notification import Alert, Event
from .notifying import Notification, SinkTraits

__all__ = ["Collapse", "collapse", "make_rows", "rank_alert", "read_alert"]

_BEGINS = frozenset(map(Event, BEGINS))


@dataclass(kw_only=True)
class Collapse:
    """What a transaction does to the outbox."""

    added: list[Notification] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    """Ids of waiting messages."""
    changed: dict[str, Alert] = field(default_factory=dict)
    """Waiting messages with newer content, by id."""


def collapse(
    notifications: Sequence[Notification],
    waiting: Sequence[MessageRow],
    sinks: Mapping[str, SinkTraits],
) -> Collapse:
    """Bring new notifications together with the messages of the same alerts that still wait."""
    found = Collapse()
    by_alert: dict[tuple[str, str], list[MessageRow]] = {}
    for row in waiting:
        by_alert.setdefault((row.sink, row.alert_key), []).append(row)
    for notification in notifications:
        rows = by_alert.get((notification.sink, notification.alert.key), [])
        _add(notification, [row for row in rows if not row.is_sending], sinks, found)
    return found


def _add(
    notification: Notification,
    rows: Sequence[MessageRow],
    sinks: Mapping[str, SinkTraits],
    found: Collapse,
) -> None:
    event = notification.alert.event
    found.removed += [row.id for row in rows if row.is_repeat]
    begin = next((row for row in rows if Event(row.event) in _BEGINS), None)
    if begin is not None and event in (Event.WORSE, Event.REPEATED):
        # The receiver has not received it yet: its first message gets the newest content.
        first = read_alert(begin)
        severity = max(first.severity, notification.alert.severity, key=RANK.__getitem__)
        alert = replace(notification.alert, id=first.id, event=first.event, severity=severity)
        found.changed[begin.id] = alert
        return
    if begin is None or event is not Event.RESOLVED:
        found.added.append(notification)
        return
    found.removed += [row.id for row in rows if not row.is_repeat]
    if sinks[notification.sink].repeats_all or Event(begin.event) is Event.CANNOT_JUDGE:
        return
    missed = f"{notification.alert.key}|{Event.MISSED}|{notification.sink}"
    found.added.append(
        replace(notification, alert=replace(notification.alert, id=missed, event=Event.MISSED))
    )


def make_rows(
    notifications: Sequence[Notification],
    sinks: Mapping[str, SinkTraits],
    *,
    rules: str,
    evaluation: str,
    source: str,
) -> Iterator[MessageRow]:
    """The rows of the outbox: one message for each rule and sink, the most severe alert first.

    ``evaluation`` is what no other evaluation has; ``source`` are words for the receiver.
    """
    groups: dict[tuple[str, str, bool], list[Notification]] = {}
    for notification in notifications:
        key = notification.sink, notification.alert.rule, notification.is_repeat
        groups.setdefault(key, []).append(notification)
    for (sink, rule, is_repeat), members in groups.items():
        members.sort(key=lambda one: rank_alert(one.alert))
        most = max(1, sinks[sink].most_alerts)
        for part, begin in enumerate(range(0, len(members), most)):
            again = "repeated|" if is_repeat else ""
            message = f"{rule}|{evaluation}|{again}{part}|{sink}"
            for notification in members[begin : begin + most]:
                alert = notification.alert
                yield MessageRow(
                    id=alert.id,
                    rules=rules,
                    sink=sink,
                    message=message,
                    alert_key=alert.key,
                    event=str(alert.event),
                    at_ms=round(alert.at.timestamp() * 1000),
                    source=source,
                    data=msgspec.json.encode(alert).decode(),
                    is_repeat=is_repeat,
                )


def read_alert(row: MessageRow) -> Alert:
    """The alert of a row."""
    return msgspec.json.decode(row.data, type=Alert)


def rank_alert(alert: Alert) -> tuple[bool, int, float, str]:
    """What ends comes last; of the others the most severe first, then by the rule's first measure:
    the shortest time to a limit, or the largest number."""
    key, value = next(iter(alert.values.items()), ("", None))
    size = (value or 0.0) if key.startswith("hours_to.") else -(value or 0.0)
    return alert.event.is_over, -RANK[alert.severity], size, alert.subject.name
