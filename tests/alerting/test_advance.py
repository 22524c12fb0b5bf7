"""What a fleet's scans make of alerts, and which sinks are notified: from scan to notifications."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sockfleet.alerting.notification import Event, Holder, Severity
from sockfleet.alerting.notifying import alert_key
from sockfleet.alerting.states.alert_state import Evidence, ProbeResult
from sockfleet.collector.probe.processes import Process
from tests.support.alerting.watched_fleet import WatchedFleet, rules_of
from tests.support.history.made_scans import host_summary

MANY = '{name: many, when: [{measure: tcp_close, warning: "~:100", critical: "~:1000"}]}'
TWICE = MANY.replace("when", "hold: 2 scans, clear-after: 1 scan, when")
AT_ONCE = MANY.replace("when", "clear-after: 1 scan, when")


def test_an_unread_scan_neither_ends_an_alert_nor_starts_its_hold_anew():
    fleet = WatchedFleet(rules_of(TWICE))
    assert fleet.scan({"a": 500}) == []
    assert fleet.scan({"a": None}) == []
    assert fleet.scan({"a": 500}) == [("firing", "many", "a")]
    assert fleet.scan({"a": None}) == []
    assert fleet.scan({"a": 500}) == []
    assert fleet.scan({"a": 5}) == [("resolved", "many", "a")]


def test_a_scan_that_ended_early_freezes_the_hosts_it_did_not_read_and_judges_the_others():
    unread = host_summary("b", None)
    late = replace(unread, error=replace(unread.error, category="not_attempted"))
    fleet = WatchedFleet(rules_of(AT_ONCE))
    fleet.scan({"a": 500, "b": 500})
    assert fleet.scan({"a": 5, "b": late}, complete=False) == [("resolved", "many", "a")]
    (state,) = [one for one in fleet.states.values() if one.subject.name == "b"]
    assert state.reason == "the scan ended before it was its turn"


def test_a_severity_that_rises_is_told_at_once_and_one_that_falls_is_not():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    assert fleet.scan({"a": 500}) == [("firing", "many", "a")]
    assert fleet.scan({"a": 5000}) == [("worse", "many", "a")]
    assert fleet.scan({"a": 500}) == []
    assert fleet.scan({"a": 5000}) == []
    assert fleet.notified[-1].alert.severity is Severity.CRITICAL


def test_resolved_is_told_only_where_firing_was():
    fleet = WatchedFleet(rules_of(AT_ONCE), silence=lambda *_: "upgrade")
    fleet.scan({"a": 500})
    fleet.scan({"a": 5})
    assert fleet.events("direct") == []
    assert fleet.events("am") == [Event.FIRING, Event.RESOLVED]


def test_an_alert_that_still_fires_after_a_silence_is_told_then():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    assert fleet.scan({"a": 500}, silence=lambda *_: "upgrade") == []
    assert fleet.last.silenced == ["many a: silenced: upgrade"]
    assert fleet.scan({"a": 500}) == [("firing", "many", "a")]


def test_a_silence_holds_back_no_end_of_what_was_told():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    fleet.scan({"a": 500})
    assert fleet.scan({"a": 5}, silence=lambda *_: "upgrade") == [("resolved", "many", "a")]


def test_a_rule_that_is_gone_or_changed_resolves_with_that_reason():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    fleet.scan({"a": 500})
    fleet.rules = rules_of(AT_ONCE.replace("~:1000", "~:2000"))
    assert fleet.scan({"a": 500}) == [("firing", "many", "a"), ("resolved", "many", "a")]
    (resolved,) = [one for one in fleet.last.notifications if one.alert.event is Event.RESOLVED][:1]
    assert resolved.alert.reason == "the rule was changed"
    fleet.rules = rules_of(AT_ONCE.replace("name: many", "name: other"))
    fleet.scan({"a": 5})
    reasons = {one.alert.reason for one in fleet.last.notifications}
    assert reasons == {"the rule is no longer in the rules file"}


def test_a_host_that_is_gone_from_the_inventory_resolves_with_that_reason():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    fleet.scan({"a": 500, "b": 5})
    assert fleet.scan({"b": 5}) == [("resolved", "many", "a")]
    assert "no longer in the inventory" in (fleet.notified[-1].alert.reason or "")


def test_a_reboot_resolves_with_that_reason():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    host = host_summary("a", 500)
    fleet.scan({"a": host})
    rebooted = replace(host_summary("a", 5), kernel=replace(host.kernel, boot_id="other"))
    assert fleet.scan({"a": rebooted}) == [("resolved", "many", "a")]
    assert fleet.notified[-1].alert.reason == "the host rebooted"


def test_flapping_is_told_once_and_then_nothing_until_it_is_worse():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    events = []
    for _ in range(3):
        events += [*fleet.scan({"a": 500}), *fleet.scan({"a": 5})]
    assert [one[0] for one in events] == ["firing", "resolved"] * 3
    assert fleet.scan({"a": 500}) == [("flapping", "many", "a")]
    calm = [fleet.scan({"a": 5}) for _ in range(4)]
    assert calm == [[], [], [], [("resolved", "many", "a")]]
    assert fleet.scan({"a": 500}) == []
    assert fleet.scan({"a": 5000}) == [("firing", "many", "a")]


def test_a_flapping_alert_that_fires_for_a_day_is_sent_again():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    for _ in range(4):
        fleet.scan({"a": 500})
        for _ in range(4):
            fleet.scan({"a": 5})
    assert fleet.events("direct")[-2:] == [Event.FLAPPING, Event.RESOLVED]
    sent = [fleet.scan({"a": 500}) for _ in range(26)]
    assert sent == [[]] * 24 + [[("firing", "many", "a")], []]
    assert fleet.scan({"a": 5}) == []


def test_alertmanager_is_sent_each_episode_of_a_flapping_alert():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    for _ in range(5):
        fleet.scan({"a": 500})
        for _ in range(4):
            fleet.scan({"a": 5})
    ended = [one for one in fleet.events("am") if one is Event.RESOLVED]
    assert len(ended) == 5


def test_alertmanager_is_sent_what_fires_at_each_evaluation_and_direct_sinks_are_not():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    fleet.scan({"a": 500})
    fleet.scan({"a": None})
    fleet.look_again()
    assert fleet.events("am") == [Event.FIRING, Event.REPEATED, Event.REPEATED]
    assert fleet.events("direct") == [Event.FIRING]
    ids = [one.alert.id for one in fleet.notified]
    assert len(set(ids)) == len(ids)


def test_a_direct_sink_is_told_again_after_repeat_until_it_is_acknowledged():
    fleet = WatchedFleet(rules_of(AT_ONCE.replace("when", "repeat: 2h, when")))
    assert [len(fleet.scan({"a": 500})) for _ in range(5)] == [1, 0, 1, 0, 1]
    (state,) = fleet.states.values()
    known = {alert_key("test", state, 1): Severity.WARNING}
    assert [fleet.scan({"a": 500}, acknowledged=known) for _ in range(4)] == [[]] * 4
    assert fleet.scan({"a": 5000}, acknowledged=known) == [("worse", "many", "a")]
    assert fleet.scan({"a": 5}, acknowledged=known) == [("resolved", "many", "a")]
    assert fleet.last.ended == list(known)


def test_a_rule_that_fires_on_the_fleet_inhibits_another_on_its_hosts():
    unread = '{name: unread, clear-after: 1 scan, when: [{measure: failed, warning: "0"}]}'
    most = (
        '{name: most, each: fleet, when: [{measure: failed_percent, warning: "50"}], '
        "clear-after: 1 scan, inhibits: [unread, cannot-judge]}"
    )
    fleet = WatchedFleet(rules_of(unread, most))
    assert fleet.scan({"a": None, "b": None, "c": 5}) == [("firing", "most", "all")]
    assert fleet.scan({"a": None, "b": 5, "c": 5}) == [
        ("firing", "unread", "a"),
        ("resolved", "most", "all"),
    ]


def test_a_host_that_cannot_be_judged_for_three_scans_is_told_once_for_all_rules():
    rules = rules_of(AT_ONCE, AT_ONCE.replace("many", "more").replace("100", "50"))
    fleet = WatchedFleet(rules)
    fleet.scan({"a": 500, "b": 5})
    assert [fleet.scan({"a": None, "b": None}) for _ in range(4)] == [
        *([], []),
        [("cannot-judge", "cannot-judge", "a"), ("cannot-judge", "cannot-judge", "b")],
        [],
    ]
    alert = (
        fleet.notified[-1].alert
        if fleet.notified[-1].sink == "direct"
        else fleet.notified[-2].alert
    )
    assert "not read: tcp_timeout" in alert.summary
    assert fleet.scan({"a": 500, "b": 5}) == [
        ("resolved", "cannot-judge", "a"),
        ("resolved", "cannot-judge", "b"),
    ]


def test_what_cannot_be_known_yet_is_no_news():
    grow = '{name: grow, when: [{measure: growth.tcp_close, over: 6h, warning: "~:100"}]}'
    fleet = WatchedFleet(rules_of(grow))
    assert [fleet.scan({"a": 5}) for _ in range(4)] == [[]] * 4
    assert fleet.states == {}


def test_a_bound_is_no_growth_and_that_is_told():
    from sockfleet.collector.probe.scope import Scope

    grow = '{name: grow, when: [{measure: growth.tcp_close, warning: "~:100"}]}'
    fleet = WatchedFleet(rules_of(grow))
    hosts = [host_summary("a", 1000 * n, scope=Scope.HOST_NAMESPACE) for n in range(6)]
    events = [fleet.scan({"a": host}) for host in hosts]
    assert events[3] == [("cannot-judge", "cannot-judge", "a")]
    assert sum(map(len, events)) == 1
    loose = WatchedFleet(rules_of(grow.replace("warning", "exact: false, warning")))
    assert loose.scan({"a": hosts[0]}) + loose.scan({"a": hosts[1]}) == [("firing", "grow", "a")]


def test_evidence_goes_with_the_episode_in_which_it_was_found():
    holder = Holder(command="php", pid=7, user="www", tcp_close=400, container="docker 0a1b")
    evidence = Evidence(holders=(holder,), text="php (7) of www holds 400", at_ms=0)
    text = AT_ONCE.replace("when", 'summary: "{host}: {top_holder} in {container}", when')
    fleet = WatchedFleet(rules_of(text.replace("when", "hold: 2 scans, when")))
    fleet.scan({"a": 500}, found={"a": ProbeResult(evidence=evidence)})
    assert fleet.last.began == ["a"]
    fleet.scan({"a": 500})
    assert fleet.last.began == []
    alert = fleet.notified[-1].alert
    assert alert.summary == "a: 400 held by php (7) of www in docker 0a1b"
    assert alert.holders == (holder,)
    assert (alert.next_command or "").startswith("sockfleet history show --host a")
    fleet.scan({"a": 5})
    assert fleet.notified[-1].alert.holders == (holder,)
    fleet.scan({"a": 500})
    fleet.scan({"a": 500})
    assert fleet.notified[-1].alert.holders == ()


def test_the_hosts_to_probe_come_the_most_severe_first():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    fleet.scan({"a": 500, "b": 5000, "c": 5})
    assert fleet.last.began == ["b", "a"]


def test_alerts_that_fired_together_say_how_many_others_still_fire():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    fleet.scan({"a": 500, "b": 500, "c": 500})
    assert {one.alert.others_firing for one in fleet.last.notifications} == {2}
    fleet.scan({"a": 5, "b": 500, "c": 500})
    resolved = [one for one in fleet.last.notifications if one.alert.event is Event.RESOLVED]
    assert {one.alert.others_firing for one in resolved} == {2}
    fleet.scan({"a": 5, "b": 5, "c": 5})
    assert {one.alert.others_firing for one in fleet.last.notifications} == {0}


@pytest.mark.parametrize("each", ["group", "fleet"])
def test_a_sum_does_not_fall_because_a_host_was_not_read(each):
    rule = AT_ONCE.replace("when", f"each: {each}, when")
    fleet = WatchedFleet(rules_of(rule), every=timedelta(minutes=5))
    name = "web" if each == "group" else "all"
    assert fleet.scan({"a": 90, "b": 90}) == [("firing", "many", name)]
    fleet.past.last = {"a": host_summary("a", 90)}
    assert fleet.scan({"a": None, "b": 90}) == []
    fleet.past.last = {}
    assert fleet.scan({"a": 5, "b": 5}) == [("resolved", "many", name)]


def test_all_subjects_of_a_rule_are_those_of_its_pattern():
    fleet = WatchedFleet(rules_of(AT_ONCE.replace("when", 'where: "db*:!db2", when')))
    assert fleet.scan({"db1": 500, "db2": 500, "db3": 500, "x": 500}) == [
        ("firing", "many", "db1"),
        ("firing", "many", "db3"),
    ]


def test_a_host_that_rebooted_after_an_alert_is_no_case_of_cannot_judge():
    grow = "{name: grow, clear-after: 1 scan, when: [{measure: growth.tcp_close, over: 6h, "
    fleet = WatchedFleet(rules_of(grow + 'warning: "~:10"}]}'))
    for count in range(8):
        fleet.scan({"a": 100 * count})
    assert fleet.events("direct") == [Event.FIRING]
    host = host_summary("a", 5)
    rebooted = replace(host, kernel=replace(host.kernel, boot_id="other"))
    for _ in range(5):
        fleet.scan({"a": rebooted})
    assert fleet.events("direct") == [Event.FIRING, Event.RESOLVED]


def test_a_host_that_is_gone_cannot_be_judged_no_longer():
    fleet = WatchedFleet(rules_of(AT_ONCE))
    for _ in range(4):
        fleet.scan({"a": None, "b": 5})
    assert fleet.events("direct") == [Event.CANNOT_JUDGE]
    assert fleet.scan({"b": 5}) == [("resolved", "cannot-judge", "a")]
    assert not any(state.course.is_firing for state in fleet.states.values())


def test_a_rule_inhibits_another_on_its_own_subject_and_within_it():
    outer = '{name: outer, each: group, when: [{measure: tcp_close, warning: "~:900"}], '
    inner = '{name: inner, each: holder, when: [{measure: tcp_close, warning: "~:10"}]}'
    fleet = WatchedFleet(rules_of(outer + "inhibits: [many, inner]}", AT_ONCE, inner))
    php = Process(pid=1, command="php", tcp_close=400)
    hosts = {
        "a": host_summary("a", 950, groups=("web",), processes=(php,)),
        "b": host_summary("b", 500, groups=("db",), processes=(php,)),
    }
    assert fleet.scan(hosts) == [
        ("firing", "outer", "web"),
        ("firing", "many", "b"),
        ("firing", "inner", "b/php"),
    ]
