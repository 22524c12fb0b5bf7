"""Judge the scans of a store that a rules file has not judged yet, and save what follows.

Each scan is judged once, in the order in which they began. One that is imported later and is older
than the last judged one is never judged: an alert of last week would be sent today.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ..history.store.alerts.silences import SilenceRow, list_silences
from ..history.store.alerts.states import Progress, has_alert_tables, load_progress, load_states
from ..history.store.database.connection import Store
from ..history.store.read import ScanRow, list_scans
from .advance import Advance, Settings
from .evidence import EvidenceProbe, evidence_of_scan
from .judge.judge import JudgedScan, is_of_the_clock, judge_scan
from .notifying import Notification, NotifyContext, SinkTraits
from .rules.model import RulesFile
from .scan_order import MOST_SCANS, Place, StreamScans, start_ms
from .states.alert_state import AlertState, ProbeResult, moment
from .states.silences import Silences
from .stored_past import StoredPast, stream_of
from .stream_states import StreamStates, read_states

__all__ = ["Evaluation", "Evaluator"]

_FORGOTTEN = timedelta(days=7)
"""A selection of hosts that has no scan for so long is scanned no more."""
_FEWEST_SCANS = 2
"""A selection that was scanned once, by hand, is not watched."""
_FIRST_INTERVAL_MS = 3_600_000
_SHORTEST_INTERVAL_MS = 60_000
_LONGEST_INTERVAL_MS = 6 * 3_600_000
_INTERVALS = 4
"""An alert expires at a receiver after the next run and three more intervals."""
_MOST_TRIES = 20


@dataclass(kw_only=True)
class Evaluation:
    """What one run found."""

    judged: list[ScanRow] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)
    silenced: list[str] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    """What the user should know, each once."""
    states: list[AlertState] = field(default_factory=list)
    """The alerts of all selections after it."""


class Evaluator:
    """Judges the scans of one store by one rules file.

    ``fleet`` is the begin of the key of a selection of hosts, ``stream`` a whole one with its
    shards; None: every selection that is scanned often. ``probe`` finds out who holds sockets.
    """

    def __init__(
        self,
        store: Store,
        rules: RulesFile,
        sinks: Mapping[str, SinkTraits],
        *,
        fleet: str | None = None,
        stream: str | None = None,
        probe: EvidenceProbe | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._rules = rules
        self._sinks = sinks
        self._fleet = fleet
        self._stream = stream
        self._probe = probe
        self._clock = clock
        self._past = StoredPast(store)

    def run(self, *, is_dry: bool = False) -> Evaluation:
        """Judge what is new in each selection of hosts; ``is_dry`` saves nothing.

        Raises StoreError.
        """
        found = Evaluation()
        streams = self._streams(found) if self._stream is None else [self._stream]
        for stream in streams:
            self._run_stream(stream, found, is_dry=is_dry)
        return found

    def _streams(self, found: Evaluation) -> list[str]:
        """The selections of hosts that are watched."""
        since = moment(self._now_ms()) - _FORGOTTEN
        rows = [row for row in list_scans(self._store, since=since) if row.merged_into is None]
        if not rows:
            rows = [row for row in list_scans(self._store, most=1) if row.merged_into is None]
        counts: dict[str, int] = {}
        for row in reversed(rows):
            if self._fleet is None or row.fleet.startswith(self._fleet):
                counts[stream_of(row)] = counts.get(stream_of(row), 0) + 1
        if self._fleet is not None:
            return list(counts)
        progress = self._load_progress()
        often = [
            name for name, count in counts.items() if count >= _FEWEST_SCANS or name in progress
        ]
        once = len(counts) - len(often)
        if often and once:
            were = "selection of hosts was" if once == 1 else "selections of hosts were"
            found.notes[
                f"{once} {were} scanned once in a week and not judged: --fleet KEY judges one"
            ] = None
        known = [name for name in progress if name not in counts]
        return [*(often or counts), *known]

    def _run_stream(self, stream: str, found: Evaluation, *, is_dry: bool) -> None:
        states: list[AlertState] = []
        stream_states = StreamStates(store=self._store, rules=self._rules.path, stream=stream)
        for _ in range(MOST_SCANS):
            place = self._find_next(stream, found)
            if place is None or (not place.is_new and place.row in found.judged):
                break
            after = self._judge(place, stream_states, found, is_dry=is_dry)
            if after is None:
                continue  # another run judged it: look again where it is now
            if place.is_new:
                found.judged.append(place.row)
            found.notifications += after.notifications
            found.silenced += after.silenced
            states = list(after.states.values())
            if is_dry or not place.is_new:
                break
        else:
            found.notes[f"{stream}: more than {MOST_SCANS} scans wait: the next run goes on"] = None
        if not is_dry:
            with self._store.read() as connection:
                kept = read_states(load_states(connection, self._rules.path, stream))
            states = list(kept.values())
        found.states += states

    def _find_next(self, stream: str, found: Evaluation) -> Place | None:
        scans = StreamScans(self._store, stream, moment(self._now_ms()))
        place = scans.next(self._load_progress().get(stream))
        if scans.note is not None:
            found.notes[scans.note] = None
        return place

    def _judge(
        self, place: Place, stream_states: StreamStates, found: Evaluation, *, is_dry: bool
    ) -> Advance | None:
        is_gone = _describe_gone(place, moment(self._now_ms())) is not None
        rules = tuple(
            rule
            for rule in self._rules.rules
            if not is_gone and (place.is_newest if is_of_the_clock(rule) else place.is_new)
        )
        summary = self._past.read(place.row.id)
        judged = judge_scan(rules, summary, self._past)
        settings = self._settings(place, stream_states, judged)
        if is_dry:
            found.notes.update(judged.view.notes)
            return stream_states.preview(judged, settings)
        found_now: Mapping[str, ProbeResult] = {}
        if self._probe is not None or any(host.processes is not None for host in summary.hosts):
            began = stream_states.preview(judged, settings).began
            found_now = self._find_evidence(judged, began)
        after = stream_states.commit(
            judged,
            replace(settings, found=found_now),
            place.progress,
            place.progress_after(settings.context.now_ms),
            _describe_source(place.row),
        )
        if after is not None:
            found.notes.update(judged.view.notes)
        return after

    def _settings(self, place: Place, stream_states: StreamStates, judged: JudgedScan) -> Settings:
        now_ms = self._now_ms()
        at = moment(now_ms)
        rows: list[SilenceRow] = []
        if has_alert_tables(self._store):
            with self._store.read() as connection:
                rows = list_silences(connection, now_ms)
        return Settings(
            rules=self._rules,
            sinks=self._sinks,
            context=NotifyContext(
                scope=stream_states.scope,
                at_ms=start_ms(place.row),
                now_ms=now_ms,
                expires_ms=now_ms + _INTERVALS * _interval_ms(place, now_ms),
            ),
            silence=Silences(rows, judged.view, at).find,
            gone=_describe_gone(place, at),
        )

    def _find_evidence(self, judged: JudgedScan, began: Sequence[str]) -> Mapping[str, ProbeResult]:
        if not began:
            return {}
        seen = evidence_of_scan(judged.summary, began)
        rest = [host for host in began if host not in seen]
        if self._probe is None or not rest:
            return seen
        return {**self._probe.probe(rest), **seen}

    def _load_progress(self) -> Mapping[str, Progress]:
        if not has_alert_tables(self._store):
            return {}
        with self._store.read() as connection:
            return load_progress(connection, self._rules.path)

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)


def _interval_ms(place: Place, now_ms: int) -> int:
    """The time between runs, or between scans where that is longer."""
    progress = place.progress
    if progress is None:
        return _FIRST_INTERVAL_MS
    longest = max(now_ms - progress.evaluated_ms, start_ms(place.row) - progress.scan_ms)
    return min(max(longest, _SHORTEST_INTERVAL_MS), _LONGEST_INTERVAL_MS)


def _describe_gone(place: Place, now: datetime) -> str | None:
    """Why the alerts of a selection end that is scanned no more: else they would fire for ever."""
    if place.is_new or now - place.row.started_at < _FORGOTTEN:
        return None
    return f"these hosts were not scanned for {_FORGOTTEN.days} days"


def _describe_source(row: ScanRow) -> str:
    limit = "" if row.limit is None else f", limit {row.limit}"
    return f"{', '.join(row.inventory)}{limit}, scan of {row.started_at:%Y-%m-%d %H:%M:%S}Z"
