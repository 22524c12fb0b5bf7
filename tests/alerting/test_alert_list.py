"""``sockfleet alert list -f json``: each state that an alert, a sink and a silence may have."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator

from sockfleet.aggregator.processes import Attribution
from sockfleet.alerting.overview import read_overview
from sockfleet.alerting.sinks.sink import Unreached
from sockfleet.collector.probe.processes import Process
from sockfleet.history.store.alerts.silences import (
    SilenceRow,
    acknowledge,
    add_silence,
    list_alerts,
)
from sockfleet.output.machine.alert_document import alert_list_document
from sockfleet.output.machine.history_documents import write_document
from sockfleet.output.machine.schema import load_schema
from tests.support.alerting.watched_store import AT_ONCE, NOW, Watch
from tests.support.history.made_scans import host_summary

RULES = (
    AT_ONCE,
    '{name: slow, hold: 9 scans, when: [{measure: tcp_close, critical: "~:100"}]}',
    '{name: long, clear-after: 9 scans, when: [{measure: tcp_close, warning: "~:100"}]}',
    '{name: all, each: fleet, when: [{measure: tcp_close, warning: "~:1"}]}',
    '{name: web, each: group, when: [{measure: tcp_close, warning: "~:1"}]}',
    '{name: who, each: holder, when: [{measure: tcp_close, warning: "~:1"}]}',
)


def closed(schema):
    """The schema with no key allowed that it does not name."""
    schema = copy.deepcopy(schema)
    for part in (schema, *schema["$defs"].values()):
        if "properties" in part:
            part["additionalProperties"] = False
    return schema


SCHEMA = Draft202012Validator(closed(load_schema("alert-list")))


def listed(store):
    """The document, as a reader gets it."""
    document = json.loads(write_document(alert_list_document(read_overview(store, NOW))))
    SCHEMA.validate(document)
    return document


def test_an_empty_store_has_an_empty_list(store):
    document = listed(store)
    assert (document["alerts"], document["waiting"], document["silences"]) == ([], [], [])


def test_each_state_and_each_kind_of_subject_is_as_the_schema_has_it(store):
    php = Process(pid=1, command="php", tcp_close=40)
    watch = Watch(store, *RULES)
    watch.sink.answer = Unreached(reason="down")
    holds = {"processes": (php,), "attribution": Attribution(exact=True), "unattributed": 460}
    watch.run(0, a=host_summary("a", 500, **holds), b=500)
    with store.write() as connection:
        many = next(row for row in list_alerts(connection) if row.rule.startswith("many"))
        acknowledge(connection, many, "known", "ops", 1)
    watch.run(1, a=None, b=0)
    document = listed(store)
    found = {(one["rule"], one["subject"]["name"]): one for one in document["alerts"]}
    assert {one["subject"]["kind"] for one in found.values()} == {
        "host",
        "fleet",
        "group",
        "holder",
    }
    assert {one["state"] for one in found.values()} == {"pending", "firing", "clearing"}
    assert found["many", "a"]["acknowledged"] == "known"
    assert found["many", "a"]["reason"] == "it was not read: tcp_timeout: no answer"
    assert found["many", "a"]["unknown_since"] is not None
    assert found["slow", "a"]["key"] is None
    (waiting,) = document["waiting"]
    assert (waiting["sink"], waiting["problem"]) == ("direct", "down")
    assert waiting["alerts"] > 1


@pytest.mark.parametrize("window", [None, "Sat 02:00-04:00"])
def test_a_silence_says_which_hosts_it_does_not_match(store, window):
    watch = Watch(store)
    watch.run(0, web1=5)
    row = SilenceRow(
        hosts="web1,db9",
        rule=None if window is None else "many",
        from_ms=0,
        until_ms=round((NOW + timedelta(hours=1)).timestamp() * 1000),
        every=window,
        zone=None if window is None else "UTC",
        reason="upgrade",
        made_by="ops",
    )
    with store.write() as connection:
        add_silence(connection, row)
        add_silence(connection, replace(row, hosts="web1"))
    first, second = listed(store)["silences"]
    assert (first["unmatched"], second["unmatched"]) == ("no host or group matches 'db9'", None)
    assert {one.name for one in fields(SilenceRow)} - {"from_ms", "until_ms"} <= first.keys()
