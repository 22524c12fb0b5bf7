"""closed and tcp_close: the formulas, and None for unknown numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.aggregator.arithmetic import closed, inuse_both, tcp_close
from sockfleet.collector.probe.sockstat import Sockstat, parse_sockstat
from tests.support.paths import WORKED

counts = st.integers(0, 2**40)


def test_the_worked_example_gives_138_and_100():
    sockstat = parse_sockstat((WORKED / "sockstat").read_bytes())
    sockstat6 = parse_sockstat((WORKED / "sockstat6").read_bytes())
    both = inuse_both(sockstat, sockstat6)
    assert closed(247, both, 38) == 138
    assert tcp_close(247, [both]) == 100


@given(counts, counts, counts, counts)
def test_negative_results_are_kept(alloc, inuse, inuse6, tw):
    sockstat = Sockstat(lines={"TCP": {"inuse": inuse}})
    sockstat6 = Sockstat(lines={"TCP6": {"inuse": inuse6}})
    both = inuse_both(sockstat, sockstat6)
    assert both == inuse + inuse6
    assert closed(alloc, both, tw) == alloc - (inuse + inuse6 - tw)
    assert tcp_close(alloc, [both]) == alloc - inuse - inuse6
    assert closed(alloc, both, tw) == tcp_close(alloc, [both]) + tw


def test_a_machine_with_three_namespaces_gives_850():
    # ss -s said 911 there; 100 + 500 + 250 idle sockets is the truth.
    assert tcp_close(913, [2, 30, 31]) == 850


@pytest.mark.parametrize("counters", [(None, 3, 1), (5, None, 1), (5, 3, None)])
def test_an_absent_counter_makes_closed_none(counters):
    assert closed(*counters) is None


def test_an_absent_namespace_or_alloc_makes_tcp_close_none():
    assert tcp_close(None, [1]) is None
    assert tcp_close(5, [1, None]) is None


def test_ipv6_off_counts_as_0_and_a_file_without_the_counter_gives_none():
    sockstat = Sockstat(lines={"TCP": {"inuse": 3}})
    assert inuse_both(sockstat, None) == 3
    assert inuse_both(sockstat, Sockstat(lines={"RAW6": {"inuse": 0}})) is None
    assert inuse_both(sockstat, Sockstat(lines={"TCP6": {}})) is None
