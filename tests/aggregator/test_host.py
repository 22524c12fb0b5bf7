"""One outcome to one summary."""

from dataclasses import replace

import pytest
from hypothesis import given

from sockfleet.aggregator.host import Status, summarize_host
from sockfleet.aggregator.numbers import TcpNumbers
from sockfleet.collector.outcome import HostReading
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.namespaces import Namespace
from sockfleet.collector.probe.processes import Process, Processes
from sockfleet.collector.probe.scope import Scope
from tests.support.fleet.sample_fleet import failure, outcomes, reading


def test_a_reading_keeps_the_raw_counters_beside_the_derived_ones():
    summary = summarize_host(reading("web1", groups=("web",)))
    assert summary.status is Status.OK
    assert summary.tcp == TcpNumbers(
        alloc=247,
        inuse=143,
        inuse6=4,
        tw=38,
        orphan=1,
        mem_pages=86,
        closed=138,
        tcp_close=100,
    )
    assert summary.sockets_used == 400
    assert summary.groups == ("web",)
    assert summary.error is None


def test_ipv6_off_leaves_inuse6_absent_and_still_gives_the_derived_numbers():
    tcp = summarize_host(reading("web1", ipv6=False)).tcp
    assert tcp.inuse6 is None
    assert (tcp.closed, tcp.tcp_close) == (142, 104)


def test_a_failure_has_no_numbers():
    summary = summarize_host(failure("db1"))
    assert summary.status is Status.FAILED
    assert summary.tcp is None
    assert summary.scope is None
    assert (summary.error.category, summary.error.phase) == ("tcp_timeout", "connect")


def test_a_message_is_cleaned_and_bounded():
    summary = summarize_host(failure("db1", message="\x1b[2Jhello\nworld\u202e" + "x" * 5000))
    assert summary.error.message.startswith("[2Jhello world x")
    assert summary.error.message.isprintable()
    assert len(summary.error.message) == 1000


@pytest.mark.parametrize(
    ("scope", "is_bound"),
    [
        (Scope.ALL_NAMESPACES, False),
        (Scope.VISIBLE_NAMESPACES, True),
        (Scope.HOST_NAMESPACE, True),
    ],
)
def test_only_all_namespaces_make_tcp_close_exact(scope, is_bound):
    assert summarize_host(reading("web1", scope=scope)).is_bound is is_bound


def test_an_impossible_counter_is_a_failure_that_quotes_it():
    summary = summarize_host(reading("web1", {"inuse": 1, "tw": 0, "alloc": 10**20 - 1}))
    assert summary.status is Status.FAILED
    assert summary.error.category == "parse"
    assert "99999999999999999999" in summary.error.message


def test_memory_below_zero_is_shown_as_the_kernel_prints_it_and_the_host_is_read():
    tcp = {"inuse": 300, "orphan": 0, "tw": 20, "alloc": 380, "mem": -3}
    summary = summarize_host(reading("web1", tcp, ipv6=False, scope=Scope.ALL_NAMESPACES))
    assert (summary.tcp.mem_pages, summary.tcp.tcp_close) == (-3, 80)
    assert summary.mem_bytes == -3 * 4096
    assert [one.word for one in summary.diagnosis] == ["normal"]


def test_an_inuse_above_alloc_is_no_exact_claim_and_the_document_names_the_counters():
    tcp = {"inuse": 300, "orphan": 0, "tw": 20, "alloc": 280, "mem": 3}
    summary = summarize_host(reading("web1", tcp, ipv6=False, scope=Scope.ALL_NAMESPACES))
    assert (summary.tcp.alloc, summary.tcp.inuse, summary.tcp.tcp_close) == (280, 300, -20)
    assert summary.is_bound
    assert summary.uncertainty == 20
    assert "alloc 280 and 300 in use contradict each other" in summary.scope_reasons[0]


def test_a_difference_below_zero_that_the_reads_explain_stays_exact():
    namespaces = replace(
        reading("web1", scope=Scope.ALL_NAMESPACES).namespaces, change=3, allocs=(247,)
    )
    tcp = {"inuse": 243, "tw": 0, "alloc": 245}
    outcome = replace(reading("web1", tcp, scope=Scope.ALL_NAMESPACES), namespaces=namespaces)
    summary = summarize_host(outcome)
    assert summary.tcp.tcp_close == -2
    assert summary.scope is Scope.ALL_NAMESPACES
    assert summary.scope_reasons == ()


def test_a_number_of_sockets_below_zero_is_no_exact_claim():
    tcp = {"inuse": -1, "tw": 0, "alloc": 5}
    summary = summarize_host(reading("web1", tcp, ipv6=False, scope=Scope.ALL_NAMESPACES))
    assert summary.is_bound
    assert summary.uncertainty == 1
    assert summary.scope_reasons == ("inuse is -1, which no number of sockets can be",)


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ({"inuse": -3, "inuse6": 5}, "inuse in the namespace of process 99 is -3"),
        ({"inuse": 5, "inuse6": -3}, "inuse6 in the namespace of process 99 is -3"),
    ],
)
def test_a_number_below_zero_in_another_namespace_is_no_exact_claim(counts, why):
    elsewhere = Namespace(inode=7, pid=99, **counts)
    outcome = reading("web1", scope=Scope.ALL_NAMESPACES, elsewhere=(elsewhere,))
    summary = summarize_host(outcome)
    assert summary.is_bound
    assert summary.uncertainty == 3
    assert summary.scope_reasons == (f"{why}, which no number of sockets can be",)


def test_a_sum_below_zero_of_unlisted_namespaces_is_no_exact_claim():
    outcome = reading("web1", scope=Scope.ALL_NAMESPACES)
    namespaces = replace(outcome.namespaces, rest_namespaces=2, rest_inuse=-3)
    summary = summarize_host(replace(outcome, namespaces=namespaces))
    assert summary.is_bound
    assert summary.uncertainty == 3
    assert "namespaces that are not listed is -3" in summary.scope_reasons[0]


def test_an_impossible_setting_is_dropped_and_the_reading_stays():
    kernel = Kernel(page_size=2**70, tcp_mem=(1, 2, 10**20 - 1), tcp_max_orphans=10**20 - 1)
    summary = summarize_host(reading("web1", kernel=kernel))
    assert summary.status is Status.OK
    assert summary.kernel == Kernel()


@given(outcomes("web1"))
def test_every_outcome_has_a_summary_that_is_either_read_or_failed(outcome):
    summary = summarize_host(outcome)
    assert (summary.tcp is None) == (summary.error is not None)
    assert (summary.status is Status.OK) == isinstance(outcome, HostReading)


def test_processes_and_unattributed_always_sum_up_to_tcp_close():
    held = [Process(pid=pid, tcp_close=n, command="php") for pid, n in ((7, 60), (9, 25))]
    found = Processes(seen=tuple(held), exact=True, denied=4, rest_processes=2, rest_tcp_close=3)
    summary = summarize_host(reading("web1", processes=found))
    assert [one.tcp_close for one in summary.processes] == [60, 25]
    assert summary.unattributed == 100 - 60 - 25 - 3
    assert summary.attribution.denied == 4
    assert summarize_host(reading("web1")).unattributed is None
