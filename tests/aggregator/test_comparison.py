"""A scan compared with an earlier one: differences, statuses, refusals."""

import json
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.aggregator.change import NamespaceStatus, Since
from sockfleet.aggregator.comparison import Comparison
from sockfleet.aggregator.document_reader import read_document
from sockfleet.aggregator.document_writer import to_document
from sockfleet.aggregator.errors import ComparisonError, DocumentError
from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.aggregator.merge import merge_scans
from sockfleet.aggregator.namespaces import RestSummary
from sockfleet.aggregator.numbers import TCP_NUMBERS
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.namespaces import Namespace
from sockfleet.collector.probe.scope import Scope
from tests.support.fleet.sample_fleet import BEGAN, failure, fleets, reading, scan, summaries

LATER = BEGAN + timedelta(minutes=30)


def counters(alloc, inuse=100, **more):
    return {"inuse": inuse, "orphan": 0, "tw": 5, "alloc": alloc, "mem": 10} | more


def fleet(*outcomes, at=BEGAN, **info):
    return summarize_fleet(summaries(*outcomes), scan(started_at=at, **info))


def compared(then, now):
    names = {host.name for host in now.hosts}
    return Comparison(then, started_at=now.scan.started_at, names=names).compare(now)


def one(then, now):
    """The change of one host, half an hour later."""
    return compared(fleet(then), fleet(now, at=LATER)).hosts[0].change


def exact(name, alloc, **more):
    return reading(name, counters(alloc), scope=Scope.ALL_NAMESPACES, **more)


def booted(boot_id):
    return Kernel(boot_id=boot_id, page_size=4096)


def test_the_difference_and_its_rate_per_hour():
    change = one(exact("web1", 200), exact("web1", 350))
    assert change.status is Since.COMPARED
    assert (change.alloc, change.tcp_close, change.closed, change.inuse) == (150, 150, 150, 0)
    assert change.rate_per_hour["tcp_close"] == 300.0
    assert change.bound is False


@pytest.mark.parametrize(
    ("then", "now", "status"),
    [
        (failure("a"), exact("a", 200), Since.RECOVERED),
        (exact("a", 200), failure("a"), Since.LOST),
        (failure("a"), failure("a"), Since.STILL_FAILED),
        (
            exact("a", 900, kernel=booted("one")),
            exact("a", 200, kernel=booted("two")),
            Since.REBOOTED,
        ),
    ],
)
def test_a_host_that_cannot_be_compared_has_a_status_and_no_number(then, now, status):
    change = one(then, now)
    assert change.status is status
    assert all(getattr(change, name) is None for name in TCP_NUMBERS)
    assert (change.rate_per_hour, change.namespaces) == ({}, None)


@pytest.mark.parametrize("boots", [(None, "two"), ("one", None), (None, None), ("one", "one")])
def test_an_unknown_boot_id_is_no_reboot(boots):
    then, now = (exact("a", 200 + n, kernel=booted(boot)) for n, boot in enumerate(boots))
    assert one(then, now).tcp_close == 1


def test_a_bound_is_never_compared_with_an_exact_number():
    change = one(reading("a", counters(200)), exact("a", 350))
    assert (change.status, change.tcp_close, change.bound) == (Since.COMPARED, None, False)
    assert change.rate_per_hour["tcp_close"] is None
    assert change.alloc == 150, "the raw counters do not depend on the scope"


def test_two_bounds_of_one_kind_are_compared_and_marked():
    change = one(reading("a", counters(200)), reading("a", counters(350)))
    assert (change.tcp_close, change.bound) == (150, True)


def test_an_absent_number_has_no_difference():
    change = one(exact("a", 200), reading("a", {"inuse": 100}, scope=Scope.ALL_NAMESPACES))
    assert (change.alloc, change.tcp_close, change.inuse) == (None, None, 0)


def elsewhere(inode, inuse, **more):
    return Namespace(inode=inode, pid=9, inuse=inuse, **more)


def test_namespaces_are_matched_by_inode_and_their_own_number():
    then = exact(
        "a", 500, elsewhere=(elsewhere(7, 10), elsewhere(8, 20), elsewhere(9, 30, netns=1))
    )
    now = exact("a", 500, elsewhere=(elsewhere(7, 15), elsewhere(9, 30, netns=2)))
    _, seven, *others = found = one(then, now).namespaces
    assert (seven.inuse, seven.rate_per_hour["inuse"], seven.tw) == (5, 10.0, None)
    assert [(change.inode, change.status) for change in found] == [
        (4026531913, NamespaceStatus.COMPARED),
        (7, NamespaceStatus.COMPARED),
        (9, NamespaceStatus.NEW),  # the kernel gave the inode of one that is gone again
        (8, NamespaceStatus.GONE),
        (9, NamespaceStatus.GONE),
    ]
    assert all(change.inuse is None for change in others)


