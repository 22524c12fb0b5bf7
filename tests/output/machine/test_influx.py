"""The line protocol, read back by a parser that is not ours (influxdb's own: tests/monitoring)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_protocol_parser import parse_line

from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.core.text import has_unsafe
from sockfleet.output.formats import RenderOptions, load_format
from tests.support.fleet.sample_fleet import failure, fleets, reading, scan, summaries

MIXED = summarize_fleet(
    summaries(
        reading(
            "web2", groups=("eu", "web"), kernel=Kernel(page_size=4096, tcp_mem=(1000, 2000, 3000))
        ),
        reading("web1", {"inuse": 3}, ipv6=False, kernel=Kernel()),
        failure("db1", groups=("db",)),
    ),
    scan(),
)
FINISHED_NS = 1795330801234000000


def rendered(summary=MIXED):
    return load_format("influx").render(summary, RenderOptions()).decode()


def points(measurement, summary=MIXED):
    read = [parse_line(line) for line in rendered(summary).split("\n")[:-1]]
    return [point for point in read if point["measurement"] == measurement]


def fields_of(name, summary=MIXED):
    (found,) = [p for p in points("sockfleet_host", summary) if p["tags"] == {"host": name}]
    return found["fields"]


def test_the_lines_are_the_golden_ones(golden):
    golden("mixed.influx", rendered())


def test_every_point_has_the_end_of_the_scan_as_its_time():
    lines = rendered().splitlines()
    assert {line.rsplit(" ", 1)[1] for line in lines} == {str(FINISHED_NS)}


def test_a_host_has_the_integers_that_it_gave():
    fields = fields_of("web2")
    numbers = ("up", "alloc", "inuse", "inuse6", "tw", "orphan", "closed", "tcp_close")
    assert [fields[name] for name in numbers] == [1, 247, 143, 4, 38, 1, 138, 100]
    assert (fields["mem_pages"], fields["mem_bytes"]) == (86, 86 * 4096)
    assert (fields["tcp_mem_low_pages"], fields["tcp_mem_high_pages"]) == (1000, 3000)
    assert (fields["scope"], fields["diagnosis"]) == ("host-namespace", "held-closed")
    assert "tcp_close=100i" in rendered()


def test_an_absent_number_has_no_field():
    assert fields_of("web1").keys() == {
        *("up", "attempts", "elapsed_s", "inuse", "sockets_used", "scope"),
    }


def test_a_failed_host_is_down_and_has_no_socket_numbers():
    assert fields_of("db1") == {
        "up": 0,
        "attempts": 2,
        "elapsed_s": 10.0,
        "error_category": "tcp_timeout",
        "error_phase": "connect",
    }


def test_fleet_groups_and_counts():
    (fleet,) = points("sockfleet_fleet")
    assert (fleet["fields"]["hosts_ok"], fleet["fields"]["hosts_failed"]) == (2, 1)
    assert (fleet["fields"]["inuse"], fleet["fields"]["tcp_close_p99"]) == (146, 100)
    groups = {point["tags"]["group"]: point["fields"] for point in points("sockfleet_group")}
    assert groups["web"]["tcp_close"] == 100
    assert groups["db"] == {"hosts": 1, "hosts_ok": 0, "hosts_failed": 1}
    (failed,) = points("sockfleet_failures")
    assert (failed["tags"], failed["fields"]) == ({"category": "tcp_timeout"}, {"hosts": 1})
    (words,) = points("sockfleet_diagnoses")
    assert (words["tags"], words["fields"]) == ({"diagnosis": "held-closed"}, {"hosts": 1})


@pytest.mark.parametrize("complete", [True, False])
def test_the_scan_says_whether_it_was_complete(complete):
    (found,) = points("sockfleet_scan", summarize_fleet([], scan(complete=complete)))
    assert found["fields"] == {"complete": complete, "duration_s": 1.234, "scan_id": "0f6b"}


def test_a_number_beyond_64_bits_has_no_field():
    (host,) = summaries(reading("a", {"mem": 2**40}, kernel=Kernel(page_size=2**40)))
    fields = fields_of("a", summarize_fleet([host], scan()))
    assert fields["mem_pages"] == 2**40
    assert "mem_bytes" not in fields


@given(fleets())
def test_every_fleet_is_read_back(found):
    summary = summarize_fleet(summaries(*found), scan())
    for host in summary.hosts:
        fields = fields_of(host.name, summary)
        assert fields["up"] == (host.tcp is not None)
        for name in ("alloc", "tcp_close", "closed", "inuse6", "mem_pages"):
            assert fields.get(name) == getattr(host.tcp, name, None)


_HOSTILE = st.text(min_size=1) | st.sampled_from(
    ["a,b", "a=b", "a b", "a\\", "a\\,x=1", "a\nsockfleet_host up=1i", '"', "\udc80", "a\x00b"]
)


@given(_HOSTILE, _HOSTILE)
def test_hostile_names_and_words_stay_in_their_place(name, word):
    (plain,) = summaries(failure("a", groups=("web",)))
    host = replace(plain, name=name, error=replace(plain.error, category=word))
    summary = summarize_fleet([host], scan())
    (point,) = points("sockfleet_host", summary)
    assert point["tags"].keys() == {"host"}
    assert point["fields"].keys() == {
        "up",
        "attempts",
        "elapsed_s",
        "error_category",
        "error_phase",
    }
    assert "\\" not in point["tags"]["host"]
    if not has_unsafe(name) and "\\" not in name:
        assert point["tags"]["host"] == name
    if not has_unsafe(word):
        assert point["fields"]["error_category"] == word
