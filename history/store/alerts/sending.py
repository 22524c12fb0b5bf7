"""Who sends to a sink, what is sent next, and what became of it.

Only the process that holds a sink's lease sends to it, so the alerts of one sink arrive in order.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from ....core.record import record
from ..database.bulk import upsert_rows
from ..database.connection import Store
from .layout import messages, sinks
from .states import MessageRow, read_messages

__all__ = [
    "BEGINS",
    "SinkRow",
    "begin_sending",
    "count_waiting",
    "load_all_sinks",
    "load_sinks",
    "load_waiting",
    "mark_failed",
    "mark_sent",
    "take_sink",
]

BEGINS = ("firing", "flapping", "cannot-judge")
"""The events that tell a receiver of an alert first."""


@record
class SinkRow:
    """A sink as the last runs left it."""

    sink: str
    owner: str | None = None
    """The process that sends to it."""
    lease_ms: int | None = None
    """Until when, whatever becomes of that process."""
    tries: int = 0
    """How often it did not answer in a row."""
    retry_ms: int | None = None
    """Not before this time it is tried again."""
    problem: str | None = None


def load_sinks(connection: Connection, rules: str) -> dict[str, SinkRow]:
    """The sinks of a rules file by name."""
    rows = connection.execute(select(sinks).where(sinks.c.rules == rules))
    return {
        row.sink: SinkRow(
            sink=row.sink,
            owner=row.owner,
            lease_ms=row.lease_ms,
            tries=row.tries,
            retry_ms=row.retry_ms,
            problem=row.problem,
        )
        for row in rows
    }


def take_sink(connection: Connection, rules: str, row: SinkRow) -> None:
    """Replace what is known of a sink."""
    names = ("rules", "sink", "owner", "lease_ms", "tries", "retry_ms", "problem")
    values = (rules, row.sink, row.owner, row.lease_ms, row.tries, row.retry_ms, row.problem)
    upsert_rows(connection, sinks, names, [values], changed=names[2:])


def begin_sending(
    connection: Connection, rules: str, sink: str, owner: str, lease_ms: int
) -> list[MessageRow]:
    """Mark the next message of a sink as under way, and extend the lease.

    Returns its rows; none where nothing waits, or another process has taken the sink. The lease
    ends in the transaction that finds nothing: what another run adds after it, that run sends.
    """
    held = connection.execute(
        update(sinks)
        .where(sinks.c.rules == rules, sinks.c.sink == sink, sinks.c.owner == owner)
        .values(lease_ms=lease_ms)
    ).rowcount
    if not held:
        return []
    table = messages.c
    _drop_ends_of_refused(connection, rules, sink)
    mine = (table.rules == rules, table.sink == sink, table.state == "waiting")
    first = connection.scalar(select(table.message).where(*mine).order_by(table.seq).limit(1))
    if first is None:
        _release_sink(connection, rules, sink, owner)
        return []
    whole = (*mine, table.message == first)
    connection.execute(update(messages).where(*whole).values(is_sending=True))
    return read_messages(connection, *whole)


def mark_sent(connection: Connection, row: MessageRow, state: str, done_ms: int) -> None:
    """Note that the receiver took the message of a row (``sent``), or never will (``refused``)."""
    table = messages.c
    if state == "sent":
        # The receiver now knows of alerts whose begin it refused.
        taken = select(table.alert_key).where(*_same_message(row))
        connection.execute(
            delete(messages).where(
                *_refused_begins(row.rules, row.sink), table.alert_key.in_(taken)
            )
        )
    if row.is_repeat:  # its id never comes again, and there is one at each run
        connection.execute(delete(messages).where(*_same_message(row)))
        return
    connection.execute(
        update(messages)
        .where(*_same_message(row))
        .values(state=state, is_sending=False, done_ms=done_ms)
    )


def mark_failed(connection: Connection, row: MessageRow) -> None:
    """Note that the message of a row did not arrive."""
    connection.execute(update(messages).where(*_same_message(row)).values(is_sending=False))


def _same_message(row: MessageRow) -> tuple[ColumnElement[bool], ...]:
    table = messages.c
    return (
        table.rules == row.rules,
        table.sink == row.sink,
        table.state == "waiting",
        table.message == row.message,
    )


def _refused_begins(rules: str, sink: str) -> tuple[ColumnElement[bool], ...]:
    table = messages.c
    return (
        table.rules == rules,
        table.sink == sink,
        table.state == "refused",
        table.event.in_(BEGINS),
    )


def _drop_ends_of_refused(connection: Connection, rules: str, sink: str) -> None:
    """Drop the ends of alerts that the receiver never took: it knows of nothing to end."""
    refused = select(messages.c.alert_key).where(*_refused_begins(rules, sink))
    table = messages.c
    connection.execute(
        delete(messages).where(
            table.rules == rules,
            table.sink == sink,
            table.state == "waiting",
            table.event == "resolved",
            table.alert_key.in_(refused),
        )
    )


def _release_sink(connection: Connection, rules: str, sink: str, owner: str) -> None:
    """Give up the lease, if it is still held."""
    connection.execute(
        update(sinks)
        .where(sinks.c.rules == rules, sinks.c.sink == sink, sinks.c.owner == owner)
        .values(owner=None, lease_ms=None)
    )


def count_waiting(store: Store, rules: str) -> dict[str, int]:
    """How many alerts wait for each sink."""
    table = messages.c
    query = (
        select(table.sink, func.count())
        .where(table.rules == rules, table.state == "waiting")
        .group_by(table.sink)
    )
    with store.read() as connection:
        return {sink: int(count) for sink, count in connection.execute(query)}


def load_waiting(connection: Connection) -> dict[tuple[str, str], int]:
    """How many alerts wait, by rules file and sink."""
    table = messages.c
    query = (
        select(table.rules, table.sink, func.count())
        .where(table.state == "waiting")
        .group_by(table.rules, table.sink)
        .order_by(table.rules, table.sink)
    )
    return {(rules, sink): int(count) for rules, sink, count in connection.execute(query)}


def load_all_sinks(connection: Connection) -> dict[tuple[str, str], SinkRow]:
    """The sinks of every rules file."""
    files = connection.scalars(select(sinks.c.rules).distinct()).all()
    return {
        (rules, name): row for rules in files for name, row in load_sinks(connection, rules).items()
    }
