"""The arithmetic in plain words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.outcome import HostReading
from sockfleet.collector.probe.containers import Container
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.namespaces import Namespace, Namespaces
from sockfleet.collector.probe.sockstat import Sockstat, parse_sockstat
from sockfleet.core.errors import SockfleetError
from sockfleet.inventory.models import Host
from sockfleet.output.formats import RenderOptions
from sockfleet.output.text.explanation import explanation, one_host
from tests.support.paths import WORKED

counters = st.none() | st.integers(0, 2**40)


def explain(sockstat, sockstat6=None, *, is_ipv6_off=True, kernel=None, namespaces=None, **options):
    reading = HostReading(
        host=Host(name="x", address="x"),
        address="10.0.0.1",
        attempts=1,
        elapsed_s=0.1,
        sockstat=sockstat,
        sockstat6=sockstat6,
        kernel=kernel or Kernel(),
        namespaces=namespaces,
    )
    host = one_host(reading, origin="a host", is_ipv6_off=is_ipv6_off)
    return explanation(host, RenderOptions(**options)).decode()


def worked(**more):
    return explain(
        parse_sockstat((WORKED / "sockstat").read_bytes()),
        parse_sockstat((WORKED / "sockstat6").read_bytes()),
        **more,
    )


def test_the_worked_example(golden):
    text = worked(width=80, kernel=Kernel(page_size=4096))
    assert "247 - (143 + 4 - 38) = 138" in text
    assert "= 247 - 147 = 100" in text
    golden("explain-worked-example.txt", text)


def test_the_worked_example_in_ascii_and_in_a_pipe(golden):
    text = worked(ascii=True)
    assert text.isascii()
    golden("explain-worked-example-pipe.txt", text)


def test_colour_changes_nothing_but_the_colour():
    coloured = worked(width=80, color=True)
    assert "\x1b[1m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == worked(width=80)


def sockstat(**tcp):
    return Sockstat(
        lines={"TCP": {name: value for name, value in tcp.items() if value is not None}}
    )


@given(counters, counters, counters, counters, st.booleans())
def test_every_sum_is_right(alloc, inuse, tw, inuse6, ipv6):
    six = Sockstat(lines={"TCP6": {} if inuse6 is None else {"inuse": inuse6}}) if ipv6 else None
    text = explain(sockstat(alloc=alloc, inuse=inuse, tw=tw), six)
    for step in re.findall(r"^  \d\. (.*)$", text, re.MULTILINE):
        _, *sides = step.rsplit(" = ", 2)
        numbers = [side for side in sides if "inuse" not in side and "not given" not in side]
        if len(numbers) == 2:
            # The text has integers, + - and brackets only: what is shown must add up.
            assert re.fullmatch(r"[0-9 +()-]+", "".join(numbers))
            assert eval(numbers[0]) == eval(numbers[1])
    known = None not in (alloc, inuse) and not (ipv6 and inuse6 is None)
    assert ("tcp_close is not known" not in text) == known


@pytest.mark.parametrize(
    ("tcp", "words"),
    [
        ({"alloc": 5, "inuse": 5, "tw": 0}, "nothing leaks here"),
        ({"alloc": 4, "inuse": 5, "tw": 0}, "tcp_close is -1: alloc counts 4 TCP sockets, and 5"),
        ({"alloc": 9, "inuse": 5, "tw": 0}, "At most 4 TCP sockets (44 % of alloc)"),
        ({"inuse": 5, "tw": 0}, "tcp_close is not known"),
        ({"alloc": 9, "inuse": 5}, "tw = not given"),
    ],
)
def test_the_meaning_of_the_result(tcp, words):
    assert words in explain(sockstat(**tcp))


def test_an_inuse_above_alloc_in_one_file_is_not_blamed_on_two_files():
    text = " ".join(explain(sockstat(alloc=280, inuse=300, tw=20)).split())
    assert "The counters contradict each other" in text
    assert "one after the other" not in text
    assert "came and went" not in text


def test_time_wait_is_never_more_than_the_whole_it_is_part_of():
    text = " ".join(explain(sockstat(alloc=96212, inuse=100000, tw=103758)).split())
    assert "103758 connections are in TIME_WAIT" in text
    assert "of the 99970" not in text
    assert "Of these 99970" not in text


def test_a_missing_sockstat6_is_explained_by_its_origin():
    assert "There is no sockstat6: IPv6 is off" in explain(sockstat(alloc=1))
    assert "right only where IPv6 is off" in explain(sockstat(alloc=1), is_ipv6_off=False)


def test_a_file_without_a_tcp_line():
    text = explain(Sockstat(lines={"sockets": {"used": 3}}))
    assert "There is no TCP line." in text
    assert "alloc = not given" in text


# The measured machine of the facts: 850 closed sockets in three namespaces, of which ss sees 911.
THREE = Namespaces(
    seen=(
        Namespace(
            inode=1,
            is_host=True,
            pid=1,
            command="systemd",
            inuse=2,
            inuse6=0,
            used=110,
            in_protocols=9,
        ),
        Namespace(
            inode=2,
            pid=20,
            command="php-fpm",
            container=Container(runtime="docker", id="3f1c" * 16, pod_uid="a-pod"),
            inuse=41,
            inuse6=20,
            used=561,
            in_protocols=61,
        ),
        Namespace(inode=3, pid=30, inuse=0, used=257, in_protocols=0),
    ),
    change=2,
)
ALL_COUNTERS = {"alloc": 913, "inuse": 2, "tw": 40, "orphan": 600, "mem": 5500}


def test_every_namespace_and_every_word(golden):
    kernel = Kernel(page_size=4096, tcp_mem=(3000, 4000, 6000), tcp_max_orphans=1000)
    text = explain(
        sockstat(**ALL_COUNTERS),
        Sockstat(lines={"TCP6": {"inuse": 0}}),
        kernel=kernel,
        namespaces=THREE,
        width=100,
    )
    assert "= 913 - 2 - 61 = 850" in text
    golden("explain-namespaces.txt", text)


def test_unread_namespaces_are_explained():
    hidden = Namespaces(seen=THREE.seen, hidden_processes=True)
    text = explain(sockstat(**ALL_COUNTERS), namespaces=hidden)
    assert "3 network namespaces read, there may be more. Why: /proc hides" in text
    assert "At most 850 TCP sockets" in text


def test_only_the_first_of_many_namespaces_are_listed():
    many = [Namespace(inode=n, pid=n, inuse=0, used=n, in_protocols=0) for n in range(5, 30)]
    text = explain(sockstat(**ALL_COUNTERS), namespaces=Namespaces(seen=(THREE.seen[0], *many)))
    assert text.count("  - pid ") == 10
    assert "… and 15 more" in text


def test_an_impossible_counter_is_refused():
    with pytest.raises(SockfleetError, match="a host: sockstat: 1152921504606846976 of something"):
        explain(sockstat(alloc=2**60, inuse=1))
