"""Prometheus's text, read back by Prometheus's own client library."""

import subprocess
from collections import Counter
from dataclasses import replace
from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from sockfleet.aggregator.diagnosis import Word
from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.collector.errors import Category
from sockfleet.collector.probe.containers import Container
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.namespaces import Namespace
from sockfleet.collector.probe.processes import Process, Processes
from sockfleet.collector.probe.scope import Scope
from sockfleet.core.text import has_unsafe
from sockfleet.output.formats import RenderOptions, load_format
from tests.support.fleet.sample_fleet import failure, fleets, reading, scan, summaries

LIMITS = Kernel(
    release="6.1.0",
    page_size=4096,
    tcp_mem=(100, 200, 300),
    tcp_max_orphans=1000,
    tcp_estab=7,
)
MIXED = summarize_fleet(
    summaries(
        reading("web2", groups=("eu", "web"), kernel=LIMITS, scope=Scope.ALL_NAMESPACES),
        reading("web1", {"inuse": 3}, ipv6=False, kernel=Kernel()),
        failure("db1", groups=("db",)),
    ),
    scan(),
)


def rendered(summary=MIXED):
    return load_format("prometheus").render(summary, RenderOptions()).decode()


def samples(summary=MIXED):
    """Every sample, by its name and labels; a second one of the same would be an error."""
    found = {}
    for family in text_string_to_metric_families(rendered(summary)):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            assert sample.timestamp is None
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def value(found, name, **labels):
    return found.get((f"sockfleet_{name}", frozenset(labels.items())))


def names_of(found, host):
    return {name for name, labels in found if ("host", host) in labels}


def test_the_text_is_the_golden_one(golden):
    golden("mixed.prom", rendered().replace(f'"{version("sockfleet")}"', '"VERSION"'))


def check_with_promtool(text):
    check = ["promtool", "check", "metrics"]
    result = subprocess.run(check, input=text.encode(), capture_output=True, check=False)
    return result.returncode, result.stdout, result.stderr


def test_promtool_accepts_the_text():
    assert check_with_promtool(rendered()) == (0, b"", b"")


def test_a_host_has_the_numbers_that_it_gave():
    found = samples()
    expected = {"alloc": 247, "inuse": 143, "inuse6": 4, "tw": 38, "orphan": 1}
    expected |= {"closed": 138, "tcp_close": 100, "mem_bytes": 86 * 4096, "up": 1}
    expected |= {"tcp_max_orphans": 1000, "tcp_estab": 7, "sockets_used": 400}
    expected |= {"elapsed_seconds": 0.214, "attempts": 1}
    assert {name: value(found, f"host_{name}", host="web2") for name in expected} == expected
    limits = [value(found, "host_tcp_mem_bytes", host="web2", level=x) for x in ("low", "high")]
    assert limits == [100 * 4096, 300 * 4096]
    where = {"host": "web2", "scope": "all-namespaces", "release": "6.1.0"}
    assert value(found, "host_info", **where) == 1
    assert value(found, "host_group", host="web2", group="eu") == 1


def test_a_number_that_a_host_did_not_give_has_no_sample():
    names = names_of(samples(), "web1")
    assert "sockfleet_host_inuse" in names
    absent = {"alloc", "inuse6", "tcp_close", "closed", "mem_bytes", "tcp_mem_bytes", "tcp_estab"}
    assert not names & {f"sockfleet_host_{name}" for name in absent}


def test_a_failed_host_is_down_and_has_no_socket_numbers():
    found = samples()
    names = {"up", "elapsed_seconds", "attempts", "failure", "group"}
    assert names_of(found, "db1") == {f"sockfleet_host_{name}" for name in names}
    assert value(found, "host_up", host="db1") == 0
    why = {"host": "db1", "category": "tcp_timeout", "phase": "connect"}
    assert value(found, "host_failure", **why) == 1


def test_the_fleet_has_its_sums_and_counts():
    found = samples()
    assert value(found, "fleet_hosts", status="ok") == 2
    assert value(found, "fleet_hosts", status="failed") == 1
    assert value(found, "fleet_failed_hosts", category="tcp_timeout") == 1
    assert value(found, "fleet_failed_hosts", category="refused") == 0
    assert value(found, "fleet_diagnosed_hosts", diagnosis="held-closed") == 1
    assert value(found, "fleet_inuse") == 146
    assert value(found, "fleet_mem_bytes") == 86 * 4096
    assert value(found, "fleet_tcp_close_per_host", statistic="p90") == 100


def test_every_category_and_word_is_counted_from_the_start():
    found = Counter(name for name, _ in samples())
    assert found["sockfleet_fleet_failed_hosts"] == len(Category)
    assert found["sockfleet_fleet_diagnosed_hosts"] == len(Word)


