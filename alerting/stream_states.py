"""One transaction: judge a scan's observations against the states, save them, fill the outbox.

Two runs at once judge a scan once: the transaction first looks whether the other was faster.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
from sqlalchemy import Connection

from ..core.record import record
from ..history.store.alerts.evidence import save_evidence
from ..history.store.alerts.retention import (
    drop_old_rows,
    find_alerts_in_outbox,
    load_last_episode,
    save_last_episode,
)
from ..history.store.alerts.states import (
    Progress,
    StateRow,
    add_messages,
    drop_acknowledgements,
    find_waiting,
    has_alert_tables,
    load_acknowledgements,
    load_progress,
    load_states,
    remove_messages,
    replace_messages,
    save_progress,
    save_states,
)
from ..history.store.database.connection import Store
from .advance import Advance, Settings, advance
from .judge.judge import JudgedScan
from .notification import Severity
from .notifying import alert_key
from .outbox import collapse, make_rows
from .states.alert_state import AlertState, StateKey
from .states.machine import DAY_MS, Phase

__all__ = ["KEPT_MS", "StreamStates", "read_states"]

KEPT_MS = 30 * DAY_MS
"""How long the store keeps what is over: messages that were sent, states of alerts that ended,
messages for sinks that left the rules file."""


@record
class StreamStates:
    """Where the states of one rules file and one selection of hosts are kept."""

    store: Store
    rules: str
    """The path of the rules file."""
    stream: str

    @property
    def scope(self) -> str:
        """What makes the keys of its alerts unlike all others."""
        return f"{self.rules}\n{self.stream}"

    def preview(self, judged: JudgedScan | None, settings: Settings) -> Advance:
        """What `commit` would do, without doing it."""
        states: dict[StateKey, AlertState] = {}
        if has_alert_tables(self.store):
            with self.store.read() as connection:
                states = read_states(load_states(connection, self.rules, self.stream))
                settings = _add_stored(connection, settings)
        return advance(states, judged, settings)

    def commit(
        self,
        judged: JudgedScan | None,
        settings: Settings,
        expected: Progress | None,
        now: Progress,
        source: str,
    ) -> Advance | None:
        """Save what the scan does to the states, and what is to be sent of it.

        ``expected`` is how far the stream was judged when its scans were read. Returns None where
        another run has come further meanwhile: nothing is changed then. Raises StoreError.
        """
        with self.store.write() as connection:
            if load_progress(connection, self.rules).get(self.stream) != expected:
                return None
            rows = load_states(connection, self.rules, self.stream)
            states = read_states(rows)
            found = advance(states, judged, _add_stored(connection, settings))
            keys = {notification.alert.key for notification in found.notifications}
            waiting = find_waiting(connection, self.rules, keys) if keys else []
            merged = collapse(found.notifications, waiting, settings.sinks)
            remove_messages(connection, merged.removed)
            changed = merged.changed.items()
            replace_messages(
                connection, {each: msgspec.json.encode(alert).decode() for each, alert in changed}
            )
            evaluation = f"{self.stream}|{now.scan_uid}|{now.evaluated_ms}"
            messages = make_rows(
                merged.added,
                settings.sinks,
                rules=self.rules,
                evaluation=evaluation,
                source=source,
            )
            add_messages(connection, list(messages))
            before_ms = now.evaluated_ms - KEPT_MS
            self._drop_old_states(connection, found.states, before_ms)
            moved = [
                _row(key, state, self.scope)
                for key, state in found.states.items()
                if state is not states.get(key) and state != states.get(key)
            ]
            removed = states.keys() - found.states.keys()
            save_states(connection, self.rules, self.stream, moved, removed)
            drop_acknowledgements(connection, found.ended)
            drop_old_rows(connection, self.rules, settings.sinks.keys(), before_ms)
            processes = {name: one.processes for name, one in settings.found.items()}
            save_evidence(connection, processes, now.evaluated_ms)
            save_progress(connection, self.rules, self.stream, now)
        return found

    def _drop_old_states(
        self, connection: Connection, states: dict[StateKey, AlertState], before_ms: int
    ) -> None:
        """Drop alerts that ended long ago, unless a message of them is kept."""
        old = {
            key: state
            for key, state in states.items()
            if state.course.phase is Phase.NORMAL
            and not state.course.unknown_scans
            and state.course.fired_ms is not None
            and state.course.fired_ms < before_ms
        }
        if not old:
            return
        kept = find_alerts_in_outbox(connection, self.rules)
        for key, state in old.items():
            episode = state.course.episode
            if alert_key(self.scope, state, episode).rpartition("|")[0] not in kept:
                del states[key]
                save_last_episode(connection, episode)


def read_states(rows: list[StateRow]) -> dict[StateKey, AlertState]:
    """The states of rows."""
    return {(row.rule, row.subject): msgspec.json.decode(row.data, type=AlertState) for row in rows}


def _row(key: StateKey, state: AlertState, scope: str) -> StateRow:
    course = state.course
    return StateRow(
        rule=key[0],
        subject=key[1],
        phase=str(course.phase),
        severity=None if course.severity is None else str(course.severity),
        alert_key=alert_key(scope, state, course.episode) if course.has_fired else None,
        data=msgspec.json.encode(state).decode(),
    )


def _add_stored(connection: Connection, settings: Settings) -> Settings:
    """The settings with what the store has of all streams."""
    found = load_acknowledgements(connection)
    return replace(
        settings,
        acknowledged={key: Severity(severity) for key, severity in found.items()},
        last_episode=load_last_episode(connection),
    )
