"""A lean fleet in a process of its own: its commands, its counters, and its options."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from sockfleet.simulator.errors import ScenarioError, SimulatorError
from sockfleet.simulator.lean.process import LeanFleetProcess
from sockfleet.simulator.lean.scenario import lean_scenario
from sockfleet.simulator.scenario.faults import Fault
from tests.support.fleet.fleet_clients import connected

SIMULATOR = [sys.executable, "-m", "sockfleet.simulator"]


def test_counts_and_leaks(tmp_path):
    async def read(fleet: LeanFleetProcess) -> None:
        for address in fleet.addresses.values():
            async with connected(fleet, address) as connection:
                assert (await connection.run("true")).exit_status == 0
                assert fleet.counts()["open_connections"] >= 1

    with LeanFleetProcess(tmp_path, hosts=3, seed=7) as fleet:
        assert len(fleet.hosts) == len(fleet.addresses) == 3
        assert set(fleet.counts().values()) == {0}
        asyncio.run(read(fleet))
        counts = fleet.counts()
        assert (counts["connections"], counts["logins"]) == (3, 3)
        before = fleet.hosts[0].contents
        fleet.leak(12)
        assert fleet.hosts[0].contents.alloc == before.alloc + 12
        pid = fleet.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert lean_scenario(hosts=3, seed=7).hosts()[0].contents == before


def test_a_command_to_a_fleet_that_has_ended_raises(tmp_path):
    with LeanFleetProcess(tmp_path, hosts=1) as fleet:
        os.kill(fleet.pid, signal.SIGTERM)
        fleet.wait()
        with pytest.raises(SimulatorError, match="has ended"):
            fleet.counts()


def test_unknown_commands_are_ignored(tmp_path):
    command = [*SIMULATOR, str(tmp_path), "--lean", "--hosts", "2", "--until-eof"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().startswith(b"ready 2 hosts on port ")
        answers, _ = process.communicate(b"\n\xff\nleak x\nleak\nleak 5\nhalt now\ncounts\ncou", 10)
    assert process.returncode == 0
    assert [json.loads(line)["connections"] for line in answers.splitlines()] == [0, 0]


@pytest.mark.parametrize("option", [["--rtt", "5"], ["--dead", "5"], ["--verify"]])
def test_lean_options_need_lean(tmp_path, option):
    done = subprocess.run(
        [*SIMULATOR, str(tmp_path), *option], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "are for --lean" in done.stderr


def test_dead_percent_of_the_hosts_are_dead():
    scenario = lean_scenario(hosts=200, dead_percent=5)
    dead = [host for host in scenario.hosts() if host.fault is Fault.UNANSWERED]
    assert (len(scenario.hosts()), len(dead)) == (200, 10)
    assert lean_scenario(hosts=10, dead_percent=1) == lean_scenario(hosts=10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("roles: {web: {fault: refused}}", r"roles\.web\.fault: refused: not in a lean fleet"),
        ("roles: {web: {delays: {auth_s: 1}}}", r"roles\.web\.delays: .*round-trip time"),
        ("key_exchange: [ecdh-sha2-nistp256]\nroles: {web: {}}", "curve25519-sha256 alone"),
    ],
)
def test_unsupported_scenarios_are_refused(tmp_path, text, message):
    scenario = tmp_path / "other.yml"
    scenario.write_text(text)
    with pytest.raises(ScenarioError, match=message):
        lean_scenario(scenario)


def test_unanswered_hosts_are_allowed_in_a_scenario(tmp_path):
    scenario = tmp_path / "dead.yml"
    scenario.write_text("roles: {web: {count: 3}, gone: {count: 2, fault: unanswered}}")
    hosts = lean_scenario(scenario, hosts=10).hosts()
    assert [host.name for host in hosts if host.fault is not None] == ["gone1", "gone2"]
    assert len(hosts) == 10
