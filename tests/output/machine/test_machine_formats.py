"""json, ndjson and csv: complete, parseable, and safe for any text of a host."""

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from hypothesis import given

from sockfleet.aggregator.document_reader import read_document
from sockfleet.aggregator.document_writer import time_text, to_document
from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.output.formats import RenderOptions, load_format
from tests.support.fleet.sample_fleet import failure, fleets, reading, scan, summaries

MIXED = summarize_fleet(
    summaries(
        reading("web2", groups=("eu", "web")),
        reading("web1", {"inuse": 3}, ipv6=False),
        failure("db1", message="=cmd|' /C calc'!A1"),
    ),
    scan(),
)


def rendered(name, summary=MIXED, **options):
    return load_format(name).render(summary, RenderOptions(**options))


def rows(summary=MIXED):
    return list(csv.DictReader(io.StringIO(rendered("csv", summary).decode())))


@given(fleets())
def test_json_is_the_document(found):
    summary = summarize_fleet(summaries(*found), scan())
    data = rendered("json", summary)
    assert orjson.loads(data) == orjson.loads(orjson.dumps(to_document(summary)))
    assert to_document(read_document(data)) == to_document(summary)


def test_json_has_a_line_for_each_host():
    lines = rendered("json").decode().splitlines()
    assert [json.loads(line.rstrip(","))["name"] for line in lines[-3:-1]] == [
        "web2",
        "web1",
    ]


@pytest.mark.parametrize("name", ["json", "ndjson", "csv"])
def test_top_and_colour_change_nothing_for_machines(name):
    assert rendered(name, top=1, color=True, width=20, ascii=True) == rendered(name)


@given(fleets())
def test_ndjson_is_the_same_hosts_unranked_then_the_fleet(found):
    summary = summarize_fleet(summaries(*found), scan())
    *hosts, last = [json.loads(line) for line in rendered("ndjson", summary).splitlines()]
    for line in (*hosts, last):
        assert line.pop("read_at") == "2026-11-22T07:00:01.234Z"
    whole = json.loads(rendered("json", summary))
    for host in whole["hosts"]:
        host.pop("rank", None)
    assert hosts == whole["hosts"]
    assert last == {"fleet": whole["fleet"]}


def test_ndjson_streams_what_it_renders():
    ndjson = load_format("ndjson")
    read_at = MIXED.scan.finished_at - timedelta(seconds=1)
    hosts = tuple(replace(host, read_at=read_at) for host in MIXED.hosts)
    mixed = replace(MIXED, hosts=hosts)
    streamed = b"".join(ndjson.host_line(host) for host in hosts) + ndjson.end_line(mixed)
    assert streamed == rendered("ndjson", mixed)


def test_each_line_of_ndjson_has_the_time_of_its_reading():
    late, early = MIXED.scan.finished_at, MIXED.scan.started_at
    times = dict(zip((host.name for host in MIXED.hosts), (late, early, late), strict=True))
    hosts = tuple(replace(host, read_at=times[host.name]) for host in MIXED.hosts)
    lines = rendered("ndjson", replace(MIXED, hosts=hosts)).splitlines()
    found = [json.loads(line)["read_at"] for line in lines]
    assert found == [time_text(moment) for moment in (*times.values(), late)]


def test_csv_leaves_absent_numbers_empty():
    web2, web1, db1 = rows()
    assert (web2["rank"], web2["name"], web2["groups"]) == ("1", "web2", "eu web")
    assert (web2["tcp_close"], web2["closed"], web2["mem_pages"]) == ("100", "138", "86")
    assert (web1["inuse"], web1["inuse6"], web1["alloc"], web1["tcp_close"]) == ("3", "", "", "")
    assert (db1["rank"], db1["status"], db1["tcp_close"]) == ("", "failed", "")
    assert db1["error_category"] == "tcp_timeout"
    assert [row["diagnosis"] for row in (web2, web1, db1)] == ["held-closed", "", ""]


def test_no_text_of_a_host_becomes_a_formula():
    assert rows()[2]["error_message"] == "'=cmd|' /C calc'!A1"


def test_a_negative_number_stays_a_number():
    summary = summarize_fleet(summaries(reading("a", {"inuse": 9, "tw": 0, "alloc": 2})), scan())
    assert rows(summary)[0]["tcp_close"] == "-11"


def test_csv_quotes_what_would_split_a_row():
    summary = summarize_fleet(summaries(failure("a", message='say "no", then\ngo')), scan())
    assert rows(summary)[0]["error_message"] == 'say "no", then go'


def test_pythons_sniffer_recognizes_the_csv():
    text = rendered("csv").decode()
    assert csv.Sniffer().sniff(text).delimiter == ","
    assert csv.Sniffer().has_header(text)
    assert len({len(row) for row in csv.reader(io.StringIO(text))}) == 1


@given(fleets())
def test_csv_has_a_row_with_its_numbers_for_each_host(found):
    summary = summarize_fleet(summaries(*found), scan())
    for host, row in zip(summary.hosts, rows(summary), strict=True):
        assert row["name"] == host.name
        for name in ("alloc", "inuse6", "tcp_close"):
            value = getattr(host.tcp, name, None)
            assert row[name] == ("" if value is None else str(value))
        for name in ("uncertainty", "unattributed"):
            value = getattr(host, name)
            assert row[name] == ("" if value is None else str(value))


def test_csv_names_the_groups_of_group_by():
    hosts = summaries(reading("a", groups=("eu", "web"), variables={"rack": "r1"}))
    summary = summarize_fleet(hosts, scan(), group_by="rack")
    assert (rows(summary)[0]["groups"], rows(summary)[0]["levels"]) == ("eu web", "r1")
