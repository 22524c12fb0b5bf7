"""Scans of lean fleets by the real command read the simulator's numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sockfleet.simulator.lean.process import LeanFleetProcess
from sockfleet.simulator.scenario.verdict import find_differences

SCENARIO = """
host_keys: own
roles:
  web: {count: 6, profile: web}
  old: {count: 2, profile: proxy, ipv6: false}
  docker: {count: 2, profile: container-host}
"""


def scan(fleet: LeanFleetProcess, saved: Path, *options: str) -> int:
    command = [sys.executable, "-m", "sockfleet.cli", "scan", str(fleet.inventory)]
    command += ["--known-hosts", str(fleet.known_hosts), "--retries", "0", "-o", str(saved)]
    return subprocess.run([*command, *options], check=False).returncode


@pytest.mark.parametrize("transport", ["asyncssh", "paramiko"])
@pytest.mark.parametrize("verify", [True, False])
def test_a_scan_reads_the_true_numbers(tmp_path, transport, verify):
    scenario, saved = tmp_path / "lean.yml", tmp_path / "scan.json"
    scenario.write_text(SCENARIO)
    with LeanFleetProcess(tmp_path, scenario, verify=verify) as fleet:
        for options in ((), ("--no-namespaces",), ("--processes",)):
            assert scan(fleet, saved, "--transport", transport, *options) == 0
            assert find_differences(json.loads(saved.read_text()), fleet.hosts) == []
        before = fleet.hosts
        fleet.leak(1000)
        assert scan(fleet, saved, "--transport", transport) == 0
        document = json.loads(saved.read_text())
        assert find_differences(document, fleet.hosts) == []
        leaked = document["fleet"]["totals"]["tcp_close"]
        assert leaked == sum(host.contents.tcp_close for host in before) + 1000 * len(before)
        counts = fleet.counts()
    assert counts["connections"] == counts["logins"] == 4 * 10
    assert (counts["auth_failures"], counts["protocol_errors"]) == (0, 0)


def test_a_command_on_standard_input_takes_no_round_trip_more(tmp_path):
    with LeanFleetProcess(tmp_path, hosts=10, rtt_ms=5) as fleet:
        flights = []
        for options in ((), ("--processes",)):
            assert scan(fleet, tmp_path / "scan.json", *options) == 0
            flights.append(fleet.counts()["flights"])
    assert flights[1] == 2 * flights[0]


def test_a_scan_with_round_trip_time_and_dead_hosts_reads_the_true_numbers(tmp_path):
    saved = tmp_path / "scan.json"
    with LeanFleetProcess(tmp_path, hosts=40, rtt_ms=20, dead_percent=10) as fleet:
        assert scan(fleet, saved, "--connect-timeout", "5", "--timeout", "60") == 3
        counts = fleet.counts()
    document = json.loads(saved.read_text())
    assert find_differences(document, fleet.hosts) == []
    assert document["fleet"]["failures"] == {"tcp_timeout": 4}
    assert counts["connections"] == 36
    # A cold login and one command take at most 9 round trips a host.
    assert counts["connections"] + counts["flights"] <= 9 * 36
