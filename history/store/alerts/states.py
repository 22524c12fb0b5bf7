"""Read and write the states of alerts, and the outbox of messages to send.

The values are texts (JSON) here: what they mean is `sockfleet.alerting`'s. Functions that take a
connection run in a transaction of the caller, so that states and outbox change together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, inspect, select, update

from ....core.record import record
from ..database.bulk import upsert_rows
from ..database.connection import Store
from .layout import TABLES, acknowledgements, messages, progress, states

__all__ = [
    "MessageRow",
    "Progress",
    "StateRow",
    "add_messages",
    "drop_acknowledgements",
    "ensure_alert_tables",
    "find_waiting",
    "has_alert_tables",
    "load_acknowledgements",
    "load_progress",
    "load_states",
    "read_messages",
    "remove_messages",
    "replace_messages",
    "save_progress",
    "save_states",
]

_COLUMNS = (
    *("id", "rules", "sink", "message", "alert_key", "event", "at_ms", "source", "data"),
    *("is_repeat", "is_sending", "state"),
)


@record
class Progress:
    """How far a rules file has judged a stream."""

    scan_uid: str
    scan_ms: int
    evaluated_ms: int


@record
class StateRow:
    """One alert of a stream."""

    rule: str
    subject: str
    phase: str
    severity: str | None
    alert_key: str | None
    """Of its episode; None before the first one."""
    data: str


@record
class MessageRow:
    """One alert for one sink."""

    id: str
    rules: str
    sink: str
    message: str
    """Those of the same are sent together."""
    alert_key: str
    event: str
    at_ms: int
    source: str
    data: str
    is_repeat: bool = False
    is_sending: bool = False


def has_alert_tables(store: Store) -> bool:
    """Whether the store has them: one that an earlier sockfleet made may not."""
    with store.read() as connection:
        return inspect(connection).has_table(states.name)


def ensure_alert_tables(store: Store) -> None:
    """Make the tables of alerts where a store of this layout does not have them yet."""
    if not has_alert_tables(store):
        with store.write() as connection:
            states.metadata.create_all(connection, tables=list(TABLES))


def load_progress(connection: Connection, rules: str) -> dict[str, Progress]:
    """How far each stream is judged."""
    rows = connection.execute(select(progress).where(progress.c.rules == rules))
    return {
        row.stream: Progress(
            scan_uid=row.scan_uid, scan_ms=row.scan_ms, evaluated_ms=row.evaluated_ms
        )
        for row in rows
    }


def save_progress(connection: Connection, rules: str, stream: str, value: Progress) -> None:
    """Replace how far a stream is judged."""
    names = ("rules", "stream", "scan_uid", "scan_ms", "evaluated_ms")
    row = (rules, stream, value.scan_uid, value.scan_ms, value.evaluated_ms)
    upsert_rows(connection, progress, names, [row], changed=names[2:])


def load_states(connection: Connection, rules: str, stream: str) -> list[StateRow]:
    """The alerts of a stream."""
    rows = connection.execute(
        select(states)
        .where(states.c.rules == rules, states.c.stream == stream)
        .order_by(states.c.rule, states.c.subject)
    )
    return [
        StateRow(
            rule=row.rule,
            subject=row.subject,
            phase=row.phase,
            severity=row.severity,
            alert_key=row.alert_key,
            data=row.data,
        )
        for row in rows
    ]


def save_states(
    connection: Connection,
    rules: str,
    stream: str,
    changed: Iterable[StateRow],
    removed: Collection[tuple[str, str]],
) -> None:
    """Replace the alerts that changed, and drop those of these rules and subjects."""
    names = ("rules", "stream", "rule", "subject", "phase", "severity", "alert_key", "data")
    rows = [
        (rules, stream, one.rule, one.subject, one.phase, one.severity, one.alert_key, one.data)
        for one in changed
    ]
    if rows:
        upsert_rows(connection, states, names, rows, changed=names[4:])
    if removed:
        one = delete(states).where(
            *(states.c.rules == rules, states.c.stream == stream),
            *(states.c.rule == bindparam("of_rule"), states.c.subject == bindparam("of_subject")),
        )
        connection.execute(
            one, [{"of_rule": rule, "of_subject": subject} for rule, subject in removed]
        )


def add_messages(connection: Connection, rows: Sequence[MessageRow]) -> None:
    """Add what is to be sent; an id that is there already stays as it is."""
    values = [
        (*(getattr(row, name) for name in _COLUMNS if name != "state"), "waiting") for row in rows
    ]
    if values:
        upsert_rows(connection, messages, _COLUMNS, values, key="id")


def find_waiting(
    connection: Connection, rules: str, keys: Collection[str] | None = None
) -> list[MessageRow]:
    """What waits to be sent, in order; of these alerts alone where ``keys`` are given."""
    rows = read_messages(connection, messages.c.rules == rules, messages.c.state == "waiting")
    if keys is None:
        return rows
    wanted = set(keys)
    return [row for row in rows if row.alert_key in wanted]


def read_messages(connection: Connection, *where: ColumnElement[bool]) -> list[MessageRow]:
    """The rows of the outbox that meet all conditions, in order."""
    query = select(messages).where(*where).order_by(messages.c.seq)
    return [_message(row) for row in connection.execute(query)]


def remove_messages(connection: Connection, ids: Collection[str]) -> None:
    """Drop what newer messages replace, before it was sent."""
    if ids:
        one = delete(messages).where(messages.c.id == bindparam("of_id"))
        connection.execute(one, [{"of_id": each} for each in ids])


def replace_messages(connection: Connection, data: Mapping[str, str]) -> None:
    """Put newer content into what waits to be sent, by id."""
    if data:
        one = update(messages).where(messages.c.id == bindparam("of_id"))
        connection.execute(
            one.values(data=bindparam("new")),
            [{"of_id": each, "new": text} for each, text in data.items()],
        )


def _message(row: Any) -> MessageRow:
    return MessageRow(
        id=row.id,
        rules=row.rules,
        sink=row.sink,
        message=row.message,
        alert_key=row.alert_key,
        event=row.event,
        at_ms=row.at_ms,
        source=row.source,
        data=row.data,
        is_repeat=row.is_repeat,
        is_sending=row.is_sending,
    )


def load_acknowledgements(connection: Connection) -> dict[str, str]:
    """The severity up to which each alert is acknowledged, by its key."""
    table = acknowledgements.c
    rows = connection.execute(select(table.alert_key, table.severity))
    return {str(key): str(severity) for key, severity in rows}


def drop_acknowledgements(connection: Connection, keys: Collection[str]) -> None:
    """Drop those of alerts that ended."""
    if keys:
        one = delete(acknowledgements).where(acknowledgements.c.alert_key == bindparam("of_key"))
        connection.execute(one, [{"of_key": key} for key in keys])
