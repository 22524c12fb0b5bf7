"""The shipped schema describes every document that is written, key by key."""

import copy
import json
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sockfleet.aggregator.change import (
    Against,
    FleetChange,
    HostChange,
    NamespaceChange,
    NamespaceStatus,
    Since,
)
from sockfleet.aggregator.comparison import Comparison
from sockfleet.aggregator.diagnosis import Diagnosis, Severity, Word
from sockfleet.aggregator.document_writer import to_document
from sockfleet.aggregator.fleet import (
    SORT_KEYS,
    Distribution,
    Fleet,
    GroupSummary,
    HostCounts,
    ScanInfo,
    summarize_fleet,
)
from sockfleet.aggregator.host import FailureReason, HostSummary, Status
from sockfleet.aggregator.merge import merge_scans
from sockfleet.aggregator.namespaces import NamespaceSummary, RestSummary
from sockfleet.aggregator.numbers import TCP_NUMBERS, TcpNumbers
from sockfleet.aggregator.processes import Attribution
from sockfleet.collector.errors import Category, Phase
from sockfleet.collector.probe.containers import Container
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.processes import Process, Processes
from sockfleet.collector.probe.scope import Scope
from sockfleet.output.formats import RenderOptions, load_format
from sockfleet.output.machine.schema import SCHEMAS, load_schema
from tests.support.fleet.sample_fleet import (
    BEGAN,
    failure,
    fleets,
    outcomes,
    reading,
    scan,
    summaries,
)

EXAMPLE = json.loads(Path(__file__).with_name("documented_scan.json").read_text())
DEFS = load_schema("scan")["$defs"]
WHOLE = to_document(
    summarize_fleet(
        summaries(
            reading(
                "web1",
                groups=("web",),
                scope=Scope.VISIBLE_NAMESPACES,
                processes=Processes(
                    seen=(Process(pid=9, tcp_close=1, shared=0, bound=False),), exact=True
                ),
            ),
            failure("db1"),
        ),
        scan(),
    )
)


def closed(schema):
    """The schema with no key allowed that it does not name."""
    schema = copy.deepcopy(schema)
    for part in (schema, *schema["$defs"].values(), *schema.get("oneOf", ())):
        if "properties" in part:
            part.setdefault("additionalProperties", False)
            for inner in part["properties"].values():
                if isinstance(inner, dict) and "items" in inner and "properties" in inner["items"]:
                    inner["items"]["additionalProperties"] = False
    return schema


OPEN = {name: Draft202012Validator(load_schema(name)) for name in SCHEMAS}
CLOSED = {name: Draft202012Validator(closed(load_schema(name))) for name in SCHEMAS}


def errors(name, document):
    """What the schema without further keys says against a document."""
    return [str(error) for error in CLOSED[name].iter_errors(document)]


def written(name, summary):
    """What a format's output holds, as a reader gets it."""
    data = load_format(name).render(summary, RenderOptions())
    return [json.loads(data)] if name == "json" else [json.loads(x) for x in data.splitlines()]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_valid(name):
    rules = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    assert list(rules.iter_errors(load_schema(name))) == []


@given(fleets(), st.sampled_from([None, "all"]))
def test_every_document_has_only_keys_of_the_schema(found, group_by):
    summary = summarize_fleet(summaries(*found), scan(), group_by=group_by)
    for document in written("json", summary):
        assert errors("scan", document) == []
    for line in written("ndjson", summary):
        assert errors("ndjson", line) == []


@settings(max_examples=30)
@given(fleets(min_size=1), st.data())
def test_a_comparison_has_only_keys_of_the_schema(found, data):
    names = [outcome.host.name for outcome in found]
    earlier = [data.draw(outcomes(name)) for name in [*names, "gone1"]]
    then = summarize_fleet(summaries(*earlier), scan())
    now = summarize_fleet(summaries(*found), scan(started_at=BEGAN + timedelta(minutes=5)))
    comparison = Comparison(then, started_at=now.scan.started_at, names=names)
    assert errors("scan", written("json", comparison.compare(now))[0]) == []
    for line in written("ndjson", comparison.compare(now)):
        assert errors("ndjson", line) == []


@settings(max_examples=30)
@given(fleets(), fleets())
def test_merged_scans_have_only_keys_of_the_schema(first, second):
    both = merge_scans([summarize_fleet(summaries(*found), scan()) for found in (first, second)])
    assert errors("scan", written("json", both)[0]) == []


def test_the_documented_example_is_valid():
    assert errors("scan", EXAMPLE) == []


