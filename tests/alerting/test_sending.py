"""From alerts to a sink: sent once, in order, and again after a failure, in both databases."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from sockfleet.alerting.evaluate import Evaluator
from sockfleet.alerting.notification import Event
from sockfleet.alerting.notifying import SinkTraits
from sockfleet.alerting.outbox import rank_alert
from sockfleet.alerting.overview import read_overview
from sockfleet.alerting.sending import deliver
from sockfleet.alerting.sinks.sink import Refused, Unreached
from sockfleet.history.store.alerts.sending import SinkRow, begin_sending, mark_sent, take_sink
from tests.support.alerting.watched_fleet import TestSink, WatchedFleet, rules_of
from tests.support.alerting.watched_store import AT_ONCE, NOW, Watch
from tests.support.history.made_scans import host_summary


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


def send_later(store, watch):
    """Return the only alert of the only message that the sink takes once it is there again."""
    wait(store)
    watch.sink.answer = TestSink().answer
    watch.send()
    (message,) = watch.sink.messages
    (alert,) = message.alerts
    return alert


def test_what_fired_and_ended_while_the_sink_was_down_is_one_message(store):
    watch = Watch(store)
    watch.sink.answer = Unreached(reason="down")
    watch.run(0, a=500)
    watch.run(20, a=5)
    alert = send_later(store, watch)
    assert alert.event is Event.MISSED
    assert (alert.began_at, alert.ended_at) == (NOW, NOW + timedelta(minutes=20))


def test_what_got_worse_while_the_sink_was_down_is_told_as_it_is_now(store):
    rule = AT_ONCE.replace('"~:100"', '"~:100", critical: "~:1000"')
    watch = Watch(store, rule)
    watch.sink.answer = Unreached(reason="down")
    watch.run(0, a=500)
    watch.run(1, a=5000)
    alert = send_later(store, watch)
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
    assert delivery.notes == ["sink direct: 1 alert refused for good: no such key"]
    watch.sink.answer = TestSink().answer
    watch.run(1, a=500, b=500)
    assert watch.events[-1] == ("firing", "b")


def test_an_alert_that_was_refused_for_good_ends_without_a_message(store):
    watch = Watch(store)
    watch.sink.answer = Refused(reason="no such key")
    watch.run(0, a=500, b=5)
    watch.sink.answer = TestSink().answer
    watch.sink.messages.clear()
    watch.run(1, a=500, b=500)
    watch.run(60 * 24 * 40, a=500, b=500)  # what was sent or refused long ago is dropped
    watch.run(60 * 24 * 40 + 1, a=5, b=5)
    assert watch.events == [("firing", "b"), ("resolved", "b")]
    assert read_overview(store, NOW).waiting == {}


def test_an_end_that_waits_while_its_begin_is_refused_is_not_sent(store):
    watch = Watch(store)
    watch.save(0, a=500)
    watch.evaluate()

    def refuse_while_it_ends(message):
        watch.save(1, a=5)
        watch.evaluate()
        watch.sink.messages.append(message)
        return Refused(reason="no such key")

    watch.sink.send = refuse_while_it_ends
    watch.send()
    assert watch.events == [("firing", "a")]


def test_an_alert_whose_begin_was_refused_ends_where_a_later_message_was_taken(store):
    watch = Watch(store, AT_ONCE.replace('"~:100"', '"~:100", critical: "~:1000"'))
    watch.sink.answer = Refused(reason="no such key")
    watch.run(0, a=500)
    watch.sink.answer = TestSink().answer
    watch.run(1, a=5000)
    watch.run(2, a=5)
    assert watch.events[1:] == [("worse", "a"), ("resolved", "a")]


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


@pytest.mark.parametrize(
    ("measure", "level", "first"),
    [("tcp_close", '"~:100"', "b"), ("orphan", '"~:-1"', "a"), ("hours_to.orphans", '"9:"', "a")],
)
def test_the_first_measure_of_the_rule_puts_alerts_of_one_severity_in_order(measure, level, first):
    fleet = WatchedFleet(rules_of(f"{{name: x, when: [{{measure: {measure}, warning: {level}}}]}}"))
    fleet.past.stored["hours_to.orphans"] = {"a": 2.0, "b": 8.0}
    a, b = host_summary("a", 200), host_summary("b", 900)
    fleet.scan({"a": replace(a, tcp=replace(a.tcp, orphan=7)), "b": b})
    alerts = [one.alert for one in fleet.notified if one.sink == "direct"]
    assert min(alerts, key=rank_alert).subject.name == first


def test_a_storm_is_parted_at_what_the_sink_takes(store):
    watch = Watch(store, sink=TestSink(most=3))
    watch.run(0, **{f"h{number}": 500 for number in range(7)})
    assert [len(message.alerts) for message in watch.sink.messages] == [3, 3, 1]
    assert len({message.id for message in watch.sink.messages}) == 3


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


def test_what_waits_for_a_sink_that_left_the_rules_file_is_noted_once_and_dropped_in_time(store):
    watch = Watch(store)
    watch.sink.answer = Unreached(reason="down")
    watch.run(0, a=500, b=500)
    left = watch.sink
    watch.sink = TestSink("other")
    watch.rules = rules_of(AT_ONCE, sinks=["other"])
    watch.save(1, a=500, b=500)
    watch.evaluate()
    (note,) = watch.send().notes
    assert note == (
        "sink direct: it is no longer in the rules file; 2 alerts for it wait at most 30 days: "
        "sockfleet alert list"
    )
    assert watch.send().notes == []
    found = read_overview(store, NOW)
    assert found.waiting == {("rules.yml", "direct"): 2}
    assert found.sinks["rules.yml", "direct"].problem == "it is no longer in the rules file"
    watch.run(60 * 24 * 29, a=500, b=500)
    assert read_overview(store, NOW).waiting == {("rules.yml", "direct"): 2}
    watch.run(60 * 24 * 31, a=500, b=500)
    found = read_overview(store, NOW)
    assert (found.waiting, list(found.sinks)) == ({}, [("rules.yml", "other")])
    assert left.messages == []


def test_what_waits_for_a_sink_that_comes_back_is_sent(store):
    watch = Watch(store)
    watch.sink.answer = Unreached(reason="down")
    watch.run(0, a=500)
    back, watch.sink = watch.sink, TestSink("other")
    assert len(watch.send().notes) == 1
    watch.sink, back.answer = back, TestSink().answer
    wait(store)
    watch.send()
    assert watch.events == [("firing", "a")]
    assert read_overview(store, NOW).sinks["rules.yml", "direct"].problem is None


def test_what_waits_for_a_sink_of_the_file_is_kept_however_old(store):
    watch = Watch(store)
    watch.sink.answer = Unreached(reason="down")
    watch.run(0, a=500)
    watch.run(60 * 24 * 40, a=500)
    assert read_overview(store, NOW).waiting == {("rules.yml", "direct"): 1}
