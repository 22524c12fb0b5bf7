"""Send what waits in the outbox: each sink in its own thread, so that none holds up another.

At least once: a message is marked as sent after the receiver took it. A process that is killed in
between leaves it waiting, and the next run sends it again with the same id.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core.errors import SockfleetError
from ..core.process_identity import has_ended, is_running, this_process
from ..core.text import count_text
from ..history.store.alerts.sending import (
    SinkRow,
    begin_sending,
    count_waiting,
    load_sinks,
    mark_failed,
    mark_sent,
    take_sink,
)
from ..history.store.alerts.states import MessageRow
from ..history.store.database.connection import Store
from .notification import Message
from .outbox import read_alert
from .sinks.sink import Answer, Delivered, Refused, Sink, Unreached
from .states.alert_state import moment
from .states.machine import DAY_MS
from .stream_states import KEPT_MS

__all__ = ["Delivery", "deliver"]

LEASE_MS = 120_000
"""How long a process of another machine keeps a sink without a sign of life; one of this machine
loses it when it ends."""
_LONGEST_SEND_MS = 600_000
"""The longest time limit of a sink, `sinks.command`'s: so long a process of this machine keeps its
sink after the lease. Then it is taken for one that hangs."""
_FIRST_RETRY_S = 30.0
_LAST_RETRY_S = 600.0
_LONGEST_WISH_S = 3600.0
_LEFT = "it is no longer in the rules file"
"""The problem of a sink that is not tried."""


@dataclass(kw_only=True)
class Delivery:
    """What became of the messages of one run."""

    alerts: int = 0
    messages: int = 0
    problems: list[str] = field(default_factory=list)
    """Each sink that was not reached, with the reason: its alerts wait for the next run."""
    missed_pings: list[str] = field(default_factory=list)
    """Each heartbeat that was not reached, with the reason; nothing waits for one."""
    notes: list[str] = field(default_factory=list)
    """Messages that a receiver refused for good, and other notes."""

    @property
    def is_whole(self) -> bool:
        """Whether every sink and heartbeat was reached."""
        return not self.problems and not self.missed_pings


def deliver(store: Store, rules: str, sinks: Mapping[str, Sink]) -> Delivery:
    """Send all that waits for these sinks; returns when each is done. Raises StoreError."""
    found = Delivery()
    waiting = count_waiting(store, rules)
    for name in sorted(waiting.keys() - sinks.keys()):
        if _note_left_sink(store, rules, name):
            found.notes.append(
                f"sink {name}: {_LEFT}; {count_text(waiting[name], 'alert')} for it "
                f"{'waits' if waiting[name] == 1 else 'wait'} at most {KEPT_MS // DAY_MS} days: "
                "sockfleet alert list"
            )
    errors: list[SockfleetError] = []
    results = {name: Delivery() for name in sinks if name in waiting}

    def run(name: str) -> None:
        try:
            _Sender(store, rules, sinks[name], results[name]).run()
        except SockfleetError as error:
            errors.append(error)
        except Exception as error:  # of one sink; its text may hold a secret
            results[name].problems.append(f"sink {name}: it raised {type(error).__name__}")

    threads = [
        threading.Thread(target=run, args=(name,), daemon=True, name=f"sink {name}")
        for name in results
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results.values():
        found.alerts += result.alerts
        found.messages += result.messages
        found.problems += result.problems
        found.notes += result.notes
    if errors:
        raise errors[0]
    return found


def _note_left_sink(store: Store, rules: str, name: str) -> bool:
    """Whether no run has noted yet that the rules file no longer has the sink."""
    with store.write() as connection:
        row = load_sinks(connection, rules).get(name)
        if row is not None and row.problem == _LEFT:
            return False
        take_sink(connection, rules, SinkRow(sink=name, problem=_LEFT))
    return True


class _Sender:
    """Sends to one sink."""

    def __init__(self, store: Store, rules: str, sink: Sink, result: Delivery) -> None:
        self._store = store
        self._rules = rules
        self._sink = sink
        self._result = result
        self._owner = this_process()

    def run(self) -> None:
        """Send message by message, until none waits or one does not arrive."""
        if not self._take():
            return
        while rows := self._next():
            message = _message(rows)
            answer = self._sink.send(message)
            with self._store.write() as connection:
                if isinstance(answer, Unreached):
                    mark_failed(connection, rows[0])
                else:
                    state = "refused" if isinstance(answer, Refused) else "sent"
                    mark_sent(connection, rows[0], state, _now_ms())
            if not self._report(answer, rows):
                return

    def _take(self) -> bool:
        """Take the lease; False where another process holds it, or it is too early for a retry."""
        name, now_ms = self._sink.name, _now_ms()
        with self._store.write() as connection:
            row = load_sinks(connection, self._rules).get(name, SinkRow(sink=name))
            if row.owner is not None and row.owner != self._owner and not _is_free(row, now_ms):
                self._result.notes.append(f"sink {name}: another run is sending to it")
                return False
            if row.retry_ms is not None and 0 < row.retry_ms - now_ms <= _LONGEST_WISH_S * 1000:
                at = f"{moment(row.retry_ms).astimezone():%H:%M:%S}"
                self._result.problems.append(f"sink {name}: {row.problem}; not tried before {at}")
                return False
            taken = SinkRow(
                sink=name,
                owner=self._owner,
                lease_ms=now_ms + LEASE_MS,
                tries=row.tries,
                problem=None if row.problem == _LEFT else row.problem,
            )
            take_sink(connection, self._rules, taken)
        return True

    def _next(self) -> list[MessageRow]:
        with self._store.write() as connection:
            lease_ms = _now_ms() + LEASE_MS
            return begin_sending(connection, self._rules, self._sink.name, self._owner, lease_ms)

    def _report(self, answer: Answer, rows: list[MessageRow]) -> bool:
        """Note what became of a message; whether to send the next one."""
        name, now_ms = self._sink.name, _now_ms()
        if isinstance(answer, Unreached):
            self._result.problems.append(f"sink {name}: {answer.reason}")
            with self._store.write() as connection:
                row = load_sinks(connection, self._rules).get(name)
                if row is None or row.owner != self._owner:
                    return False  # another run has taken the sink meanwhile
                failed = SinkRow(
                    sink=name,
                    tries=row.tries + 1,
                    retry_ms=now_ms + round(_pause_s(row.tries, answer.after_s) * 1000),
                    problem=answer.reason,
                )
                take_sink(connection, self._rules, failed)
            return False
        if isinstance(answer, Refused):
            self._result.notes.append(
                f"sink {name}: {count_text(len(rows), 'alert')} refused for good: {answer.reason}"
            )
            return True
        if isinstance(answer, Delivered) and answer.note is not None:
            self._result.notes.append(f"sink {name}: {answer.note}")
        self._result.alerts += len(rows)
        self._result.messages += 1
        with self._store.write() as connection:
            held = load_sinks(connection, self._rules).get(name)
            if held is not None and held.tries and held.owner == self._owner:
                reached = SinkRow(sink=name, owner=held.owner, lease_ms=held.lease_ms)
                take_sink(connection, self._rules, reached)
        return True


def _message(rows: list[MessageRow]) -> Message:
    alerts = [read_alert(row) for row in rows]
    first = rows[0]
    identity = first.id if len(rows) == 1 else first.message
    return Message(id=identity, alerts=alerts, source=first.source)


def _is_free(row: SinkRow, now_ms: int) -> bool:
    if row.lease_ms is None or row.owner is None or has_ended(row.owner):
        return True
    late_ms = _LONGEST_SEND_MS if is_running(row.owner) else 0
    # A later time is of a clock that was wrong.
    return not -late_ms < row.lease_ms - now_ms <= LEASE_MS


def _pause_s(tries: int, wish_s: float | None) -> float:
    """The time to the next try: longer after each, at least as long as the receiver wants."""
    pause = min(_FIRST_RETRY_S * 2.0 ** min(tries, 10), _LAST_RETRY_S)
    return max(pause, min(wish_s or 0.0, _LONGEST_WISH_S))


def _now_ms() -> int:
    return round(time.time() * 1000)
