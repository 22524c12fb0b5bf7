"""The shipped Icinga 2 configuration in a real Icinga 2."""

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sockfleet.aggregator.comparison import Comparison
from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.collector.probe.scope import Scope
from sockfleet.output.atomic_file import replace_whole
from sockfleet.output.formats import RenderOptions, load_format
from tests.support.fleet.sample_fleet import reading, scan, summaries
from tests.support.monitoring.icinga import Icinga
from tests.support.paths import EXAMPLES

EXAMPLE = EXAMPLES / "icinga2/sockfleet.conf"
GROWTH = "growth of closed sockets"


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="icinga-", dir="/tmp") as name:
        yield Path(name)


def shop(tcp_close):
    counters = {"inuse": 10, "orphan": 0, "tw": 5, "alloc": 10 + tcp_close, "mem": 10}
    return summaries(reading("shop", counters, tcp6={"inuse": 0}, scope=Scope.ALL_NAMESPACES))


def write_scan(path, tcp_close):
    """Write a scan that ended now, compared with one of an hour ago with 10 closed sockets."""
    now = datetime.now(UTC)
    earlier = summarize_fleet(shop(10), scan(started_at=now - timedelta(hours=1)))
    summary = summarize_fleet(shop(tcp_close), scan(started_at=now, finished_at=now))
    summary = Comparison(earlier, started_at=now, names={"shop"}).compare(summary)
    data = load_format("json").render(summary, RenderOptions())
    replace_whole(path, data, new_mode=0o600)


def test_a_service_follows_the_scans_that_cron_writes(folder):
    program = folder / "sockfleet"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m sockfleet.cli "$@"\n')
    program.chmod(0o755)
    (folder / "inventory.yml").write_text("here: {hosts: {here: {ansible_connection: local}}}\n")
    text = EXAMPLE.read_text()
    for installed, replacement in (
        ("/var/lib/sockfleet/", f"{folder}/"),
        ("/etc/sockfleet/", f"{folder}/"),
        ("= 5m", "= 1s"),
        ("retry_interval = 1m", "retry_interval = 1s"),
    ):
        assert installed in text
        text = text.replace(installed, replacement)
    objects = folder / "sockfleet.conf"
    objects.write_text(text)
    icinga = Icinga(folder, objects, program)
    assert icinga.warnings() == []
    with icinga.running():
        unknown = icinga.results.wait_for(GROWTH, "UNKNOWN")
        assert f"cannot read {folder}/scan.json: No such file" in unknown.output
        write_scan(folder / "scan.json", 60)
        icinga.results.wait_for(GROWTH, "OK")
        write_scan(folder / "scan.json", 5000)
        critical = icinga.results.wait_for(GROWTH, "CRITICAL")
        assert "worst.growth.tcp_close 4990 above 1000 (shop 4990)" in critical.output
        write_scan(folder / "scan.json", 60)
        icinga.results.wait_for(GROWTH, "OK")
