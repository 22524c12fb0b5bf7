"""Samples of network namespaces that begin and end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sockfleet.aggregator.host import HostSummary
from sockfleet.collector.sampling import host_sampler
from tests.support.fleet.sampling import SampledFleet, host_at, run_scenario, settle
from tests.support.machine.namespaces import holder
from tests.support.ssh.sshd import Sshd

pytestmark = pytest.mark.alone


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd") as running:
        yield running


def namespaces_of(host: HostSummary) -> dict[int, int]:
    """Sockets in use by the inode of the namespace, without the host's own."""
    return {one.inode: one.inuse + (one.inuse6 or 0) for one in host.namespaces if not one.host}


async def exact(fleet: SampledFleet) -> HostSummary:
    """The host in a round in which no other namespace began or ended, such as of another test."""
    found = await fleet.until(lambda hosts: hosts["web1"].scope == "all-namespaces")
    return found["web1"]


def inode_of(pid: int) -> int:
    return Path(f"/proc/{pid}/net/sockstat").stat().st_ino


@pytest.mark.parametrize("soonest_s", [0.0, 1e6])
def test_a_new_namespace_is_read_at_once_or_lowers_the_scope(
    server, known_hosts, monkeypatch, soonest_s
):
    monkeypatch.setattr(host_sampler, "SOONEST_REFRESH_S", soonest_s)

    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        before = await exact(fleet)
        with holder(listening=40) as container:
            inode = inode_of(container.pid)
            assert inode not in namespaces_of(before)
            during = (await fleet.round())["web1"]
            if soonest_s:
                assert during.scope == "visible-namespaces"
                assert "began in another namespace" in during.scope_reasons[-1]
                assert inode not in namespaces_of(during)
                assert during.tcp.tcp_close >= 40, "an upper bound: its sockets are not known"
                for _ in range(3):
                    assert (await fleet.round())["web1"].scope == "visible-namespaces"
                monkeypatch.setattr(host_sampler, "SOONEST_REFRESH_S", 0.0)
                during = await exact(fleet)
            assert namespaces_of(during)[inode] == 40

    run_scenario(known_hosts, [host_at(server)], scenario)


def test_sockets_opened_in_a_listed_namespace_are_counted_there(server, known_hosts):
    with holder(listening=7) as container, holder(listening=20) as other:

        async def scenario(fleet: SampledFleet) -> None:
            await settle(fleet)
            for _ in range(3):
                found = namespaces_of((await fleet.round())["web1"])
                assert found[inode_of(container.pid)] == 7
                assert found[inode_of(other.pid)] == 20
            with listening_in(container.pid):
                during = (await fleet.round())["web1"]
                assert namespaces_of(during)[inode_of(container.pid)] == 8
                assert not any("another namespace" in why for why in during.scope_reasons)

        run_scenario(known_hosts, [host_at(server)], scenario)


@contextmanager
def listening_in(pid: int) -> Iterator[None]:
    """Run another process in the namespace of ``pid``, with one listening socket."""
    words = ["nsenter", "-t", str(pid), "-n", sys.executable, "-c", LISTEN]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield
        process.stdin.close()


def begin_some_processes() -> None:
    subprocess.run(["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do true | true; done"], check=True)


LISTEN = """
import socket, sys
listening = socket.create_server(("127.0.0.1", 0))
print("ready", flush=True)
sys.stdin.read()
"""


def test_an_ended_namespace_is_left_out_and_not_kept_alive(server, known_hosts, monkeypatch):
    """The kernel removes a veth into a namespace together with it, which shows its end."""
    monkeypatch.setattr(host_sampler, "SOONEST_REFRESH_S", 0.0)

    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        with holder(listening=3) as container:
            inode = inode_of(container.pid)
            with veth_into(container.pid) as removed:
                during = (await fleet.round())["web1"]
                assert inode in namespaces_of(during)
                assert namespaces_of((await fleet.round())["web1"])[inode] == 3
                os.kill(container.pid, 9)
                container.process.wait()
                removed()
        assert inode not in namespaces_of((await fleet.round())["web1"])
        assert inode not in namespaces_of(await exact(fleet))

    run_scenario(known_hosts, [host_at(server)], scenario)


@contextmanager
def veth_into(pid: int) -> Iterator[object]:
    """Put an end of a veth pair into the namespace; yields a function that waits for its end."""
    name = f"sf{os.getpid() % 10**6}"
    watch = ["ip", "monitor", "link"]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as monitor:
        subprocess.run(
            ["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(pid)],
            check=True,
        )

        def removed() -> None:
            for line in monitor.stdout:
                if line.startswith("Deleted") and f" {name}@" in line:
                    return

        try:
            yield removed
        finally:
            monitor.terminate()


def test_too_many_new_processes_refresh_the_list(server, known_hosts, monkeypatch):
    monkeypatch.setattr(host_sampler, "SOONEST_REFRESH_S", 0.0)
    monkeypatch.setattr("sockfleet.collector.sampling.shell.MOST_BEGUN", 5)

    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        with holder(listening=4) as container:
            begin_some_processes()
            during = (await fleet.round())["web1"]
            assert namespaces_of(during)[inode_of(container.pid)] == 4
            await exact(fleet)

    run_scenario(known_hosts, [host_at(server)], scenario)


def test_unchecked_processes_lower_the_scope_until_the_next_list(server, known_hosts, monkeypatch):
    monkeypatch.setattr(host_sampler, "SOONEST_REFRESH_S", 1e6)
    monkeypatch.setattr("sockfleet.collector.sampling.shell.MOST_BEGUN", 5)

    async def scenario(fleet: SampledFleet) -> None:
        await settle(fleet)
        begin_some_processes()
        during = (await fleet.round())["web1"]
        assert during.scope == "visible-namespaces"
        assert "more processes began" in during.scope_reasons[-1]
        assert (await fleet.round())["web1"].scope == "visible-namespaces", (
            "these processes may still run"
        )
        monkeypatch.setattr(host_sampler, "SOONEST_REFRESH_S", 0.0)
        await exact(fleet)

    run_scenario(known_hosts, [host_at(server)], scenario)
