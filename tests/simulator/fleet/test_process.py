"""The fleet in a process of its own: thousands of hosts, and no leaks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest
import yaml

from sockfleet.collector.probe.answer import parse_probe
from sockfleet.collector.probe.script import new_marker, probe_command
from sockfleet.simulator.errors import ScenarioError, SimulatorError
from sockfleet.simulator.fleet.process import FleetProcess
from tests.support.fleet.fleet_clients import ONE_HOST, connected

SIMULATOR = [sys.executable, "-m", "sockfleet.simulator"]


def sockets(pid: int) -> int:
    """The open sockets of a process; libraries open other descriptors at their first use."""
    links = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            links.append(str(fd.readlink()))
    return sum(link.startswith("socket:") for link in links)


def test_a_thousand_hosts_answer_and_release_all_sockets(tmp_path):
    scenario = tmp_path / "thousand.yml"
    scenario.write_text(
        "roles: {web: {count: 900, profile: web}, leak: {count: 100, profile: leaking}}"
    )

    async def allocs(fleet: FleetProcess) -> dict[str, int]:
        hosts = yaml.safe_load(fleet.inventory.read_text())["all"]["hosts"]
        keys = asyncssh.read_known_hosts(str(fleet.known_hosts))
        key = asyncssh.read_private_key(fleet.identity)
        slots = asyncio.Semaphore(50)
        found = {}

        async def read_from(name: str, address: str) -> None:
            mark = new_marker()
            async with (
                slots,
                asyncssh.connect(
                    address,
                    fleet.port,
                    username="probe",
                    client_keys=[key],
                    known_hosts=keys,
                    config=None,
                    agent_path=None,
                ) as connection,
            ):
                done = await connection.run(probe_command(mark), encoding=None)
            found[name] = parse_probe(done.stdout, mark).sockstat.get("TCP", "alloc")

        async with asyncio.TaskGroup() as group:
            for name, variables in hosts.items():
                group.create_task(read_from(name, variables["ansible_host"]))
        return found

    with FleetProcess(tmp_path, scenario) as fleet:
        idle = sockets(fleet.pid)
        assert 1_000 <= idle < 1_010
        assert asyncio.run(allocs(fleet)) == {h.name: h.contents.alloc for h in fleet.hosts}
        until_closed(fleet.pid, idle)
        pid = fleet.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def until_closed(pid: int, idle: int) -> None:
    """Wait for the server, which sees the end of the last connections after the client."""
    with select.epoll() as never:
        while sockets(pid) > idle:
            never.poll(0.01)


def test_the_fleet_ends_when_its_parent_is_killed(tmp_path):
    code = (
        "import json, os, pathlib, sys\n"
        "from sockfleet.simulator.fleet.process import FleetProcess\n"
        "with FleetProcess(pathlib.Path(sys.argv[1]), hosts=20) as fleet:\n"
        "    print(json.dumps(fleet.pid), flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        handle = os.pidfd_open(json.loads(parent.stdout.readline()))
        parent.kill()
    ended, _, _ = select.select([handle], [], [], 60)
    os.close(handle)
    assert ended


def test_an_invalid_scenario_is_refused_by_the_constructor(tmp_path):
    with pytest.raises(ScenarioError, match="at least"):
        FleetProcess(tmp_path, hosts=2)


def test_a_process_that_cannot_start_raises(tmp_path, capfd):
    with (
        pytest.raises(SimulatorError, match="did not start; see its error above"),
        FleetProcess(tmp_path / "missing"),
    ):
        pass
    assert "does not exist" in capfd.readouterr().err


def test_wait_returns_when_a_signal_ends_the_process(tmp_path):
    with FleetProcess(tmp_path, hosts=20) as fleet:
        os.kill(fleet.pid, signal.SIGTERM)
        fleet.wait()
        assert not Path(f"/proc/{fleet.pid}").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_runs_until_a_signal(tmp_path, number):
    scenario = tmp_path / "one.yml"
    scenario.write_text(ONE_HOST)
    command = [*SIMULATOR, str(tmp_path), "--scenario", str(scenario)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().startswith(b"ready 1 hosts on port ")
        assert (tmp_path / "inventory.yml").exists()
        process.send_signal(number)
        assert process.wait(60) == 0
        assert process.stdout.read() == b""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hosts", "2"], "simulator: error: hosts: 2: at least"),
        (["--scenario", "/dev/null"], "simulator: error: /dev/null: None: expected a mapping"),
    ],
)
def test_errors_are_one_line_and_exit_2(tmp_path, arguments, message):
    done = subprocess.run(
        [*SIMULATOR, str(tmp_path), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_connections_survive_many_hosts_at_once_in_uvloop(tmp_path):
    async def at_once(fleet: FleetProcess) -> None:
        async with asyncio.TaskGroup() as group:
            for host in fleet.hosts:
                if host.is_read:
                    group.create_task(one(fleet, addresses[host.name]["ansible_host"]))

    async def one(fleet: FleetProcess, address: str) -> None:
        async with connected(fleet, address) as connection:
            assert (await connection.run("cat /proc/net/sockstat")).exit_status == 0

    with FleetProcess(tmp_path, hosts=40) as fleet:
        addresses = yaml.safe_load(fleet.inventory.read_text())["all"]["hosts"]
        asyncio.run(at_once(fleet))
