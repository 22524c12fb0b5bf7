"""What the tables of alerts do not keep for ever. All run in a transaction of the caller."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, select

from .. import layout
from ..database.bulk import upsert_rows
from .layout import messages, silences, sinks, states

__all__ = ["drop_old_rows", "find_alerts_in_outbox", "load_last_episode", "save_last_episode"]

_LAST_EPISODE = "alert_episode"


def drop_old_rows(
    connection: Connection, rules: str, sink_names: Collection[str], before_ms: int
) -> None:
    """Drop messages that were done before a time, silences that ended, and what waits for sinks
    that the rules file no longer has."""
    _drop_done_messages(connection, before_ms)
    connection.execute(delete(silences).where(silences.c.until_ms < before_ms))
    table = messages.c
    left = (table.rules == rules, table.state == "waiting", table.sink.not_in(sink_names))
    connection.execute(delete(messages).where(*left, table.at_ms < before_ms))
    waiting = select(table.sink).where(*left)
    connection.execute(
        delete(sinks).where(
            sinks.c.rules == rules, sinks.c.sink.not_in(sink_names), sinks.c.sink.not_in(waiting)
        )
    )


def _drop_done_messages(connection: Connection, before_ms: int) -> None:
    """Drop what was sent or refused before a time.

    What a receiver refused of an alert that is not over, or whose end still waits, stays: its end
    is not sent there.
    """
    table = messages.c
    lasting = select(states.c.alert_key).where(
        states.c.phase != "normal", states.c.alert_key.is_not(None)
    )
    waiting = select(table.alert_key).where(table.state == "waiting")
    is_kept = (table.state == "refused") & (
        table.alert_key.in_(lasting) | table.alert_key.in_(waiting)
    )
    connection.execute(delete(messages).where(table.done_ms < before_ms, ~is_kept))


def find_alerts_in_outbox(connection: Connection, rules: str) -> set[str]:
    """The keys of the alerts of all messages, without their episodes."""
    keys = connection.scalars(
        select(messages.c.alert_key).where(messages.c.rules == rules).distinct()
    )
    return {key.rpartition("|")[0] for key in keys}


def load_last_episode(connection: Connection) -> int:
    """The highest episode of the states that were dropped: no id of a message comes twice."""
    setting = layout.settings.c
    value = connection.scalar(select(setting.value).where(setting.name == _LAST_EPISODE))
    return int(value or 0)


def save_last_episode(connection: Connection, episode: int) -> None:
    """Note the episode of a state that is dropped, if it is the highest one."""
    if episode > load_last_episode(connection):
        row = (_LAST_EPISODE, str(episode))
        upsert_rows(connection, layout.settings, ["name", "value"], [row], changed=["value"])
