"""A scan that is saved comes back; one that is saved again changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from scanned_fleet import BEGIN, ScannedFleet
from sqlalchemy import func, select, text

from sockfleet.aggregator.document_writer import to_document
from sockfleet.aggregator.host import Status
from sockfleet.aggregator.merge import merge_scans
from sockfleet.aggregator.shards import Shards
from sockfleet.history.store import layout
from sockfleet.history.store.read import find_scan, list_scans, read_scan
from sockfleet.history.store.save import save_scan
from sockfleet.history.store.series import read_series
from sockfleet.history.store.subjects import read_hosts
from tests.support.history.made_scans import host_summary, scan_of

LATER = BEGIN + timedelta(days=30)


def rows(store, query):
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def count(store, table):
    with store.read() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def reboot(host, boot_id):
    return replace(host, kernel=replace(host.kernel, boot_id=boot_id))


def test_a_scan_comes_back_whole(store, reopen):
    (summary,) = ScannedFleet(40).scans(1)
    assert save_scan(store, summary).is_new
    found = read_scan(reopen(), summary.scan.id)
    assert to_document(found) == to_document(summary)


def test_a_scan_without_details_has_the_same_numbers_and_failures(store):
    hosts = [host_summary("a", 5), host_summary("b", None), host_summary("c", 0, groups=("x", "y"))]
    summary = scan_of(hosts, shards=Shards(of=3, parts=(1, 2)), limit="web", round=4)
    save_scan(store, summary, details=False)
    found, wanted = to_document(read_scan(store, summary.scan.id)), to_document(summary)
    for each in (*found["hosts"], *wanted["hosts"]):
        each.pop("diagnosis", None)  # the made hosts have none
    found["fleet"]["diagnoses"] = {}
    assert found == wanted


def test_a_second_save_of_a_scan_changes_nothing(store):
    summary = scan_of([host_summary("a", 5)])
    assert save_scan(store, summary).is_new
    assert not save_scan(store, replace(summary, hosts=())).is_new
    assert count(store, layout.scans) == 1
    assert len(read_scan(store, summary.scan.id).hosts) == 1


def test_a_host_that_was_not_read_has_a_failure_and_no_number(store):
    save_scan(store, scan_of([host_summary("a", 5), host_summary("b", None)]))
    assert rows(store, "SELECT host, category, message FROM failures") == [
        ("b", "tcp_timeout", "no answer")
    ]
    assert rows(store, "SELECT host, tcp_close FROM latest") == [("a", 5)]
    block = read_series(store, "tcp_close", BEGIN, LATER)
    assert block.hosts == ("a", "b")
    assert str(block.values.tolist()) == "[[5.0], [nan]]"


def test_the_latest_reading_stays_when_a_host_fails_and_when_an_older_scan_is_saved(store):
    save_scan(store, scan_of([host_summary("a", 5)], BEGIN + timedelta(hours=1)))
    save_scan(store, scan_of([host_summary("a", None)], BEGIN + timedelta(hours=2)))
    save_scan(store, scan_of([host_summary("a", 3)], BEGIN))
    assert rows(store, "SELECT tcp_close FROM latest") == [(5,)]
    assert [row.tcp_close for row in list_scans(store)] == [None, 5, 3]
    block = read_series(store, "tcp_close", BEGIN, LATER)
    assert str(block.values.tolist()) == "[[3.0, 5.0, nan]]"


def test_what_changes_of_a_host_is_kept_once(store):
    first = host_summary("a", 1)
    for number in range(3):
        save_scan(store, scan_of([first], BEGIN + timedelta(minutes=number)))
    assert count(store, layout.facts) == 1
    changed = replace(first, groups=("db", "new"), kernel=replace(first.kernel, page_size=65536))
    save_scan(store, scan_of([changed], BEGIN + timedelta(minutes=5)))
    assert count(store, layout.facts) == 2
    facts = read_hosts(store)["a"]
    assert (facts.groups, facts.page_size) == (("db", "new"), 65536)
    old = read_scan(store, find_scan(store, "last-1").id)
    assert old.hosts[0].groups == ("web",)


def test_a_reboot_shows_as_another_boot(store):
    host = host_summary("a", 1)
    other = reboot(host, "11111111-0000-4000-8000-000000000000")
    for number, each in enumerate((host, other, other, host_summary("a", None))):
        save_scan(store, scan_of([each], BEGIN + timedelta(minutes=number)))
    save_scan(store, scan_of([host], BEGIN - timedelta(minutes=1)))
    block = read_series(store, "tcp_close", BEGIN - timedelta(hours=1), LATER)
    assert block.boots.tolist() == [[0, 0, 1, 1, -1]]
    assert read_hosts(store)["a"].boot_id == other.kernel.boot_id


def test_shards_are_one_column_and_a_merged_scan_counts_for_its_parts(store):
    parts = [
        scan_of(
            [host_summary(name, number)],
            BEGIN + timedelta(seconds=number),
            shards=Shards(of=2, parts=(number,)),
        )
        for number, name in ((1, "a"), (2, "b"))
    ]
    for part in parts:
        save_scan(store, part)
    block = read_series(store, "tcp_close", BEGIN, LATER)
    assert block.values.tolist() == [[1.0], [2.0]]
    save_scan(store, merge_scans(parts))
    again = read_series(store, "tcp_close", BEGIN, LATER)
    assert again.values.tolist() == [[1.0], [2.0]]
    assert rows(store, "SELECT sum(tcp_close) FROM scans WHERE merged_into IS NULL") == [(3,)]


def test_parts_that_are_saved_after_the_merged_scan_do_not_count(store):
    parts = [scan_of([host_summary(name, 1)], BEGIN) for name in "ab"]
    save_scan(store, merge_scans(parts))
    save_scan(store, parts[0])
    assert rows(store, "SELECT hosts FROM scans WHERE merged_into IS NULL") == [(2,)]
    assert read_series(store, "tcp_close", BEGIN, LATER).values.tolist() == [[1.0], [1.0]]


def test_an_empty_shard_is_a_scan(store):
    summary = scan_of([], shards=Shards(of=2, parts=(1,)))
    save_scan(store, summary, details=False)
    assert read_scan(store, summary.scan.id).hosts == ()
    assert read_series(store, "tcp_close", BEGIN, LATER).hosts == ()


def test_a_series_of_some_hosts_has_these_alone(store):
    for summary in ScannedFleet(20).scans(3):
        save_scan(store, summary)
    block = read_series(store, "alloc", BEGIN, LATER, hosts=["host000003", "host000011", "none"])
    assert block.hosts == ("host000003", "host000011")
    whole = read_series(store, "alloc", BEGIN, LATER)
    assert str(block.values[1].tolist()) == str(whole.values[11].tolist())


def test_a_large_fleet_is_saved_like_a_small_one(store):
    fleet = ScannedFleet(2500)
    for summary in fleet.scans(2):
        save_scan(store, summary)
    assert read_scan(store, list_scans(store)[0].id).fleet.hosts == summary.fleet.hosts
    read = [host for host in summary.hosts if host.status is Status.OK]
    with store.read() as connection:
        at = select(func.count()).select_from(layout.latest)
        assert connection.scalar(at) >= len(read)
