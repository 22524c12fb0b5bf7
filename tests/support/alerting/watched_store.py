"""A store whose scans are judged by a few rules, at a time of the test's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sockfleet.aggregator.host import HostSummary
from sockfleet.alerting.evaluate import Evaluator
from sockfleet.alerting.notifying import SinkTraits
from sockfleet.alerting.sending import deliver
from sockfleet.history.store.alerts.states import ensure_alert_tables
from sockfleet.history.store.save import save_scan
from tests.support.alerting.watched_fleet import TestSink, rules_of
from tests.support.history.made_scans import host_summary, scan_of

__all__ = ["AT_ONCE", "NOW", "Watch"]

NOW = datetime.now(UTC).replace(microsecond=0)
AT_ONCE = '{name: many, clear-after: 1 scan, when: [{measure: tcp_close, warning: "~:100"}]}'


class Watch:
    """A store that is fed with scans and judged, and its one sink."""

    def __init__(self, store, *rules, sink=None):
        self.store = store
        self.sink = sink or TestSink()
        self.rules = rules_of(*(rules or (AT_ONCE,)), sinks=[self.sink.name])
        self.now = NOW
        ensure_alert_tables(store)

    @property
    def traits(self):
        sink = self.sink
        return {
            sink.name: SinkTraits(
                name=sink.name, repeats_all=sink.repeats_all, most_alerts=sink.most_alerts
            )
        }

    def save(self, minutes, **hosts):
        at = NOW + timedelta(minutes=minutes)
        self.now = at + timedelta(seconds=30)
        made = [
            value if isinstance(value, HostSummary) else host_summary(name, value)
            for name, value in hosts.items()
        ]
        save_scan(self.store, scan_of(made, at))

    def evaluate(self, **settings):
        clock = self.now.timestamp
        return Evaluator(self.store, self.rules, self.traits, clock=clock, **settings).run()

    def send(self):
        return deliver(self.store, self.rules.path, {self.sink.name: self.sink})

    def run(self, minutes=None, **hosts):
        if minutes is not None:
            self.save(minutes, **hosts)
        evaluation = self.evaluate()
        self.send()
        return evaluation

    @property
    def events(self):
        return [
            (str(alert.event), alert.subject.name)
            for message in self.sink.messages
            for alert in message.alerts
        ]
