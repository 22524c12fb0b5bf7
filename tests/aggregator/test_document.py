"""The document of a scan: its shape, written and read back; anything else is refused."""

import json
from datetime import timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.aggregator.document_reader import read_document
from sockfleet.aggregator.document_writer import to_document
from sockfleet.aggregator.errors import DocumentError
from sockfleet.aggregator.fleet import summarize_fleet
from tests.support.fleet.sample_fleet import BEGAN, failure, fleets, reading, scan, summaries

TWO = summarize_fleet(
    summaries(reading("web1", groups=("web",)), failure("db1", groups=("db",))), scan()
)


def test_the_document_has_its_documented_shape():
    document = json.loads(orjson.dumps(to_document(TWO)))
    assert list(document) == ["schema", "sockfleet", "scan", "fleet", "groups", "hosts"]
    assert document["schema"] == "sockfleet/scan/v1"
    assert document["scan"] == {
        "id": "0f6b",
        "started_at": "2026-11-22T07:00:00.000Z",
        "finished_at": "2026-11-22T07:00:01.234Z",
        "duration_s": 1.234,
        "complete": True,
        "inventory": ["inventory.yml"],
        "limit": None,
        "sort": "tcp_close",
        "group_by": None,
    }
    assert document["fleet"]["hosts"] == {"total": 2, "ok": 1, "failed": 1}
    assert document["fleet"]["failures"] == {"tcp_timeout": 1}
    assert document["fleet"]["diagnoses"] == {"held-closed": 1}
    assert document["fleet"]["same_machine"] == []
    assert document["groups"]["db"]["totals"]["tcp_close"] is None
    web1, db1 = document["hosts"]
    assert web1 == {
        "name": "web1",
        "address": "10.0.0.1",
        "port": 22,
        "groups": ["web"],
        "status": "ok",
        "rank": 1,
        "attempts": 1,
        "elapsed_s": 0.214,
        "tcp": {
            "alloc": 247,
            "inuse": 143,
            "inuse6": 4,
            "tw": 38,
            "orphan": 1,
            "mem_pages": 86,
            "closed": 138,
            "tcp_close": 100,
        },
        "scope": "host-namespace",
        "scope_reasons": [],
        "uncertainty": None,
        "sockets_used": 400,
        "kernel": {
            "release": "5.4.0",
            "boot_id": None,
            "page_size": 4096,
            "tcp_mem": None,
            "tcp_max_orphans": None,
            "file_nr": None,
            "file_max": None,
            "tcp_estab": None,
        },
        "diagnosis": [
            {
                "word": "held-closed",
                "severity": "notice",
                "because": {"tcp_close": 100, "alloc": 247},
                "next": "sudo lsns -t net",
            }
        ],
    }
    assert db1 == {
        "name": "db1",
        "address": "10.0.0.9",
        "port": 22,
        "groups": ["db"],
        "status": "failed",
        "attempts": 2,
        "elapsed_s": 10.0,
        "error": {
            "category": "tcp_timeout",
            "phase": "connect",
            "message": "no answer from 10.0.0.9:22 in 5 s",
        },
    }


@given(fleets(), st.sampled_from([None, "rack", "web"]))
def test_a_document_read_back_is_the_same_document(found, group_by):
    hosts = summaries(*found)
    known = group_by == "rack" and any("rack" in host.variables for host in hosts)
    known |= group_by == "web" and any("web" in host.groups for host in hosts)
    summary = summarize_fleet(hosts, scan(), group_by=group_by if known else None)
    document = orjson.dumps(to_document(summary))
    assert orjson.dumps(to_document(read_document(document))) == document
    assert orjson.dumps(to_document(read_document(orjson.loads(document)))) == document


def test_times_are_written_in_utc():
    local = BEGAN.astimezone(timezone(timedelta(hours=5)))
    document = to_document(summarize_fleet([], scan(started_at=local)))
    assert document["scan"]["started_at"] == "2026-11-22T07:00:00.000Z"


def test_any_bytes_of_a_command_line_are_written_as_text():
    odd = scan(inventory=("caf\udce9.yml", "a\x1bb"), limit="web\udcff")
    document = to_document(summarize_fleet([], odd))
    assert document["scan"]["inventory"] == ["caf\N{REPLACEMENT CHARACTER}.yml", "a\ufffdb"]
    assert orjson.loads(orjson.dumps(document))["scan"]["limit"] == "web\ufffd"


