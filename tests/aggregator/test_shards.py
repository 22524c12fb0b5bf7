"""Merged shards: the whole fleet, or warnings about missing ones."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.aggregator.document_reader import read_document
from sockfleet.aggregator.document_writer import to_document
from sockfleet.aggregator.errors import DocumentError
from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.aggregator.merge import merge_scans
from sockfleet.aggregator.shards import Shards, join_shards
from sockfleet.inventory.name_shard import part_of
from tests.support.fleet.sample_fleet import fleets, reading, scan, summaries


def part(number, of, *hosts, **fields):
    info = scan(shards=Shards(of=of, parts=(number,)), **fields)
    return summarize_fleet(summaries(*hosts), info)


def without_times(summary):
    document = orjson.loads(orjson.dumps(to_document(summary)))
    return {**document, "scan": {"shards": document["scan"].get("shards")}}


@given(fleets(min_size=1), st.integers(1, 5))
def test_all_shards_make_the_whole(found, of):
    hosts = summaries(*found)
    whole = summarize_fleet(hosts, scan())
    parts = [
        summarize_fleet(
            [host for host in hosts if part_of(host.name, of) == number],
            scan(shards=Shards(of=of, parts=(number,))),
        )
        for number in range(1, of + 1)
    ]
    merged = merge_scans([read_document(orjson.dumps(to_document(one))) for one in parts])
    if of > 1:
        assert without_times(merged) == without_times(whole)
    assert merged.fleet.warnings == whole.fleet.warnings
    assert merged.scan.shards is None


def test_a_missing_shard_gives_a_warning_and_the_others_stay():
    merged = merge_scans([part(1, 4, reading("a")), part(3, 4, reading("b"))])
    assert merged.scan.shards == Shards(of=4, parts=(1, 3))
    assert merged.fleet.warnings == (
        "shards 2/4, 4/4 are missing: their hosts are not in this scan",
    )


def test_a_single_shard_gives_the_warning_too():
    merged = merge_scans([part(2, 2, reading("a"))])
    assert merged.fleet.warnings == ("shard 1/2 is missing: its hosts are not in this scan",)
    assert merged.scan.shards == Shards(of=2, parts=(2,))


def test_a_merge_of_merges_drops_warnings_of_shards_that_are_present():
    half = merge_scans([part(1, 3, reading("a")), part(2, 3, reading("b"))])
    assert half.fleet.warnings
    whole = merge_scans([half, part(3, 3, reading("c"))])
    assert (whole.scan.shards, whole.fleet.warnings) == (None, ())


def test_a_repeated_shard_gives_a_warning():
    merged = merge_scans([part(1, 2, reading("a")), part(1, 2, reading("a")), part(2, 2)])
    shards, hosts = merged.fleet.warnings
    assert shards == "shard 1/2 stands in more than one scan"
    assert "1 host stands in more than one scan" in hosts


def test_shards_of_two_limits_are_two_wholes():
    scans = [part(n, 2, reading(f"{g}{n}"), limit=g) for g in ("web", "db") for n in (1, 2)]
    assert merge_scans(scans).fleet.warnings == ()
    merged = merge_scans(scans[:3])
    assert merged.fleet.warnings == (
        "shard 2/2 is missing: its hosts are not in this scan (of limit db)",
    )
    assert merged.scan.shards is None


def test_parts_of_different_numbers_are_no_whole():
    merged = merge_scans([part(1, 2, reading("a")), part(2, 3, reading("b"))])
    assert merged.scan.shards is None
    assert "shards of 2 and 3 parts, which do not make one whole" in merged.fleet.warnings[-1]


def test_scans_without_shards_stay_unchanged():
    assert join_shards([(None, None), (None, "web")]) == (None, [])


@pytest.mark.parametrize("parts", [[], [0], [3], [2, 1], [1, 1]])
def test_impossible_shards_are_refused(parts):
    document = to_document(part(1, 2, reading("a")))
    document["scan"]["shards"] = {"of": 2, "parts": parts}
    with pytest.raises(DocumentError, match=r"scan\.shards\.parts"):
        read_document(orjson.dumps(document))
