"""Scans of a made fleet that are judged one after the other, without a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sockfleet.aggregator.fleet import FleetSummary
from sockfleet.aggregator.host import HostSummary
from sockfleet.aggregator.host_numbers import Number
from sockfleet.alerting.advance import Advance, Settings, advance
from sockfleet.alerting.judge.judge import judge_scan
from sockfleet.alerting.judge.past import NoPast
from sockfleet.alerting.notification import Event, Message
from sockfleet.alerting.notifying import Notification, NotifyContext, SinkTraits
from sockfleet.alerting.rules.load import parse_rules
from sockfleet.alerting.rules.model import RulesFile
from sockfleet.alerting.sinks.sink import Answer, Delivered, Unreached
from sockfleet.alerting.states.alert_state import AlertState, StateKey
from tests.support.history.made_scans import host_summary, scan_of

__all__ = ["BEGIN", "MadePast", "TestSink", "WatchedFleet", "rules_of"]

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
SINKS = {"direct": SinkTraits(name="direct"), "am": SinkTraits(name="am", repeats_all=True)}


def rules_of(*rules: str, sinks: Iterable[str] = SINKS) -> RulesFile:
    """A file of these rules in flow style."""
    text = "".join(f"  - {rule}\n" for rule in rules)
    named = ", ".join(f"{name}: {{type: command}}" for name in sinks)
    return parse_rules(f"version: 1\nsinks: {{{named}}}\nrules:\n{text}".encode(), "rules.yml")


class MadePast(NoPast):
    """The scans before one, and given numbers of the store."""

    def __init__(self, scans: list[FleetSummary]) -> None:
        self.scans = scans
        self.stored: dict[str, Mapping[str, Number]] = {}
        self.last: dict[str, HostSummary] = {}

    def earlier_scans(self, now: FleetSummary, over: timedelta | None) -> Iterable[FleetSummary]:
        """The scans before, the newest first; of an age, the nearest first."""
        before = [scan for scan in self.scans if scan.scan.started_at < now.scan.started_at]
        if over is None:
            return reversed(before)
        wanted = now.scan.started_at - over
        near = [one for one in before if abs(one.scan.started_at - wanted) <= over / 4]
        return sorted(near, key=lambda one: abs(one.scan.started_at - wanted))

    def stored_number(
        self, key: str, now: FleetSummary, over: timedelta | None
    ) -> Mapping[str, Number]:
        """The number that the test gave."""
        return self.stored.get(key, {})

    def last_readings(self, now: FleetSummary) -> Mapping[str, HostSummary]:
        """The readings that the test gave."""
        return self.last


class WatchedFleet:
    """A fleet whose scans are judged by rules; it keeps all that is notified."""

    def __init__(
        self, rules: RulesFile, *, every: timedelta = timedelta(hours=1), **settings: Any
    ) -> None:
        self.rules = rules
        self.every = every
        self.at = BEGIN
        self.states: dict[StateKey, AlertState] = {}
        self.past = MadePast([])
        self.notified: list[Notification] = []
        self.settings = {"sinks": SINKS, **settings}

    def scan(
        self, hosts: Mapping[str, object] | None = None, *, complete: bool = True, **settings: Any
    ) -> list[tuple[str, str, str]]:
        """Judge a scan of hosts: a number of tcp_close, None for unread, or a whole host.

        Returns the events of the direct sink: event, rule, subject.
        """
        made = [
            value if isinstance(value, HostSummary) else host_summary(name, value)  # type: ignore[arg-type]  # a number or None
            for name, value in (hosts or {}).items()
        ]
        self.at += self.every
        summary = scan_of(made, self.at, complete=complete)
        self.past.scans.append(summary)
        judged = judge_scan(self.rules.rules, summary, self.past)
        self.notes = judged.view.notes
        return self._apply(advance(self.states, judged, self._settings(settings)))

    def look_again(self, **settings: Any) -> list[tuple[str, str, str]]:
        """Evaluate without a new scan."""
        self.at += self.every
        return self._apply(advance(self.states, None, self._settings(settings)))

    def _settings(self, more: Mapping[str, Any]) -> Settings:
        at_ms = round(self.at.timestamp() * 1000)
        context = NotifyContext(
            scope="test", at_ms=at_ms, now_ms=at_ms + 2000, expires_ms=at_ms + 4 * 3_600_000
        )
        made = Settings(rules=self.rules, context=context, **self.settings)
        return replace(made, **more)

    def _apply(self, found: Advance) -> list[tuple[str, str, str]]:
        self.last = found
        self.states = found.states
        self.notified += found.notifications
        return [
            (str(one.alert.event), one.alert.rule, one.alert.subject.name)
            for one in found.notifications
            if one.sink == "direct"
        ]

    def events(self, sink: str = "direct") -> list[Event]:
        """All events that a sink was notified."""
        return [one.alert.event for one in self.notified if one.sink == sink]


class TestSink:
    """A sink in memory, which answers as the test wants."""

    __test__ = False

    def __init__(self, name: str = "direct", *, repeats_all: bool = False, most: int = 100) -> None:
        self.name = name
        self.repeats_all = repeats_all
        self.most_alerts = most
        self.messages: list[Message] = []
        self.answer: Answer = Delivered()

    def send(self, message: Message) -> Answer:
        """Keep the message, if it is reached."""
        if not isinstance(self.answer, Unreached):
            self.messages.append(message)
        return self.answer