def changed(path, value):
    document = orjson.loads(orjson.dumps(to_document(TWO)))
    *way, last = path
    place = document
    for key in way:
        place = place[key]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["schema"], "other/v1", r"sockfleet: schema is 'other/v1', expected 'sockfleet/scan/v1'"),
        (["schema"], KeyError, "missing required field 'schema'"),
        (["hosts"], KeyError, "missing required field 'hosts'"),
        (["hosts", 0, "tcp", "alloc"], "5", r"alloc: expected whole number or null, got text"),
        (["hosts", 0, "tcp", "alloc"], 5.5, r"hosts\[0\].tcp.alloc: .* got number"),
        (["hosts", 0, "status"], "fine", r"hosts\[0\].status: invalid enum value 'fine'"),
        (["hosts", 0, "tcp"], KeyError, r"sockfleet: hosts\[0\]: status is 'ok', expected 'tcp'"),
        (["hosts", 1, "error"], KeyError, r"sockfleet: hosts\[1\]: status is 'failed', expected"),
        (["hosts", 1, "name"], "web1", r"sockfleet: hosts\[1\].name: 'web1' stands .* twice"),
        (["hosts", 1, "name"], "\x1b[2J", r"sockfleet: hosts\[1\]: .* cannot be printed"),
        (["hosts", 1, "error", "message"], "a\nb", r"sockfleet: hosts\[1\]: .* cannot be printed"),
        (["hosts", 0, "tcp", "alloc"], 2**63, r"sockfleet: hosts\[0\]: 92233\d+ is beyond"),
        (["hosts", 0, "kernel", "page_size"], 2**63, r"sockfleet: hosts\[0\].kernel: 92233"),
        (["hosts", 0, "diagnosis", 0, "because", "alloc"], 2**63, r"hosts\[0\].diagnosis: 92233"),
        (["hosts", 0, "diagnosis", 0, "because"], {"\x1b": 1}, "cannot be printed"),
        (["hosts", 0, "diagnosis", 0, "next"], "a\nb", "cannot be printed"),
        (
            ["hosts", 0, "diagnosis", 0, "severity"],
            "huge",
            r"sockfleet: hosts\[0\].diagnosis\[0\].severity",
        ),
        (["hosts", 0, "uncertainty"], 2**63, r"sockfleet: hosts\[0\]: 92233"),
        (["fleet", "diagnoses"], {"\x1b": 1}, "cannot be printed"),
        (["groups", "web", "totals", "tw"], 2**64, "Integer exceeds 64-bit range"),
        (["scan", "sort"], "size", r"sockfleet: scan.sort is 'size', expected one of tcp_close"),
        (["scan", "group_by"], "\x9b2J", "cannot be printed"),
        (["fleet", "failures"], {"\x1bc": 1}, "cannot be printed"),
        (["fleet", "same_machine"], [{"boot_id": "\n", "hosts": []}], "cannot be printed"),
        (["fleet", "warnings"], ["\x07"], "cannot be printed"),
        (["fleet", "distribution"], {}, "fleet has no distribution of"),
        (["groups", "web", "hosts"], 3, r"groups\[...\].hosts: expected object, got whole number"),
        (
            ["scan", "started_at"],
            "2026-11-22T07:00:00",
            "started_at has no time zone",
        ),
        (["scan", "started_at"], "yesterday", r"sockfleet: scan.started_at"),
    ],
)
def test_an_error_names_the_path_and_the_value(path, value, message):
    with pytest.raises(DocumentError, match=message):
        read_document(changed(path, value))


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"schema": 1}', b"[" * 100_000, b"{}{}"]
)
def test_invalid_documents_are_refused(data):
    with pytest.raises(DocumentError, match="not a scan of sockfleet"):
        read_document(data)


@given(st.binary())
def test_any_bytes_are_refused(data):
    with pytest.raises(DocumentError):
        read_document(data)


def test_keys_and_words_of_later_versions_are_accepted():
    data = changed(["hosts", 0, "weather"], [{"wind": 1}])
    assert read_document(data).hosts[0].tcp.tcp_close == 100
    newer = changed(["hosts", 1, "error", "category"], "sunspots")
    assert read_document(newer).hosts[1].error.category == "sunspots"


def test_a_document_without_diagnoses_is_accepted():
    document = orjson.loads(changed(["fleet", "diagnoses"], KeyError))
    del document["hosts"][0]["diagnosis"]
    summary = read_document(document)
    assert summary.hosts[0].diagnosis == ()
    assert summary.fleet.diagnoses == {}


def test_a_newer_word_is_kept():
    newer = read_document(changed(["hosts", 0, "diagnosis", 0, "word"], "haunted"))
    assert newer.hosts[0].diagnosis[0].word == "haunted"


def test_the_order_of_the_hosts_is_the_ranking():
    summary = read_document(changed(["hosts", 0, "rank"], 7))
    assert [rank for rank, _ in summary.ranked()] == [1, None]
