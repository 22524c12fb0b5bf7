"""A merge of parts gives the document of the whole."""

from datetime import timedelta

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sockfleet.aggregator.document_reader import read_document
from sockfleet.aggregator.document_writer import to_document
from sockfleet.aggregator.fleet import SORT_KEYS, summarize_fleet
from sockfleet.aggregator.merge import merge_scans
from tests.support.fleet.sample_fleet import BEGAN, failure, fleets, reading, scan, summaries


def without_id(summary):
    document = orjson.loads(orjson.dumps(to_document(summary)))
    for name in ("id", "started_at", "finished_at", "duration_s"):
        del document["scan"][name]
    document["scan"].pop("merged", None)  # the ids of the parts
    return document


def through_json(summary):
    return read_document(orjson.dumps(to_document(summary)))


@given(fleets(min_size=1), st.data(), st.sampled_from(SORT_KEYS), st.booleans())
def test_merged_shards_are_the_document_of_the_whole(found, data, sort, by_rack):
    hosts = summaries(*found)
    shards = data.draw(st.integers(1, 4))
    shard_of = [data.draw(st.integers(0, shards - 1)) for _ in hosts]
    group_by = "rack" if by_rack and any("rack" in host.variables for host in hosts) else None
    whole = summarize_fleet(hosts, scan(), sort=sort, group_by=group_by)
    parts = [
        tuple(host for host, shard in zip(whole.hosts, shard_of, strict=True) if shard == number)
        for number in range(shards)
    ]
    # A scan that knows no host with the variable refuses --group-by, so there is no such part.
    assume(group_by is None or all(any("rack" in h.variables for h in part) for part in parts))
    scans = [summarize_fleet(part, scan(), sort=sort, group_by=group_by) for part in parts]
    assert without_id(merge_scans([through_json(part) for part in scans])) == without_id(whole)


def test_a_single_scan_stays_unchanged():
    one = summarize_fleet(summaries(reading("a"), failure("b")), scan(), warnings=["a note"])
    assert merge_scans([one]) == one


def test_times_span_all_parts():
    late = scan(
        id="later",
        started_at=BEGAN + timedelta(seconds=10),
        finished_at=BEGAN + timedelta(seconds=15),
        complete=False,
        limit="db",
        inventory=("inventory.yml", "more.yml"),
    )
    merged = merge_scans([summarize_fleet([], late), summarize_fleet([], scan(limit="web"))]).scan
    assert merged.started_at == BEGAN
    assert merged.duration_s == 15
    assert merged.complete is False
    assert merged.inventory == ("inventory.yml", "more.yml")
    assert merged.limit is None
    assert merged.id not in ("later", "0f6b")


def test_a_shared_limit_stays():
    assert merge_scans([summarize_fleet([], scan(limit="web"))] * 2).scan.limit == "web"


def part(*outcomes, seconds=0):
    return summarize_fleet(
        summaries(*outcomes), scan(finished_at=BEGAN + timedelta(seconds=seconds))
    )


def alloc(value):
    return {"inuse": 0, "tw": 0, "alloc": value}


@pytest.mark.parametrize("swapped", [False, True])
def test_an_overlap_counts_once_the_reading_before_the_failure_then_the_newer(swapped):
    old = part(
        reading("both", alloc(1)), reading("ok-then-failed", alloc(2)), failure("failed-then-ok")
    )
    new = part(
        reading("both", alloc(10)),
        failure("ok-then-failed"),
        reading("failed-then-ok", alloc(20)),
        seconds=60,
    )
    merged = merge_scans([new, old] if swapped else [old, new])
    assert {host.name: host.tcp.tcp_close for host in merged.hosts} == {
        "both": 10 - 4,
        "ok-then-failed": 2 - 4,
        "failed-then-ok": 20 - 4,
    }
    assert merged.fleet.hosts.total == 3
    (warning,) = merged.fleet.warnings
    assert warning.startswith("3 hosts stand in more than one scan and counted once: both, failed-")


def test_of_two_failures_the_newer_counts():
    merged = merge_scans(
        [part(failure("a", message="new"), seconds=9), part(failure("a", message="old"))]
    )
    assert merged.hosts[0].error.message == "new"


def test_many_overlaps_are_abbreviated():
    both = part(*(failure(f"h{number}") for number in range(9)))
    assert merge_scans([both, both]).fleet.warnings == (
        "9 hosts stand in more than one scan and counted once: h0, h1, h2, h3, h4 …",
    )


def test_scans_grouped_in_different_ways_fall_back_to_the_inventory_s_groups():
    racked = summarize_fleet(
        summaries(reading("a", groups=("web",), variables={"rack": "r1"})), scan(), group_by="rack"
    )
    merged = merge_scans([racked, part(reading("b", groups=("web",)))])
    assert list(merged.groups) == ["web"]
    assert merged.scan.group_by is None
    assert all(host.levels is None for host in merged.hosts)
    assert "grouped in different ways" in merged.fleet.warnings[0]


def test_a_merge_of_no_scan_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        merge_scans([])
