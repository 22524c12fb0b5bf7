"""From saved scans to alerts: judged once and in order, in both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sockfleet.alerting import evaluate, scan_order
from sockfleet.alerting.evaluate import Evaluator
from sockfleet.alerting.overview import read_overview
from sockfleet.alerting.replay import replay_scans
from sockfleet.alerting.sinks.sink import Unreached
from sockfleet.alerting.states.alert_state import moment
from sockfleet.history.store.alerts.layout import TABLES
from sockfleet.history.store.alerts.states import has_alert_tables
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.save import fleet_key, save_scan
from tests.support.alerting.watched_fleet import TestSink
from tests.support.alerting.watched_store import AT_ONCE, NOW, Watch
from tests.support.history.made_scans import host_summary, scan_of


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
    assert "1 selection of hosts was scanned once" in next(iter(evaluation.notes))


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


def test_more_scans_than_one_run_judges_are_judged_by_the_next_ones(store, monkeypatch):
    for module in (evaluate, scan_order):
        monkeypatch.setattr(module, "MOST_SCANS", 3)
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


def count_states(store):
    with store.read() as connection:
        return connection.execute(text("SELECT COUNT(*) FROM _alert_state")).scalar()


def test_states_of_alerts_that_ended_long_ago_are_dropped_and_no_id_comes_again(store):
    watch = Watch(store)
    for minutes, value in enumerate([500, 5, 500, 5]):
        watch.run(minutes, a=value, b=5)
    assert count_states(store) == 1
    with store.write() as connection:  # sent by the clock of this machine
        connection.execute(text("UPDATE _alert_message SET done_ms = done_ms - 60000"))
    watch.run(60 * 24 * 30, a=5, b=5)
    assert count_states(store) == 1
    watch.run(60 * 24 * 30 + 10, a=5, b=5)  # drops what was sent,
    watch.run(60 * 24 * 30 + 11, a=5, b=5)  # and then the state
    assert count_states(store) == 0
    watch.run(60 * 24 * 30 + 12, a=500, b=500)
    watch.run(60 * 24 * 30 + 13, a=5, b=5)
    ids = [alert.id for message in watch.sink.messages for alert in message.alerts]
    assert len(ids) == len(set(ids)) == 8


def test_an_alert_that_ended_is_written_no_more_until_it_fires_again(store):
    watch = Watch(store)
    for minutes, value in enumerate([500, 5, 5]):
        watch.run(minutes, a=value)
    states, *_ = dump(store)
    watch.run(3, a=50)
    assert dump(store)[0] == states
    watch.run(4, a=None)
    assert dump(store)[0] != states  # its scans that could not judge are counted
    watch.run(5, a=40)
    states, *_ = dump(store)
    watch.run(6, a=30)
    assert dump(store)[0] == states
    watch.run(7, a=500)
    assert dump(store)[0] != states


def test_no_state_is_dropped_that_fires_is_pending_or_has_a_message_that_waits(store):
    rule = AT_ONCE.replace("name: many", "name: many, hold: 2 scans")
    watch = Watch(store, rule)
    for minutes in range(2):
        watch.run(minutes, a=500, b=500, c=500)
    watch.sink.answer = Unreached(reason="down")
    watch.run(3, a=500, b=5, c=5)
    for extra in range(3):
        watch.run(60 * 24 * 40 + extra, a=500, b=5, c=500 if extra == 2 else 5)
    states = {one.state.subject.name: one.state for one in read_overview(store, NOW).alerts}
    assert {name: str(one.course.phase) for name, one in states.items()} == {
        "a": "firing",
        "c": "pending",
    }
    assert count_states(store) == 3
    watch.sink.answer = TestSink().answer
    with store.write() as connection:
        connection.execute(text("UPDATE _alert_sink SET retry_ms = 0"))
    watch.send()
    assert ("resolved", "b") in watch.events
