"""A host on which an alert begins is probed alone, for who holds its sockets."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from sockfleet.aggregator.processes import Attribution
from sockfleet.alerting.evaluate import Evaluator
from sockfleet.alerting.evidence import MOST_HOSTS, EvidenceProbe
from sockfleet.alerting.notifying import SinkTraits
from sockfleet.alerting.states.alert_state import Evidence, ProbeResult
from sockfleet.collector.probe.processes import Process
from sockfleet.history.report.build import Wishes, build_report
from sockfleet.history.store.alerts.states import ensure_alert_tables
from sockfleet.history.store.save import save_scan
from sockfleet.inventory.models import Probe
from sockfleet.scan.options import ScanOptions
from tests.support.alerting.watched_fleet import rules_of
from tests.support.history.made_scans import host_summary, scan_of


@pytest.fixture
def inventory(tmp_path):
    """This machine, without SSH, and a host that nothing listens for."""
    path = tmp_path / "hosts.yml"
    path.write_text(
        "all: {hosts: {here: {ansible_connection: local}, "
        "away: {ansible_host: 127.0.0.1, ansible_port: 1}}}"
    )
    return str(path)


@pytest.fixture
def closed_sockets():
    """200 TCP sockets of this process that were never connected."""
    with ExitStack() as opened:
        for _ in range(200):
            opened.enter_context(socket.socket())
        yield


def test_the_holder_of_the_sockets_is_found_on_the_host(inventory, closed_sockets):
    probe = EvidenceProbe(ScanOptions(inventory=[inventory]))
    found = probe.probe(["here"])["here"].evidence
    mine = next(one for one in found.holders if one.pid == os.getpid())
    assert mine.tcp_close >= 200
    assert mine.open_files_limit is not None
    assert "closed sockets" in found.text


def test_a_host_that_cannot_be_probed_says_why_and_holds_up_no_other(inventory):
    found = EvidenceProbe(ScanOptions(inventory=[inventory])).probe(["away", "here"])
    assert found["away"].evidence.holders == ()
    assert found["away"].evidence.text.startswith("its processes could not be probed: ")
    assert "here" in found


def test_an_inventory_that_cannot_be_used_says_so(tmp_path):
    options = ScanOptions(inventory=[str(tmp_path / "none.yml")])
    found = EvidenceProbe(options).probe(["a"])
    assert found["a"].evidence.text.startswith("its processes were not probed: ")


def test_a_storm_probes_some_hosts_and_not_all(inventory, mocker):
    run = mocker.patch("sockfleet.scan.scan.run_scan")
    run.return_value.summary = scan_of([host_summary("h1")])
    scan_options = ScanOptions(inventory=[inventory], become=True)
    EvidenceProbe(scan_options).probe([f"h{n}" for n in range(1000)])
    (options, _), _ = run.call_args
    assert options.limit.count(",") == MOST_HOSTS - 1
    assert options.processes
    assert options.become
    assert options.deadline_s <= 30
    assert options.probe is Probe.FULL


class RecordingProbe:
    """Remembers for which hosts it was called."""

    def __init__(self):
        self.calls = []

    def probe(self, hosts):
        self.calls.append(list(hosts))
        return {}


def test_a_host_is_probed_once_when_the_alert_begins_and_not_where_the_scan_has_it(file_store):
    rule = '{name: many, hold: 3 scans, when: [{measure: tcp_close, warning: "~:100"}]}'
    rules, probe = rules_of(rule, sinks=["s"]), RecordingProbe()
    ensure_alert_tables(file_store)
    php = Process(pid=7, command="php", user="www", tcp_close=400)
    read_with_processes = host_summary(
        "b", 500, processes=(php,), attribution=Attribution(exact=True)
    )
    begin = datetime.now(UTC) - timedelta(hours=1)
    for number in range(4):
        hosts = [host_summary("a", 500), read_with_processes]
        save_scan(file_store, scan_of(hosts, begin + timedelta(minutes=number)))
        evaluation = Evaluator(file_store, rules, {"s": SinkTraits(name="s")}, probe=probe).run()
    assert probe.calls == [["a"]]
    states = {one.subject.name: one for one in evaluation.states}
    assert states["b"].evidence.text == "php (7) of www holds 400 of 500 closed sockets"


def test_a_report_shows_the_holders_that_an_alert_found(file_store):
    rule = '{name: many, when: [{measure: tcp_close, warning: "~:100"}]}'
    ensure_alert_tables(file_store)
    php = Process(pid=7, command="php", user="www", tcp_close=400)
    now = datetime.now(UTC)

    class Probe:
        def probe(self, hosts):
            text = Evidence(text="php", at_ms=0)
            return {name: ProbeResult(evidence=text, processes=(php,)) for name in hosts}

    for minutes in (20, 10):
        at = now - timedelta(minutes=minutes)
        save_scan(file_store, scan_of([host_summary("a", 500)], at))
    sinks = {"s": SinkTraits(name="s")}
    Evaluator(file_store, rules_of(rule, sinks=["s"]), sinks, probe=Probe()).run()
    wishes = Wishes(since=now - timedelta(days=1), until=now + timedelta(minutes=1))
    report, _ = build_report(file_store, wishes)
    (detail,) = report.details
    assert [(one.command, one.tcp_close) for one in detail.holders] == [("php", 400)]
