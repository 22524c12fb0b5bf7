"""From saved scans to a sink: judged once, in order, sent once, in both databases."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sockfleet.alerting import evaluate
from sockfleet.alerting.evaluate import Evaluator
from sockfleet.alerting.notification import Event
from sockfleet.alerting.notifying import SinkTraits
from sockfleet.alerting.overview import read_overview
from sockfleet.alerting.replay import replay_scans
from sockfleet.alerting.sending import deliver
from sockfleet.alerting.sinks.sink import Refused, Unreached
from sockfleet.alerting.states.alert_state import moment
from sockfleet.history.store.alerts.layout import TABLES
from sockfleet.history.store.alerts.sending import SinkRow, begin_sending, mark_sent, take_sink
from sockfleet.history.store.alerts.states import ensure_alert_tables, has_alert_tables
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.save import fleet_key, save_scan
from tests.support.alerting.watched_fleet import TestSink, rules_of
from tests.support.history.made_scans import host_summary, scan_of

NOW = datetime.now(UTC).replace(microsecond=0)
AT_ONCE = '{name: many, clear-after: 1 scan, when: [{measure: tcp_close, warning: "~:100"}]}'


class Watch:
    """A store that is fed and judged."""

    def __init__(self, store, *rules, sink=None, clock=None):
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
        made = [host_summary(name, value) for name, value in hosts.items()]
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


def test_an_alert_is_told_once_and_its_end_once(store):
    watch = Watch(store)
    for minutes, value in enumerate([500, 500, None, 5, 5]):
        watch.run(minutes, a=value)
        watch.run()
    assert watch.events == [("firing", "a"), ("resolved", "a")]


def test_scans_that_no_run_judged_are_judged_in_order(store):
    watch = Watch(store)
    watch.run(0, a=5)
    for minutes, value in enumerate([500, 5, 500], 1):
        watch.save(minutes, a=value)
    evaluation = watch.run()
    assert [row.started_at for row in evaluation.judged] == [
        NOW + timedelta(minutes=n) for n in (1, 2, 3)
    ]
    assert watch.events == [("missed", "a"), ("firing", "a")]


def test_a_scan_that_is_imported_later_and_is_older_is_never_judged(store):
    watch = Watch(store)
    watch.run(10, a=5)
    watch.save(5, a=500)
    watch.now = NOW + timedelta(minutes=11)
    assert watch.run().judged == []
    assert watch.events == []


def test_the_first_run_judges_the_newest_scan_alone(store):
    watch = Watch(store)
    watch.save(0, a=500)
    watch.run(1, a=5)
    assert watch.events == []


def test_two_runs_at_once_judge_a_scan_once(store):
    watch = Watch(store)
    watch.run(0, a=5)
    watch.save(1, a=500)
    found = []
    threads = [threading.Thread(target=lambda: found.append(watch.evaluate())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(one.judged) for one in found) == 1
    assert sum(len(one.notifications) for one in found) == 1
    watch.send()
    assert watch.events == [("firing", "a")]


def test_a_sink_that_is_down_gets_everything_later_in_order(store):
    watch = Watch(store)
    watch.sink.answer = Unreached(reason="down")
    watch.run(0, a=500, b=5)
    watch.run(1, a=500, b=500)
    assert watch.send().problems != []
    wait(store)
    watch.sink.answer = TestSink().answer
    assert watch.send().is_whole
    assert watch.events == [("firing", "a"), ("firing", "b")]


def wait(store):
    """Let the time to the next try pass."""
    with store.write() as connection:
        connection.execute(text("UPDATE _alert_sink SET retry_ms = 0"))


def test_a_sink_that_is_down_is_not_tried_before_its_time(store):
    watch = Watch(store)
    watch.sink.answer = Unreached(reason="down", after_s=500)
    watch.run(0, a=500)
    watch.sink.answer = TestSink().answer
    (problem,) = watch.send().problems
    assert problem.startswith("sink direct: down; not tried before")
    assert watch.events == []


def test_what_fired_and_ended_while_the_sink_was_down_is_one_message(store):
    watch = Watch(store)
    watch.sink.answer = Unreached(reason="down")
    watch.run(0, a=500)
    watch.run(20, a=5)
    wait(store)
    watch.sink.answer = TestSink().answer
    watch.send()
    (message,) = watch.sink.messages
    (alert,) = message.alerts
    assert alert.event is Event.MISSED
    assert (alert.began_at, alert.ended_at) == (NOW, NOW + timedelta(minutes=20))


def test_what_got_worse_while_the_sink_was_down_is_told_as_it_is_now(store):
    rule = AT_ONCE.replace('"~:100"', '"~:100", critical: "~:1000"')
    watch = Watch(store, rule)
    watch.sink.answer = Unreached(reason="down")
    watch.run(0, a=500)
    watch.run(1, a=5000)
    wait(store)
    watch.sink.answer = TestSink().answer
    watch.send()
    (message,) = watch.sink.messages
    (alert,) = message.alerts
    assert (str(alert.event), str(alert.severity)) == ("firing", "critical")


def test_an_alert_that_a_killed_run_was_sending_is_sent_again_with_the_same_id(store):
    watch = Watch(store)
    watch.run(0, a=500)
    with store.write() as connection:
        connection.execute(text("UPDATE _alert_message SET state = 'waiting', is_sending = TRUE"))
        connection.execute(
            text("UPDATE _alert_sink SET owner = 'other', lease_ms = 0, retry_ms = NULL")
        )
    watch.run(1, a=5)
    first, again, end = watch.sink.messages
    assert first.id == again.id
    assert end.alerts[0].event is Event.RESOLVED


def test_a_sink_that_another_process_sends_to_is_left_to_it(store):
    watch = Watch(store)
    watch.save(0, a=500)
    watch.evaluate()
    later = round(time.time() * 1000) + 100_000
    with store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO _alert_sink (rules, sink, owner, lease_ms, tries) "
                f"VALUES ('rules.yml', 'direct', 'x:y:1:2', {later}, 0)"
            )
        )
    delivery = watch.send()
    assert delivery.notes == ["sink direct: another run is sending to it"]
    assert watch.events == []


def test_a_message_that_is_refused_for_good_holds_up_no_other(store):
    watch = Watch(store)
    watch.sink.answer = Refused(reason="no such key")
    watch.save(0, a=500)
    watch.evaluate()
    delivery = watch.send()
    assert delivery.is_whole
    assert delivery.notes == ["sink direct: 1 alerts are refused for good: no such key"]
    watch.sink.answer = TestSink().answer
    watch.run(1, a=500, b=500)
    assert watch.events[-1] == ("firing", "b")


def test_a_sink_that_raises_holds_up_no_other(file_store):
    watch = Watch(file_store)
    watch.save(0, a=500)
    good, bad = TestSink("good"), TestSink("bad")
    watch.rules = rules_of(AT_ONCE, sinks=["good", "bad"])
    traits = {name: SinkTraits(name=name) for name in ("good", "bad")}
    Evaluator(file_store, watch.rules, traits, clock=watch.now.timestamp).run()
    bad.send = lambda message: 1 / 0
    delivery = deliver(file_store, "rules.yml", {"bad": bad, "good": good})
    assert delivery.problems == ["sink bad: it raised ZeroDivisionError"]
    assert len(good.messages) == 1


def test_a_thousand_hosts_that_fail_at_once_are_one_message_the_most_severe_first(store):
    rule = '{name: closed, when: [{measure: tcp_close, warning: "~:100", critical: "~:1500"}]}'
    watch = Watch(store, rule, sink=TestSink(most=10_000))
    watch.run(0, **{f"h{number}": 1000 + number for number in range(1000)})
    (message,) = watch.sink.messages
    assert len(message.alerts) == 1000
    assert message.alerts[0].subject.name == "h999"
    severities = [str(alert.severity) for alert in message.alerts]
    assert severities == ["critical"] * 499 + ["warning"] * 501
    assert {alert.others_firing for alert in message.alerts} == {999}


def test_a_storm_is_parted_at_what_the_sink_takes(store):
    watch = Watch(store, sink=TestSink(most=3))
    watch.run(0, **{f"h{number}": 500 for number in range(7)})
    assert [len(message.alerts) for message in watch.sink.messages] == [3, 3, 1]
    assert len({message.id for message in watch.sink.messages}) == 3


def test_a_dry_run_changes_nothing(store):
    watch = Watch(store)
    watch.save(0, a=500)
    before = dump(store)
    found = Evaluator(store, watch.rules, watch.traits).run(is_dry=True)
    assert [one.alert.subject.name for one in found.notifications] == ["a"]
    assert dump(store) == before


def dump(store):
    tables = ("_alert_state", "_alert_message", "_alert_progress", "_alert_sink")
    with store.read() as connection:
        return [connection.execute(text(f"SELECT * FROM {table}")).all() for table in tables]


def test_a_replay_says_what_would_have_been_sent(store):
    watch = Watch(store)
    for minutes, value in enumerate([5, 500, 500, 5, None, 500]):
        watch.save(minutes, a=value)
    found = replay_scans(store, watch.rules, watch.traits, NOW - timedelta(days=7))
    notified = [
        str(one.alert.event) for _, notifications in found.notified for one in notifications
    ]
    assert (found.scans, notified) == (6, ["firing", "resolved", "firing"])
    assert dump(store) == [[], [], [], []]


def test_two_rules_files_keep_their_own_states(store):
    first, second = Watch(store), Watch(store)
    second.rules = replace(second.rules, path="/other.yml")
    first.run(0, a=500)
    second.run()
    assert first.events == second.events == [("firing", "a")]
    ids = {message.id for watch in (first, second) for message in watch.sink.messages}
    assert len(ids) == 2


def test_a_selection_that_was_scanned_once_by_hand_is_not_judged(store):
    watch = Watch(store)
    watch.save(0, a=5)
    watch.save(1, a=5)
    hosts = [host_summary("b", 500)]
    save_scan(store, scan_of(hosts, NOW + timedelta(minutes=2), limit="b"))
    evaluation = watch.run()
    assert watch.events == []
    assert "1 selections of hosts were scanned once" in next(iter(evaluation.notes))


def test_alerts_of_hosts_that_are_scanned_no_more_end_after_a_week(store):
    watch = Watch(store)
    watch.run(0, a=500)
    watch.now = NOW + timedelta(days=6)
    watch.run()
    assert watch.events == [("firing", "a")]
    watch.now = NOW + timedelta(days=8)
    watch.run()
    assert watch.events == [("firing", "a"), ("resolved", "a")]
    assert watch.sink.messages[-1].alerts[0].reason == "these hosts were not scanned for 7 days"


def test_one_selection_of_hosts_can_be_named(store):
    watch = Watch(store)
    watch.save(0, a=500)
    save_scan(store, scan_of([host_summary("b", 500)], NOW + timedelta(minutes=2), limit="b"))
    fleet = fleet_key(scan_of([], NOW, limit="b").scan)
    watch.now = NOW + timedelta(minutes=3)
    watch.evaluate(fleet=fleet)
    watch.send()
    assert watch.events == [("firing", "b")]


def test_a_store_of_this_layout_without_the_tables_gets_them(store):
    with store.write() as connection:
        for table in TABLES:
            connection.execute(text(f"DROP TABLE {table.name}"))
    assert not has_alert_tables(store)
    assert read_overview(store, NOW).alerts == ()
    Watch(store).run(0, a=500)
    (listed,) = read_overview(store, NOW).alerts
    assert listed.state.subject.name == "a"


def test_alertmanager_holds_an_alert_until_the_next_run_and_three_intervals(store):
    watch = Watch(store, sink=TestSink(repeats_all=True))
    watch.run(0, a=500)
    watch.run(10, a=500)
    _, second = (message.alerts[0] for message in watch.sink.messages)
    assert str(second.event) == "repeated"
    expected = NOW + timedelta(minutes=10 + 40, seconds=30)
    assert abs(second.expires_at - expected) < timedelta(seconds=1)


def test_repeats_that_could_not_be_sent_do_not_pile_up(store):
    watch = Watch(store, sink=TestSink(repeats_all=True))
    watch.run(0, a=500)
    watch.sink.answer = Unreached(reason="down")
    for minutes in range(1, 5):
        watch.run(minutes, a=500)
    assert read_overview(store, NOW).waiting == {("rules.yml", "direct"): 1}


def test_an_evaluation_on_a_store_without_scans_finds_nothing(store):
    evaluation = Watch(store).run()
    assert (evaluation.judged, evaluation.notifications) == ([], [])


@pytest.mark.parametrize("minutes", [0, 1])
def test_a_number_of_the_clock_is_judged_without_a_new_scan(store, minutes):
    rule = '{name: old, each: fleet, clear-after: 1 scan, when: [{measure: age_s, warning: "600"}]}'
    watch = Watch(store, rule)
    watch.save(minutes - 60, a=5)
    watch.now = NOW
    watch.run()
    assert watch.events == [("firing", "all")]
    watch.save(minutes, a=5)
    watch.run()
    assert watch.events[-1] == ("resolved", "all")


def test_moments_are_those_of_unix_milliseconds():
    assert moment(1_500) == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)


def test_another_user_may_read_the_overview_of_a_store_without_tables(tmp_path):
    with use_store(str(tmp_path / "h.db"), create=True) as opened:
        assert read_overview(opened, NOW).alerts == ()


def test_a_sink_is_free_as_soon_as_nothing_waits_for_it(store):
    watch = Watch(store)
    watch.save(0, a=500)
    watch.evaluate()
    lease = SinkRow(sink="direct", owner="x:y:1:2", lease_ms=round(time.time() * 1000) + 60_000)
    with store.write() as connection:
        take_sink(connection, "rules.yml", lease)
        (row,) = begin_sending(connection, "rules.yml", "direct", "x:y:1:2", lease.lease_ms)
        mark_sent(connection, row, "sent", 1)
    with store.write() as connection:
        assert begin_sending(connection, "rules.yml", "direct", "x:y:1:2", lease.lease_ms) == []
    assert watch.run(1, a=500, b=500) is not None
    assert watch.events == [("firing", "b")]


def test_a_run_that_lost_a_sink_leaves_the_lease_of_the_other_run(store):
    watch = Watch(store)
    watch.save(0, a=500)
    watch.evaluate()
    other = SinkRow(sink="direct", owner="x:y:1:2", lease_ms=round(time.time() * 1000) + 60_000)

    def lose_the_sink(message):
        with store.write() as connection:
            take_sink(connection, "rules.yml", other)
        return Unreached(reason="slow")

    watch.sink.send = lose_the_sink
    watch.send()
    assert read_overview(store, NOW).sinks == {("rules.yml", "direct"): other}


def test_a_scan_of_the_future_is_not_judged_and_keeps_no_later_scan_from_it(store):
    watch = Watch(store)
    watch.run(0, a=5)
    watch.save(60 * 24 * 365, a=5)
    watch.now = NOW + timedelta(minutes=1)
    (note,) = watch.run().notes
    assert note.endswith("is in the future and is not judged: check the clocks")
    watch.run(2, a=500)
    assert watch.events == [("firing", "a")]


def test_a_scan_that_was_judged_by_a_wrong_clock_keeps_no_later_scan_from_it(store):
    watch = Watch(store)
    watch.run(60 * 24 * 365, a=5)
    watch.run(0, a=500)
    watch.run(1, a=500)
    watch.run(2, a=5)
    assert watch.events == [("firing", "a"), ("resolved", "a")]


def test_a_retry_and_a_lease_of_a_wrong_clock_hold_nothing_up(store):
    watch = Watch(store)
    watch.save(0, a=500)
    watch.evaluate()
    far = round(time.time() * 1000) + 10**10
    row = SinkRow(sink="direct", owner="x:y:1:2", lease_ms=far, retry_ms=far)
    with store.write() as connection:
        take_sink(connection, "rules.yml", row)
    assert watch.send().is_whole
    assert watch.events == [("firing", "a")]


def test_more_scans_than_one_run_judges_are_judged_by_the_next_ones(store, monkeypatch):
    monkeypatch.setattr(evaluate, "_MOST_SCANS", 3)
    watch = Watch(store)
    watch.run(0, a=5)
    for minutes, value in enumerate([500, 5, 5, 5, 5], 1):
        watch.save(minutes, a=value)
    judged = watch.run().judged + watch.run().judged
    assert [row.started_at for row in judged] == [NOW + timedelta(minutes=n) for n in range(1, 6)]
    assert watch.events == [("missed", "a")]


def test_a_selection_that_is_scanned_once_a_week_is_still_judged(store):
    watch = Watch(store)
    weekly = [(0, 5), (4, 500)]
    for days, value in weekly:
        at = NOW + timedelta(days=2 * days)
        save_scan(store, scan_of([host_summary("b", value)], at, limit="b"))
        for minutes in (1, 2):
            watch.save(minutes + days * 2880, a=5)
        if not days:
            watch.evaluate(fleet=fleet_key(scan_of([], NOW, limit="b").scan))
    watch.run()
    assert watch.events == [("firing", "b")]


@pytest.mark.parametrize(("late_s", "is_taken"), [(60, False), (601, True)])
def test_a_process_that_sends_longer_than_its_lease_keeps_the_sink(store, late_s, is_taken):
    program = (
        "from sockfleet.core.process_identity import this_process as t; print(t(), flush=True); "
        "input()"
    )
    watch = Watch(store)
    watch.save(0, a=500)
    watch.evaluate()
    words = [sys.executable, "-c", program]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        owner = other.stdout.readline().strip()
        lease_ms = round(time.time() * 1000) - late_s * 1000
        with store.write() as connection:
            take_sink(
                connection, "rules.yml", SinkRow(sink="direct", owner=owner, lease_ms=lease_ms)
            )
        notes = watch.send().notes
        other.communicate("\n")
    assert bool(watch.events) is is_taken
    assert bool(notes) is not is_taken