def test_a_namespace_that_is_not_listed_is_neither_new_nor_gone():
    then = exact("a", 500, elsewhere=(elsewhere(7, 10), elsewhere(8, 20)))
    now = replace(
        summaries(exact("a", 500, elsewhere=(elsewhere(7, 15), elsewhere(9, 1))))[0],
        namespaces_rest=RestSummary(namespaces=300, inuse=900),
    )
    later = summarize_fleet([now], scan(started_at=LATER))
    (host,) = compared(fleet(then), later).hosts
    assert [change.inode for change in host.change.namespaces] == [4026531913, 7]


def test_the_fleet_sums_compared_hosts_and_names_the_others():
    then = fleet(
        exact("a", 200),
        exact("b", 900),
        exact("boot", 700, kernel=booted("one")),
        failure("back"),
        exact("gone", 200),
    )
    now = fleet(
        exact("a", 250),
        failure("b"),
        exact("boot", 100, kernel=booted("two")),
        exact("back", 300),
        exact("new", 5000),
        at=LATER,
    )
    change = compared(then, now).fleet.change
    assert (change.compared, change.tcp_close, change.rate_per_hour["tcp_close"]) == (1, 50, 100.0)
    assert change.against.elapsed_s == 1800.0
    assert (change.new, change.gone, change.recovered) == (("new",), ("gone",), ("back",))
    assert (change.lost, change.rebooted) == (("b",), ("boot",))


def test_no_host_is_gone_under_another_limit():
    then = fleet(exact("a", 200), exact("b", 200))
    now = fleet(exact("a", 200), at=LATER, limit="a")
    assert compared(then, now).fleet.change.gone is None


def test_a_scan_without_a_common_host_is_refused():
    with pytest.raises(ComparisonError, match="none of its 1 hosts is among the 1 of this scan"):
        compared(fleet(exact("a", 1)), fleet(exact("b", 1), at=LATER))


@pytest.mark.parametrize("at", [BEGAN, BEGAN - timedelta(seconds=1)])
def test_an_earlier_scan_that_started_later_is_refused(at):
    with pytest.raises(ComparisonError, match="not before this scan"):
        compared(fleet(exact("a", 1)), fleet(exact("a", 1), at=at))


@given(fleets(min_size=1), st.data(), st.floats(0.001, 1e7))
def test_any_two_scans_make_a_document_that_reads_back(found, data, seconds):
    names = [outcome.host.name for outcome in found]
    others = data.draw(fleets())
    first = found[0].host.name
    then = fleet(*found)
    kept = [other for other in others if other.host.name != first]
    now = fleet(found[0], *kept, at=BEGAN + timedelta(seconds=seconds + 0.001))
    summary = compared(then, now)
    document = orjson.dumps(to_document(summary))
    assert orjson.dumps(to_document(read_document(document))) == document
    change = summary.fleet.change
    assert set(change.new) == {host.name for host in now.hosts} - set(names)
    assert set(change.gone) == set(names) - {host.name for host in now.hosts}
    statuses = [host.change.status for host in summary.hosts]
    assert change.compared == statuses.count(Since.COMPARED)
    for name in TCP_NUMBERS:
        given_ = [v for host in summary.hosts if (v := getattr(host.change, name)) is not None]
        assert getattr(change, name) == (sum(given_) if given_ else None)


def test_the_json_keys_of_a_change():
    document = to_document(compared(fleet(exact("a", 200)), fleet(exact("a", 350), at=LATER)))
    (host,) = document["hosts"]
    assert host["change"]["tcp_close"] == 150
    assert host["change"]["rate_per_hour"]["tcp_close"] == 300.0
    assert document["fleet"]["change"]["rate_per_hour"]["tcp_close"] == 300.0
    assert "change" not in to_document(fleet(exact("a", 200)))["hosts"][0]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("new", ["a\x1b[2J"], "cannot be printed"),
        ("new", "a", "new"),
        ("compared", "many", "compared"),
        ("tcp_close", 2**70, "64-bit range"),
        ("rate_per_hour", {"tcp_close": "fast"}, "rate_per_hour"),
    ],
)
def test_an_impossible_change_is_refused(key, value, message):
    document = orjson.loads(
        orjson.dumps(to_document(compared(fleet(exact("a", 1)), fleet(exact("a", 2), at=LATER))))
    )
    document["fleet"]["change"][key] = value
    with pytest.raises(DocumentError, match=message):
        read_document(json.dumps(document).encode())


def test_a_merge_leaves_changes_out_and_warns():
    scans = [
        compared(fleet(exact(name, 200)), fleet(exact(name, 350), at=LATER)) for name in ("a", "b")
    ]
    merged = merge_scans(scans)
    assert [host.change for host in merged.hosts] == [None, None]
    assert any("changes" in warning for warning in merged.fleet.warnings)
