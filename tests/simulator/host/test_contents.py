"""The numbers of a simulated host are consistent for every random draw."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.sockstat import parse_sockstat
from sockfleet.simulator.host.contents import Contents, NamespaceSockets
from sockfleet.simulator.host.proc_files import proc_files
from sockfleet.simulator.host.profiles import PROFILES, draw, draw_contents, replace_spans


def draw_host(profile: str, seed: int, *, ipv6: bool = True) -> Contents:
    return draw_contents(Random(seed), PROFILES[profile], ipv6=ipv6)


def test_worked_example():
    host = NamespaceSockets(inuse=143, inuse6=4, tw=38, established=120, tcp_close=100)
    contents = Contents(host=host, orphan=1, mem_pages=86, kernel=Kernel())
    assert (contents.alloc, contents.closed, contents.tcp_close) == (247, 138, 100)
    text = proc_files(contents)["/proc/net/sockstat"]
    assert b"\nTCP: inuse 143 orphan 1 tw 38 alloc 247 mem 86\n" in text


def test_containers_count_in_alloc_and_not_in_the_hosts_inuse():
    container = NamespaceSockets(inuse=50, inuse6=6, tw=9, tcp_close=3)
    contents = Contents(
        host=NamespaceSockets(inuse=10, inuse6=2, tw=1, tcp_close=1),
        containers=(container, container),
        kernel=Kernel(),
    )
    assert contents.alloc == 13 + 2 * 59
    assert contents.tcp_close == 7
    assert contents.tcp_close_bound == 7 + 2 * 56


@given(st.sampled_from(sorted(PROFILES)), st.integers(0, 2**64), st.booleans())
def test_files_are_consistent(profile, seed, ipv6):
    contents = draw_host(profile, seed, ipv6=ipv6)
    files = proc_files(contents)
    sockstat = parse_sockstat(files["/proc/net/sockstat"])
    assert ("/proc/net/sockstat6" in files) is ipv6
    inuse = sockstat.get("TCP", "inuse")
    inuse6 = 0
    if ipv6:
        inuse6 = parse_sockstat(files["/proc/net/sockstat6"]).get("TCP6", "inuse")
    alloc, orphan = sockstat.get("TCP", "alloc"), sockstat.get("TCP", "orphan")
    others = sum(n.inuse + n.inuse6 for n in contents.containers)
    assert alloc - inuse - inuse6 - others == contents.tcp_close >= 0
    assert orphan <= inuse + inuse6
    assert contents.host.established <= inuse + inuse6
    # ``sockets: used`` counts every socket of the namespace, its TCP sockets included.
    assert sockstat.get("sockets", "used") >= inuse + inuse6 + contents.host.tcp_close
    low, pressure, high = contents.kernel.tcp_mem
    assert sockstat.get("TCP", "mem") < low < pressure < high
    assert orphan < contents.kernel.tcp_max_orphans


@given(st.sampled_from(sorted(PROFILES)), st.integers(0, 2**64))
def test_the_same_draw_gives_the_same_host(profile, seed):
    assert draw_host(profile, seed) == draw_host(profile, seed)


@pytest.mark.parametrize(
    ("profile", "believed"),
    [
        ("idle", lambda c: c.alloc < 60 and c.tcp_close < 10),
        ("web", lambda c: c.host.tw > 100 and c.tcp_close < 20),
        ("leaking", lambda c: c.tcp_close > 2_000 and c.tcp_close > 5 * c.host.inuse),
        ("proxy", lambda c: c.closed > 10_000 and c.tcp_close < 50),
        ("container-host", lambda c: c.alloc > 2 * c.host.inuse and c.tcp_close_bound > 100),
        ("database", lambda c: c.host.established > 800 and c.closed < 100),
    ],
)
def test_each_profile_fits_its_name(profile, believed):
    hosts = [draw_host(profile, seed) for seed in range(50)]
    assert all(map(believed, hosts))
    assert len({host.alloc for host in hosts}) > 5
    assert len({host.kernel.boot_id for host in hosts}) == 50


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers())
def test_a_draw_stays_within_its_span(one, other, seed):
    span = (min(one, other), max(one, other))
    assert span[0] <= draw(Random(seed), span) <= span[1]


def test_a_span_of_one_number_is_that_number():
    exact = replace_spans(PROFILES["leaking"], {"tcp_close": (1234, 1234)})
    assert draw_contents(Random(0), exact).host.tcp_close == 1234
