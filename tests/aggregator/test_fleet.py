"""Totals, distribution, ranking, failures and shared machines."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.aggregator.fleet import (
    SORT_KEYS,
    Distribution,
    HostCounts,
    SameMachine,
    distribution,
    summarize_fleet,
)
from sockfleet.aggregator.host import summarize_host
from sockfleet.aggregator.numbers import TCP_NUMBERS, TcpNumbers
from sockfleet.collector.errors import Category
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.core.errors import UsageError
from tests.support.fleet.sample_fleet import BOOT_ID, failure, fleets, reading, scan, summaries


def holding(name, tcp_close, **more):
    return reading(name, {"inuse": 0, "tw": 0, "alloc": tcp_close}, ipv6=False, **more)


def test_totals_are_sums_over_the_hosts_that_were_read():
    summary = summarize_fleet(summaries(reading("web1"), reading("web2"), failure("db1")), scan())
    assert summary.fleet.hosts == HostCounts(total=3, ok=2, failed=1)
    assert summary.fleet.totals.tcp_close == 200
    assert summary.fleet.totals.mem_pages == 172


def test_a_host_whose_counters_contradict_each_other_takes_nothing_from_the_sum():
    odd = reading("odd", {"inuse": 300, "tw": 20, "alloc": 280, "mem": -3}, ipv6=False)
    totals = summarize_fleet(summaries(holding("web1", 7), odd), scan()).fleet.totals
    assert totals.tcp_close == 7
    assert totals.mem_pages == 0


def test_totals_over_no_host_are_absent_not_zero():
    summary = summarize_fleet(summaries(failure("db1")), scan())
    assert summary.fleet.totals == TcpNumbers()
    assert summary.fleet.distribution == {"tcp_close": Distribution(), "closed": Distribution()}


def test_a_fleet_without_hosts():
    summary = summarize_fleet([], scan())
    assert summary.fleet.hosts == HostCounts(total=0, ok=0, failed=0)
    assert summary.hosts == ()


@given(fleets())
def test_each_total_is_the_sum_of_the_given_numbers(found):
    hosts = summaries(*found)
    summary = summarize_fleet(hosts, scan())
    for name in TCP_NUMBERS:
        given_values = [
            value for host in hosts if host.tcp if (value := getattr(host.tcp, name)) is not None
        ]
        expected = sum(max(value, 0) for value in given_values) if given_values else None
        assert getattr(summary.fleet.totals, name) == expected


@given(st.lists(st.integers(-100, 2**41), min_size=1))
def test_percentiles_are_nearest_rank(values):
    spread = distribution(values)
    for percent, found in ((50, spread.p50), (90, spread.p90), (99, spread.p99)):
        reached = [
            value
            for value in sorted(values)
            if Fraction(sum(v <= value for v in values), len(values)) >= Fraction(percent, 100)
        ]
        assert found == reached[0]
    assert (spread.min, spread.max) == (min(values), max(values))
    assert spread.min <= spread.mean + 0.001
    assert spread.mean <= spread.max + 0.001


def test_ranking_puts_hosts_without_the_number_next_and_failed_ones_last():
    summary = summarize_fleet(
        summaries(
            failure("a1"),
            holding("b1", 5),
            holding("c10", 70),
            reading("d1", {"inuse": 3}),
            holding("c2", 70),
            failure("a0"),
        ),
        scan(),
    )
    ranked = [(rank, host.name) for rank, host in summary.ranked()]
    assert ranked == [(1, "c10"), (2, "c2"), (3, "b1"), (4, "d1"), (None, "a0"), (None, "a1")]


@given(st.randoms(use_true_random=False), fleets(), st.sampled_from(SORT_KEYS))
def test_the_order_in_which_hosts_finish_changes_nothing(dice, found, sort):
    hosts = summaries(*found)
    shuffled = dice.sample(hosts, len(hosts))
    assert summarize_fleet(shuffled, scan(), sort=sort) == summarize_fleet(hosts, scan(), sort=sort)


@given(fleets(), st.sampled_from(SORT_KEYS))
def test_every_host_appears_exactly_once(found, sort):
    summary = summarize_fleet(summaries(*found), scan(), sort=sort)
    assert sorted(host.name for host in summary.hosts) == sorted(o.host.name for o in found)


def test_names_sort_from_a_on():
    summary = summarize_fleet(summaries(holding("b", 1), holding("a", 2)), scan(), sort="name")
    assert [host.name for host in summary.hosts] == ["a", "b"]


def test_an_unknown_sort_key_lists_the_known_ones():
    with pytest.raises(
        UsageError, match=r"no key 'size' to sort by; there are tcp_close, closed, mem_pages"
    ):
        summarize_fleet([], scan(), sort="size")


def test_failures_by_category_the_most_frequent_first():
    summary = summarize_fleet(
        summaries(
            failure("a", Category.REFUSED),
            failure("b", Category.DNS),
            failure("c", Category.DNS),
            failure("d", Category.AUTH_DENIED),
        ),
        scan(),
    )
    assert list(summary.fleet.failures.items()) == [("dns", 2), ("auth_denied", 1), ("refused", 1)]


def test_groups_of_the_inventory_each_with_its_own_numbers():
    summary = summarize_fleet(
        summaries(
            holding("web1", 5, groups=("eu", "web")),
            holding("web2", 7, groups=("web",)),
            failure("db1", groups=("db",)),
        ),
        scan(),
    )
    assert list(summary.groups) == ["db", "eu", "web"]
    assert summary.groups["web"].totals.tcp_close == 12
    assert summary.groups["eu"].totals.tcp_close == 5
    assert summary.groups["db"].hosts == HostCounts(total=1, ok=0, failed=1)
    assert summary.groups["db"].totals.tcp_close is None


def test_hosts_with_one_boot_id_are_listed_and_still_counted_each():
    same = Kernel(boot_id=BOOT_ID.format(1))
    other = Kernel(boot_id=BOOT_ID.format(2))
    summary = summarize_fleet(
        summaries(
            holding("b", 5, kernel=same),
            holding("a", 5, kernel=same),
            holding("c", 5, kernel=other),
            holding("d", 5),
            holding("e", 5),
        ),
        scan(),
    )
    assert summary.fleet.same_machine == (SameMachine(boot_id=same.boot_id, hosts=("a", "b")),)
    assert summary.fleet.totals.tcp_close == 25


def test_the_scan_s_own_warnings_are_kept_once():
    summary = summarize_fleet([], scan(), warnings=["one", "two", "one"])
    assert summary.fleet.warnings == ("one", "two")


def test_an_outcome_streams_through_as_a_generator():
    outcomes = (holding(f"web{number}", number) for number in range(3))
    assert summarize_fleet(map(summarize_host, outcomes), scan()).fleet.totals.tcp_close == 3


def test_hosts_are_counted_by_the_first_word_of_their_diagnosis():
    leaking = {"inuse": 10, "orphan": 0, "tw": 0, "alloc": 900, "mem": 1}
    churning = {"inuse": 10, "orphan": 0, "tw": 900, "alloc": 20, "mem": 1}
    hosts = summaries(
        reading("a", churning),
        reading("b", leaking),
        reading("c", leaking),
        reading("d", leaking | {"tw": 5000}),
        reading("unknown", {"inuse": 3}),
        failure("e"),
    )
    assert summarize_fleet(hosts, scan()).fleet.diagnoses == {"held-closed": 3, "time-wait": 1}


@given(fleets())
def test_every_host_with_a_diagnosis_is_counted_once(found):
    hosts = summaries(*found)
    counted = summarize_fleet(hosts, scan()).fleet.diagnoses
    assert sum(counted.values()) == sum(bool(host.diagnosis) for host in hosts)