def objects(value, path=()):
    """Every object within, by its path of keys."""
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            yield from objects(inner, (*path, key))
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from objects(inner, (*path, number))


def at(document, path):
    for key in path:
        document = document[key]
    return document


KEYS_ARE_DATA = {("groups",), ("fleet", "failures"), ("fleet", "diagnoses")}
KEYS_ARE_DATA |= {path for path in objects(WHOLE) if path[-1:] == ("because",)}


@pytest.mark.parametrize("path", [p for p in objects(WHOLE) if p not in KEYS_ARE_DATA])
def test_a_later_version_may_add_a_key_anywhere(path):
    document = json.loads(json.dumps(WHOLE))
    at(document, path)["added_later"] = {"anything": [None]}
    OPEN["scan"].validate(document)
    assert not CLOSED["scan"].is_valid(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "sockfleet/scan/v2"),
        (("scan", "started_at"), "2026-11-22 07:00"),
        (("scan", "sort"), "size"),
        (("fleet", "failures"), {"tcp_timeout": 0}),
        (("fleet", "failures"), {"A\n": 1}),
        (("fleet", "totals", "alloc"), 1.5),
        (("fleet", "distribution", "closed"), None),
        (("hosts", 0, "name"), "a\x1b[31m"),
        (("hosts", 0, "port"), 65536),
        (("hosts", 0, "port"), "22"),
        (("hosts", 0, "status"), "unknown"),
        (("hosts", 0, "status"), "failed"),
        (("hosts", 0, "tcp", "alloc"), 1.5),
        (("hosts", 0, "scope"), "some-namespaces"),
        (("hosts", 0, "kernel", "tcp_mem"), [1, 2]),
        (("hosts", 0, "rank"), 0),
        (("hosts", 1, "status"), "ok"),
        (("hosts", 1, "rank"), 2),
        (("hosts", 1, "error", "category"), "TCP timeout"),
    ],
)
def test_the_schema_is_strict_about_known_keys(path, value):
    document = json.loads(json.dumps(WHOLE))
    at(document, path[:-1])[path[-1]] = value
    assert not OPEN["scan"].is_valid(document)


@pytest.mark.parametrize("path", list(objects(EXAMPLE)))
def test_every_documented_key_is_required(path):
    may_be_missing = {"rank", "unattributed", "namespaces", "processes", "tcp_timeout"}
    for key in at(EXAMPLE, path).keys() - may_be_missing:
        document = copy.deepcopy(EXAMPLE)
        del at(document, path)[key]
        assert not OPEN["scan"].is_valid(document), (path, key)


def test_a_line_is_a_host_or_the_fleet():
    assert OPEN["ndjson"].is_valid({"fleet": EXAMPLE["fleet"]})
    assert OPEN["ndjson"].is_valid(EXAMPLE["hosts"][1])
    assert not OPEN["ndjson"].is_valid({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scan", ScanInfo),
        ("fleet", Fleet),
        ("group", GroupSummary),
        ("host_counts", HostCounts),
        ("distribution", Distribution),
        ("host", HostSummary),
        ("tcp", TcpNumbers),
        ("namespace", NamespaceSummary),
        ("namespaces_rest", RestSummary),
        ("container", Container),
        ("attribution", Attribution),
        ("kernel", Kernel),
        ("diagnosis", Diagnosis),
        ("error", FailureReason),
        ("host_change", HostChange),
        ("namespace_change", NamespaceChange),
        ("fleet_change", FleetChange),
        ("against", Against),
    ],
)
def test_a_record_and_its_definition_have_the_same_fields(name, value):
    only_within = {"variables"}  # the inventory's: they are in no output
    only_written = {"rank"}
    names = {field.name for field in fields(value)}
    assert names - only_within == DEFS[name]["properties"].keys() - only_written


def test_the_schema_has_the_vocabularies_of_the_code():
    host = DEFS["host"]["properties"]
    assert DEFS["scan"]["properties"]["sort"]["enum"] == list(SORT_KEYS)
    assert host["scope"]["enum"] == list(Scope)
    assert host["status"]["enum"] == list(Status)
    assert DEFS["diagnosis"]["properties"]["severity"]["enum"] == list(Severity)
    change = DEFS["host_change"]["properties"]
    assert set(change["status"]["enum"]) == set(Since)
    assert set(DEFS["namespace_change"]["properties"]["status"]["enum"]) == set(NamespaceStatus)
    assert DEFS["tcp"]["required"] == list(TCP_NUMBERS)
    word = Draft202012Validator(DEFS["word"])
    assert all(word.is_valid(str(one)) for one in (*Category, *Phase, *Word))
