"""What rules see of hosts, groups, the fleet, namespaces and holders of one scan."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sockfleet.aggregator.namespaces import NamespaceSummary, RestSummary
from sockfleet.aggregator.processes import Attribution
from sockfleet.alerting.judge.observation import Doubt
from sockfleet.alerting.notification import Severity
from sockfleet.collector.probe.containers import Container
from sockfleet.collector.probe.processes import Process
from sockfleet.collector.probe.scope import Scope
from tests.support.alerting.watched_fleet import WatchedFleet, rules_of
from tests.support.history.made_scans import host_summary, namespaces_of

WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


def watch(rule, *scans, every=timedelta(hours=1), past=None):
    """What the rule sees in the last of these scans, by subject."""
    from sockfleet.alerting.judge.judge import judge_scan

    fleet = WatchedFleet(rules_of(rule), every=every)
    if past is not None:
        past(fleet.past)
    for hosts in scans:
        fleet.scan(hosts)
    (one,) = fleet.rules.rules
    judged = judge_scan([one], fleet.past.scans[-1], fleet.past)
    return judged.observations[one.key]


def host_rule(condition):
    return f"{{name: x, when: [{condition}]}}"


def test_all_conditions_must_hold_and_the_graded_ones_decide_the_severity():
    rule = host_rule(
        '{measure: tcp_close, warning: "~:10", critical: "~:100"}, {measure: orphan, warning: "@0"}'
    )
    seen = watch(rule, {"a": 5, "b": 50, "c": 500})
    assert [seen[name].severity for name in "abc"] == [None, WARNING, CRITICAL]
    assert seen["a"].is_clear


def test_a_condition_that_is_over_decides_though_another_is_unknown():
    rule = host_rule(
        '{measure: growth.tcp_close, warning: "~:100"}, {measure: tcp_close, warning: "~:100"}'
    )
    seen = watch(rule, {"a": 5, "b": 500})
    assert (seen["a"].doubt, seen["a"].is_clear) == (None, True)
    assert seen["b"].doubt is Doubt.YOUNG


def test_between_warning_and_clear_a_rule_neither_holds_nor_is_over():
    seen = watch(
        host_rule('{measure: tcp_close, warning: "~:100", clear: "~:50"}'), {"a": 70, "b": 50}
    )
    assert (seen["a"].severity, seen["a"].is_clear) == (None, False)
    assert (seen["b"].severity, seen["b"].is_clear) == (None, True)


def test_growth_is_that_since_the_scan_of_the_age_and_per_hour():
    rule = host_rule('{measure: growth.tcp_close, over: 3h, warning: "~:100"}')
    seen = watch(rule, *({"a": 100 * n} for n in range(6)))
    assert seen["a"].values["growth.tcp_close"] == 100
    assert watch(rule, {"a": 1}, {"a": 900})["a"].doubt is Doubt.YOUNG


def test_a_scan_of_about_the_age_serves_and_one_that_missed_the_host_is_passed_over():
    rule = host_rule('{measure: growth.tcp_close, over: 4h, warning: "~:10"}')
    scans = [{"a": 100, "b": 1}, {"a": None, "b": 1}, *({"a": 500, "b": 1} for _ in range(4))]
    seen = watch(rule, *scans)
    assert seen["a"].values["growth.tcp_close"] == 80
    assert seen["b"].values["growth.tcp_close"] == 0


def test_a_host_that_rebooted_has_no_growth_yet():
    before = host_summary("a", 500)
    after = replace(before, kernel=replace(before.kernel, boot_id="other"))
    seen = watch(
        host_rule('{measure: growth.tcp_close, warning: "~:10"}'), {"a": before}, {"a": after}
    )
    assert seen["a"].doubt is Doubt.YOUNG
    assert seen["a"].reason == "it rebooted since the earlier scan"


def test_numbers_of_two_scopes_are_not_compared():
    rule = host_rule('{measure: growth.tcp_close, warning: "~:10"}')
    bound = host_summary("a", 5000, scope=Scope.HOST_NAMESPACE)
    seen = watch(rule, {"a": bound}, {"a": 5})
    assert seen["a"].doubt is Doubt.REFUSED


def test_a_bound_is_judged_as_a_level_unless_the_rule_wants_exact_numbers():
    bound = host_summary("a", 5000, scope=Scope.HOST_NAMESPACE)
    text = '{measure: tcp_close, warning: "~:100"}'
    assert watch(host_rule(text), {"a": bound})["a"].severity is WARNING
    exact = watch(host_rule(text.replace("warning", "exact: true, warning")), {"a": bound})
    assert exact["a"].doubt is Doubt.BOUND


def test_a_host_is_apart_from_the_median_of_its_group():
    rule = host_rule('{measure: apart.tcp_close, warning: "~:5"}')
    hosts = {f"web{n}": 10 for n in range(4)}
    seen = watch(rule, {**hosts, "web9": 100})
    assert seen["web9"].values["apart.tcp_close"] == 10
    assert watch(rule, {"a": 5, "b": 500})["b"].doubt is Doubt.ABSENT


def test_a_number_that_the_host_does_not_give_is_unknown():
    host = replace(host_summary("a"), kernel=None)
    seen = watch(host_rule('{measure: orphan_percent, warning: "25"}'), {"a": host})
    assert (seen["a"].doubt, seen["a"].reason) == (Doubt.ABSENT, "it does not give orphan_percent")


def test_a_number_of_the_store_is_that_of_the_host():
    def give(past):
        past.stored["hours_to.tcp_mem"] = {"a": 5.0}

    seen = watch(
        host_rule('{measure: hours_to.tcp_mem, warning: "24:"}'), {"a": 1, "b": 1}, past=give
    )
    assert seen["a"].severity is WARNING
    assert seen["b"].doubt is Doubt.ABSENT


def test_a_group_has_the_sum_of_its_hosts_and_the_fleet_that_of_all():
    hosts = {
        "a": host_summary("a", 60, groups=("web", "prod")),
        "b": host_summary("b", 60, groups=("web",)),
    }
    seen = watch('{name: x, each: group, when: [{measure: tcp_close, warning: "~:100"}]}', hosts)
    assert {key: one.severity for key, one in seen.items()} == {
        "group:prod": None,
        "group:web": WARNING,
    }
    (fleet,) = watch(
        '{name: x, each: fleet, when: [{measure: worst.tcp_close, warning: "~:50"}]}', hosts
    ).values()
    assert (fleet.subject.name, fleet.severity) == ("all", WARNING)


def test_a_group_is_unknown_where_none_of_its_hosts_was_read():
    rule = '{name: x, each: group, when: [{measure: tcp_close, warning: "~:100"}]}'
    (seen,) = watch(rule, {"a": None, "b": None}).values()
    assert seen.doubt is Doubt.UNREAD
    failed = rule.replace("tcp_close", "failed_percent").replace("~:100", "50")
    (seen,) = watch(failed, {"a": None, "b": None}).values()
    assert seen.severity is WARNING


@pytest.mark.parametrize(("key", "names"), [("gone", 1), ("new", 1), ("lost", 1), ("rebooted", 0)])
def test_what_became_of_hosts_is_a_number_of_the_fleet(key, names):
    rule = f'{{name: x, each: fleet, when: [{{measure: {key}, warning: "100"}}]}}'
    (seen,) = watch(rule, {"a": 1, "b": 1, "c": 1}, {"a": None, "b": 1, "d": 1}).values()
    assert seen.values[key] == names


def test_namespaces_are_named_by_their_container():
    own = NamespaceSummary(inode=1, host=True, pid=1, inuse=3, tcp_close_max=5)
    other = NamespaceSummary(
        inode=2,
        host=False,
        pid=9,
        inuse=2,
        tcp_close_max=700,
        container=Container(runtime="docker", id="0123456789abcdef"),
    )
    host = host_summary("a", namespaces=(own, other))
    rule = '{name: x, each: namespace, when: [{measure: tcp_close_max, warning: "~:100"}]}'
    seen = watch(rule, {"a": host})
    assert {key: one.severity for key, one in seen.items()} == {
        "namespace:a/host": None,
        "namespace:a/0123456789ab": WARNING,
    }
    grown = replace(host, namespaces=(own, replace(other, tcp_close_max=900)))
    growth = rule.replace("tcp_close_max", "growth.tcp_close_max")
    seen = watch(growth, {"a": host}, {"a": grown})
    assert seen["namespace:a/0123456789ab"].values["growth.tcp_close_max"] == 200


def test_holders_are_the_processes_of_one_command():
    def host(*counts):
        processes = tuple(
            Process(
                pid=n, command="php", tcp_close=count, open_files=count + 24, open_files_limit=1024
            )
            for n, count in enumerate(counts)
        )
        return host_summary("a", 2000, processes=processes)

    rule = '{name: x, each: holder, when: [{measure: %s, warning: "~:90"}]}'
    (seen,) = watch(rule % "tcp_close", {"a": host(40, 60)}).values()
    assert (seen.subject.name, seen.values["tcp_close"], seen.values["processes"]) == (
        "a/php",
        100,
        2,
    )
    (seen,) = watch(rule % "open_files_percent", {"a": host(1000, 5)}).values()
    assert seen.severity is WARNING
    (seen,) = watch(rule % "growth.tcp_close", {"a": host(40, 60)}, {"a": host(40, 260)}).values()
    assert seen.values["growth.tcp_close"] == 200


def test_a_rule_on_holders_says_so_where_no_process_was_read():
    fleet = WatchedFleet(
        rules_of('{name: x, each: holder, when: [{measure: tcp_close, warning: "~:10"}]}')
    )
    assert fleet.scan({"a": 5000}) == []
    assert list(fleet.notes) == ["rule x judges nothing: the scan was without --processes"]


def test_a_holder_that_ended_resolves_and_one_that_was_not_looked_at_stays():
    rule = '{name: x, each: holder, when: [{measure: tcp_close, warning: "~:10"}]}'
    fleet = WatchedFleet(rules_of(rule))
    php = Process(pid=1, command="php", tcp_close=40)
    assert fleet.scan({"a": host_summary("a", processes=(php,))}) == [("firing", "x", "a/php")]
    assert fleet.scan({"a": host_summary("a")}) == []
    assert fleet.scan({"a": None}) == []
    assert fleet.scan({"a": host_summary("a", processes=())}) == [("resolved", "x", "a/php")]
    assert fleet.notified[-1].alert.reason == "no process of it holds a closed socket any more"


def test_a_holder_that_a_partial_list_does_not_show_neither_ends_nor_grows_from_nothing():
    partial = Attribution(exact=True, partial=True)
    missing = host_summary("a", processes=(), attribution=partial)
    php = host_summary("a", processes=(Process(pid=1, command="php", tcp_close=40),))
    rule = '{name: x, each: holder, when: [{measure: %s, warning: "~:10"}]}'
    fleet = WatchedFleet(rules_of(rule % "tcp_close"))
    fleet.scan({"a": php})
    assert [fleet.scan({"a": missing}) for _ in range(2)] == [[], []]
    (seen,) = watch(rule % "growth.tcp_close", {"a": missing}, {"a": php}).values()
    assert seen.doubt is Doubt.YOUNG


def test_a_holder_of_which_a_cut_list_shows_only_some_processes_is_not_over():
    def host(count, **attribution):
        php = Process(pid=1, command="php", tcp_close=count)
        found = Attribution(exact=True, **attribution)
        return host_summary("a", processes=(php,), attribution=found)

    rule = '{name: x, each: holder, clear-after: 1 scan, when: [{measure: %s, warning: "~:10"}]}'
    fleet = WatchedFleet(rules_of(rule % "tcp_close"))
    fleet.scan({"a": host(40)})
    cut = host(5, rest_processes=3, rest_tcp_close=30)
    assert [fleet.scan({"a": cut}), fleet.scan({"a": host(5, partial=True)})] == [[], []]
    assert fleet.scan({"a": host(5)}) == [("resolved", "x", "a/php")]
    assert fleet.scan({"a": cut}) == []
    assert fleet.scan({"a": host(40, rest_processes=3)}) == [("firing", "x", "a/php")]
    (seen,) = watch(rule % "growth.tcp_close", {"a": cut}, {"a": host(40)}).values()
    assert seen.doubt is Doubt.YOUNG


@pytest.mark.parametrize(
    ("attribution", "unattributed"),
    [
        ({"rest_processes": 5, "rest_tcp_close": 5}, 0),
        ({"partial": True}, 0),
        ({"denied": 9}, 40),
        ({"denied": 9}, None),
    ],
)
def test_a_holder_ends_only_by_a_list_that_is_complete(attribution, unattributed):
    php = host_summary("a", processes=(Process(pid=1, command="php", tcp_close=40),))
    missing = host_summary(
        "a",
        processes=(),
        attribution=Attribution(exact=True, **attribution),
        unattributed=unattributed,
    )
    complete = replace(missing, attribution=Attribution(exact=True, denied=9), unattributed=0)
    rule = '{name: x, each: holder, when: [{measure: tcp_close, warning: "~:10"}]}'
    fleet = WatchedFleet(rules_of(rule))
    fleet.scan({"a": php})
    assert [fleet.scan({"a": missing}) for _ in range(2)] == [[], []]
    assert fleet.scan({"a": missing}) == [("cannot-judge", "cannot-judge", "a/php")]
    assert ("resolved", "x", "a/php") in fleet.scan({"a": complete})


def test_a_holder_that_the_same_rights_showed_before_has_ended():
    denied = {"attribution": Attribution(exact=True, denied=9), "unattributed": 40}
    php = Process(pid=1, command="php", tcp_close=40)
    rule = '{name: x, each: holder, when: [{measure: tcp_close, warning: "~:10"}]}'
    fleet = WatchedFleet(rules_of(rule))
    fleet.scan({"a": host_summary("a", processes=(php,), **denied)})
    events = fleet.scan({"a": host_summary("a", processes=(), **denied)})
    assert events == [("resolved", "x", "a/php")]


def test_a_holder_that_was_not_readable_before_grows_from_no_known_number():
    denied = {"attribution": Attribution(exact=True, denied=9), "unattributed": 40}
    before = host_summary("a", processes=(), **denied)
    after = host_summary("a", processes=(Process(pid=1, command="php", tcp_close=40),))
    rule = '{name: x, each: holder, when: [{measure: growth.tcp_close, warning: "~:10"}]}'
    (seen,) = watch(rule, {"a": before}, {"a": after}).values()
    assert seen.doubt is Doubt.YOUNG


@pytest.mark.parametrize(
    "bounded",
    [
        {"scope": Scope.VISIBLE_NAMESPACES},
        {"scope": Scope.HOST_NAMESPACE, "namespaces": None},
        {"namespaces_rest": RestSummary(namespaces=4, inuse=20)},
    ],
)
def test_a_namespace_ends_only_by_a_list_that_is_complete(bounded):
    own, other = namespaces_of({"0123456789ab": 700})
    both = host_summary("a", namespaces=(own, other))
    alone = host_summary("a", namespaces=(own,))
    missing = host_summary("a", **{"namespaces": (own,), **bounded})
    rule = '{name: x, each: namespace, when: [{measure: tcp_close_max, warning: "~:100"}]}'
    fleet = WatchedFleet(rules_of(rule))
    firing = ("firing", "x", "a/0123456789ab")
    assert fleet.scan({"a": both}) == [firing]
    assert [fleet.scan({"a": missing}), fleet.scan({"a": None})] == [[], []]
    assert fleet.scan({"a": alone}) == [("resolved", "x", "a/0123456789ab")]
    assert fleet.notified[-1].alert.reason == "the namespace ended"


def test_a_part_of_a_host_that_left_the_pattern_of_its_rule_ends_with_that_reason():
    php = Process(pid=1, command="php", tcp_close=40)
    rule = '{name: x, each: holder, where: web, when: [{measure: tcp_close, warning: "~:10"}]}'
    fleet = WatchedFleet(rules_of(rule))
    fleet.scan({"a": host_summary("a", processes=(php,)), "b": 1})
    moved = host_summary("a", processes=(php,), groups=("db",))
    assert fleet.scan({"a": moved, "b": 1}) == [("resolved", "x", "a/php")]
    assert "the rule's where" in fleet.notified[-1].alert.reason
