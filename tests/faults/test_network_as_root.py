"""Scans in a separate network namespace: no local port is left, or no route to the host."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sockfleet.collector.engine import Engine, EngineSettings
from sockfleet.collector.outcome import HostOutcome
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host, SshSettings
from tests.support.paths import ROOT
from tests.support.ssh.over_ssh import TRANSPORTS
from tests.support.ssh.sshd import ssh_keygen

PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_lack_of_local_ports_is_a_local_resource_failure(transport, tmp_path):
    outcome = scan_in_namespace("no_port", transport, tmp_path)
    assert (outcome["category"], outcome["phase"]) == ("local_resource", "connect")
    assert "ip_local_port_range" in outcome["message"]


@pytest.mark.parametrize("case", ["no_route", "blackhole"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_host_without_a_route_is_unreachable(transport, tmp_path, case):
    outcome = scan_in_namespace(case, transport, tmp_path)
    assert (outcome["category"], outcome["phase"]) == ("unreachable", "connect")
    assert "192.0.2.1:22" in outcome["message"]


def scan_in_namespace(case: str, transport: str, tmp_path: Path) -> dict[str, str]:
    """Run this file in a new network namespace; return the outcome of the host of ``case``."""
    key = ssh_keygen(tmp_path / "key")
    words = ["unshare", "--net", sys.executable, "-m", __spec__.name, case, transport, str(key)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _run_case(case: str, transport: str, key: str) -> HostOutcome:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    ssh = SshSettings(user="root", identity_files=(key,))
    if case == "no_port":
        # A local port serves one connection to each remote endpoint: the only one is in use.
        PORT_RANGE.write_text("40000 40000")
        server = socket.create_server(("127.0.0.1", 5000))
        with server, socket.create_connection(server.getsockname()):
            return _scan(transport, Host(name="a", address="127.0.0.1", port=5000, ssh=ssh))
    if case == "blackhole":
        subprocess.run(["ip", "route", "add", "unreachable", "192.0.2.0/24"], check=True)
    return _scan(transport, Host(name="a", address="192.0.2.1", ssh=ssh))


def _scan(transport: str, host: Host) -> HostOutcome:
    settings = EngineSettings(
        transport=transport,
        retries=0,
        transport_settings=TransportSettings(known_hosts_files=("/dev/null",)),
    )
    outcomes: list[HostOutcome] = []
    asyncio.run(Engine(settings).run([host], outcomes.append))
    return outcomes[0]


if __name__ == "__main__":
    outcome = _run_case(*sys.argv[1:])
    names = ("category", "phase", "message")
    print(json.dumps({name: getattr(outcome, name) for name in names}))
