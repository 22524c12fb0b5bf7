"""One transaction: judge a scan's observations against the states, save them, fill the outbox.

Two runs at once judge a scan once: the transaction first looks whether the other was faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from ..core.record import record
from ..history.store.alerts.evidence import save_evidence
from ..history.store.alerts.states import (
    Progress,
    StateRow,
    add_messages,
    drop_acknowledgements,
    drop_old_messages,
    find_waiting,
    has_alert_tables,
    load_acknowledgements,
    load_progress,
    load_states,
    remove_messages,
    replace_message,
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
from .states.machine import DAY_MS

__all__ = ["StreamStates", "read_states"]

_KEPT_MS = 30 * DAY_MS


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
        acknowledged: Mapping[str, str] = {}
        if has_alert_tables(self.store):
            with self.store.read() as connection:
                states = read_states(load_states(connection, self.rules, self.stream))
                acknowledged = load_acknowledgements(connection)
        return advance(states, judged, _acknowledge(settings, acknowledged))

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
            acknowledged = load_acknowledgements(connection)
            found = advance(read_states(rows), judged, _acknowledge(settings, acknowledged))
            keys = {notification.alert.key for notification in found.notifications}
            waiting = find_waiting(connection, self.rules, keys) if keys else []
            merged = collapse(found.notifications, waiting, settings.sinks)
            remove_messages(connection, merged.removed)
            for each, alert in merged.changed.items():
                replace_message(connection, each, msgspec.json.encode(alert).decode())
            evaluation = f"{self.stream}|{now.scan_uid}|{now.evaluated_ms}"
            messages = make_rows(
                merged.added,
                settings.sinks,
                rules=self.rules,
                evaluation=evaluation,
                source=source,
            )
            add_messages(connection, list(messages))
            before = {(row.rule, row.subject): row for row in rows}
            after = {key: _row(key, state, self.scope) for key, state in found.states.items()}
            changed = [row for key, row in after.items() if before.get(key) != row]
            removed = before.keys() - after.keys()
            save_states(connection, self.rules, self.stream, changed, removed)
            drop_acknowledgements(connection, found.ended)
            drop_old_messages(connection, now.evaluated_ms - _KEPT_MS)
            processes = {name: one.processes for name, one in settings.found.items()}
            save_evidence(connection, processes, now.evaluated_ms)
            save_progress(connection, self.rules, self.stream, now)
        return found


def read_states(rows: list[StateRow]) -> dict[StateKey, AlertState]:
    """The states of rows."""
    return {(row.rule, row.subject): msgspec.json.decode(row.data, type=AlertState) for row in rows}


def _row(key: StateKey, state: AlertState, scope: str) -> StateRow:
    course = state.course
    is_quiet = not course.episode
    return StateRow(
        rule=key[0],
        subject=key[1],
        phase=str(course.phase),
        severity=None if course.severity is None else str(course.severity),
        alert_key=None if is_quiet else alert_key(scope, state, course.episode),
        data=msgspec.json.encode(state).decode(),
    )


def _acknowledge(settings: Settings, found: Mapping[str, str]) -> Settings:
    return replace(
        settings, acknowledged={key: Severity(severity) for key, severity in found.items()}
    )
