"""Judge scans of the store again, from a time on: what would have been sent, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ..core.record import record
from ..history.store.database.connection import Store
from ..history.store.read import ScanRow, list_scans
from .advance import Settings, advance
from .judge.judge import is_of_the_clock, judge_scan
from .notifying import Notification, NotifyContext, SinkTraits
from .rules.model import RulesFile
from .states.alert_state import AlertState, StateKey
from .stored_past import StoredPast, stream_of

__all__ = ["Replay", "replay_scans"]

_INTERVAL_MS = 3_600_000


@record
class Replay:
    """What a time of scans would have brought."""

    scans: int
    notified: tuple[tuple[ScanRow, tuple[Notification, ...]], ...]
    """The scans that would have brought messages, in order; without what only repeats."""
    states: tuple[AlertState, ...]
    notes: tuple[str, ...]


def replay_scans(
    store: Store,
    rules: RulesFile,
    sinks: Mapping[str, SinkTraits],
    since: datetime,
    fleet: str | None = None,
) -> Replay:
    """Judge the scans from ``since`` on, from no state. Silences do not count. Raises StoreError.

    Rules on the age of the newest scan are left out: each of these scans was once the newest.
    """
    judged_rules = tuple(rule for rule in rules.rules if not is_of_the_clock(rule))
    rows = [
        row
        for row in reversed(list_scans(store, since=since, fleet=fleet))
        if row.merged_into is None
    ]
    past = StoredPast(store)
    states: dict[str, Mapping[StateKey, AlertState]] = {}
    notified: list[tuple[ScanRow, tuple[Notification, ...]]] = []
    notes: dict[str, None] = {}
    for row in rows:
        stream = stream_of(row)
        judged = judge_scan(judged_rules, past.read(row.id), past)
        notes.update(judged.view.notes)
        at_ms = round(row.started_at.timestamp() * 1000)
        now_ms = at_ms + round(timedelta(seconds=row.duration_s) / timedelta(milliseconds=1))
        context = NotifyContext(
            scope=f"{rules.path}\n{stream}",
            at_ms=at_ms,
            now_ms=now_ms,
            expires_ms=now_ms + _INTERVAL_MS,
        )
        settings = Settings(rules=rules, sinks=sinks, context=context)
        after = advance(states.get(stream, {}), judged, settings)
        states[stream] = after.states
        news = tuple(
            one
            for one in after.notifications
            if not (one.is_repeat and sinks[one.sink].repeats_all)
        )
        if news:
            notified.append((row, news))
    return Replay(
        scans=len(rows),
        notified=tuple(notified),
        states=tuple(state for each in states.values() for state in each.values()),
        notes=tuple(notes),
    )