def test_totals_over_none_have_no_sample():
    found = samples(summarize_fleet(summaries(failure("a")), scan()))
    assert value(found, "fleet_hosts", status="ok") == 0
    assert value(found, "fleet_tcp_close") is None
    assert value(found, "fleet_mem_bytes") is None
    assert value(found, "fleet_tcp_close_per_host", statistic="max") is None


@pytest.mark.parametrize("complete", [True, False])
def test_only_a_complete_scan_is_the_last_complete_one(complete):
    found = samples(summarize_fleet(summaries(reading("a")), scan(complete=complete)))
    finished = scan().finished_at.timestamp()
    last = value(found, "scan_last_complete_timestamp_seconds")
    assert last == (finished if complete else None)
    assert value(found, "scan_complete") == int(complete)
    assert value(found, "scan_finished_timestamp_seconds") == finished
    assert value(found, "scan_duration_seconds") == 1.234


def test_group_by_replaces_the_groups_of_the_inventory():
    hosts = summaries(reading("a", groups=("eu", "web"), variables={"rack": "r1"}))
    found = samples(summarize_fleet(hosts, scan(), group_by="rack"))
    groups = {dict(labels)["group"] for name, labels in found if name == "sockfleet_host_group"}
    assert groups == {"r1"}


def test_namespaces_and_processes_are_few_and_outlive_a_restart():
    def namespace(n, command):
        return Namespace(
            inode=4026532000 + n,
            pid=1000 + n,
            command=command,
            container=Container(runtime="docker", id=f"{n:064x}"),
            inuse=0,
            used=10 + n,
            in_protocols=0,
        )

    pods = [namespace(n, f"app{n}") for n in range(20)]
    held = [
        Process(pid=n, command="php-fpm", user="www-data", tcp_close=3, shared=0, bound=False)
        for n in range(1, 9)
    ]
    one = reading(
        "a",
        scope=Scope.ALL_NAMESPACES,
        elsewhere=(*pods, namespace(20, "app19")),
        processes=Processes(seen=tuple(held), exact=True),
    )
    found = samples(summarize_fleet(summaries(one), scan()))
    highest = {"host": "a", "command": "app19", "runtime": "docker"}
    assert value(found, "host_namespace_tcp_close_max", **highest) == 29 + 30
    assert sum(name == "sockfleet_host_namespace_tcp_close_max" for name, _ in found) == 10
    who = {"host": "a", "command": "php-fpm", "user": "www-data"}
    assert value(found, "host_process_tcp_close", **who) == 24
    assert value(found, "host_unattributed", host="a") is not None


def test_a_repeated_word_of_a_document_is_written_once():
    (host,) = summaries(reading("a", groups=("web",)))
    twice = replace(host, groups=("web", "web"), diagnosis=host.diagnosis * 2)
    assert samples(summarize_fleet([twice], scan())) == samples(summarize_fleet([host], scan()))


@given(fleets())
def test_every_fleet_is_read_back(found):
    summary = summarize_fleet(summaries(*found), scan())
    read = samples(summary)
    for host in summary.hosts:
        assert value(read, "host_up", host=host.name) == (host.tcp is not None)
        for name in ("alloc", "tcp_close", "closed", "inuse6"):
            expected = getattr(host.tcp, name, None)
            assert value(read, f"host_{name}", host=host.name) == expected
    assert value(read, "fleet_tcp_close") == summary.fleet.totals.tcp_close


_HOSTILE = st.text(min_size=1) | st.sampled_from(
    ['a"b', "a\\", 'a\\"} 1\n', "a\nsockfleet_host_up 1", "a\x00b", "a\u2028b", "\udc80", "{}", ","]
)


def test_promtool_accepts_hostile_names():
    (plain,) = summaries(reading("a"))
    names = ['a"b', "a\\", 'a\\"} 1\n', "a\nsockfleet_host_up 1", "a\x00b", "\udc80", "{}", "größe"]
    hosts = [replace(plain, name=name, groups=(name,)) for name in names]
    assert check_with_promtool(rendered(summarize_fleet(hosts, scan()))) == (0, b"", b"")


@given(st.lists(_HOSTILE, unique=True, min_size=1, max_size=4), _HOSTILE)
def test_hostile_labels_stay_labels(names, word):
    (plain,) = summaries(reading("a", groups=("web",)))
    hosts = [replace(plain, name=name, groups=(word,)) for name in names]
    summary = summarize_fleet(hosts, scan())
    text = rendered(summary)
    assert len(text.split("\n")) == len(text.splitlines()) + 1
    assert "\x00" not in text
    found = samples(summary)
    up = [dict(labels)["host"] for name, labels in found if name == "sockfleet_host_up"]
    assert len(up) == len(names)
    assert {name for name in names if not has_unsafe(name)} <= set(up)
    groups = {dict(labels)["group"] for name, labels in found if name == "sockfleet_host_group"}
    assert len(groups) == 1


def test_others_may_read_the_file():
    assert load_format("prometheus").mode == 0o644
