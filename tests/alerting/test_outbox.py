"""What a sink receives that is down now and then, whatever happens meanwhile."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockfleet.alerting.notification import Event, Severity
from sockfleet.alerting.notifying import SinkTraits
from sockfleet.alerting.outbox import collapse, make_rows, read_alert
from tests.support.alerting.watched_fleet import WatchedFleet, rules_of

RULE = (
    '{name: many, clear-after: 1 scan, when: [{measure: tcp_close, warning: "~:100", '
    'critical: "~:1000"}]}'
)
SINKS = {
    "direct": SinkTraits(name="direct", most_alerts=2),
    "am": SinkTraits(name="am", repeats_all=True),
}
values = st.sampled_from([5, 500, 5000, None])
scans = st.lists(
    st.tuples(st.tuples(values, values, values), st.booleans(), st.booleans()), max_size=25
)


class Outbox:
    """The rows that wait, and the alerts that each sink received."""

    def __init__(self):
        self.waiting = []
        self.received = {name: [] for name in SINKS}
        self.number = 0

    def add(self, notifications):
        found = collapse(notifications, self.waiting, SINKS)
        self.number += 1
        kept = [row for row in self.waiting if row.id not in found.removed]
        self.waiting = [self._replace(row, found.changed.get(row.id)) for row in kept]
        self.waiting += make_rows(
            found.added, SINKS, rules="r", evaluation=str(self.number), source="test"
        )

    def _replace(self, row, alert):
        if alert is None:
            return row
        from dataclasses import replace

        import msgspec

        return replace(row, data=msgspec.json.encode(alert).decode())

    def send(self, sink):
        for row in self.waiting:
            if row.sink == sink:
                self.received[sink].append(read_alert(row))
        self.waiting = [row for row in self.waiting if row.sink != sink]


def run(steps):
    fleet, outbox = WatchedFleet(rules_of(RULE), sinks=SINKS), Outbox()
    for hosts, is_direct_up, is_am_up in steps:
        fleet.scan(dict(zip("abc", hosts, strict=True)))
        outbox.add(fleet.last.notifications)
        for sink, is_up in (("direct", is_direct_up), ("am", is_am_up)):
            if is_up:
                outbox.send(sink)
    for sink in SINKS:
        outbox.send(sink)
    return fleet, outbox


@given(scans)
def test_each_alert_begins_before_it_gets_worse_or_ends_and_ends_once(steps):
    _, outbox = run(steps)
    for received in outbox.received.values():
        events = {}
        for alert in received:
            events.setdefault(alert.key, []).append(alert.event)
        for found in events.values():
            kinds = [one for one in found if one is not Event.REPEATED]
            begins = {Event.FIRING, Event.FLAPPING, Event.CANNOT_JUDGE, Event.MISSED}
            assert kinds[0] in begins
            assert not begins & set(kinds[1:])
            assert Event.RESOLVED not in kinds[:-1]
            if kinds[0] is Event.MISSED:
                assert kinds == [Event.MISSED]


@given(scans)
def test_in_the_end_a_sink_knows_what_fires_and_how_bad_it_is(steps):
    fleet, outbox = run(steps)
    firing = {
        (state.rule_name, state.subject.name): state.notified["direct"].severity
        for state in fleet.states.values()
        if state.course.is_firing
        and "direct" in state.notified
        and state.notified["direct"].episode == state.course.episode
    }
    known: dict[tuple[str, str], Severity] = {}
    for alert in outbox.received["direct"]:
        key = alert.rule, alert.subject.name
        if alert.event in (Event.RESOLVED, Event.MISSED):
            known.pop(key, None)
        else:
            known[key] = alert.severity
    assert known == firing


@given(scans)
def test_no_id_is_used_twice(steps):
    _, outbox = run(steps)
    ids = [alert.id for received in outbox.received.values() for alert in received]
    assert len(set(ids)) == len(ids)


@given(scans)
def test_a_message_has_the_alerts_of_one_rule_and_no_more_than_the_sink_takes(steps):
    fleet = WatchedFleet(rules_of(RULE), sinks=SINKS)
    for number, (hosts, *_) in enumerate(steps):
        fleet.scan(dict(zip("abc", hosts, strict=True)))
        rows = list(
            make_rows(
                fleet.last.notifications, SINKS, rules="r", evaluation=str(number), source="test"
            )
        )
        messages = {}
        for row in rows:
            messages.setdefault(row.message, []).append(read_alert(row))
        for alerts in messages.values():
            assert len({alert.rule for alert in alerts}) == 1
        direct = [one for name, one in messages.items() if name.endswith("direct")]
        assert all(len(alerts) <= 2 for alerts in direct)
