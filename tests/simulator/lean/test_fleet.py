"""The lean fleet as a whole: host keys, dead hosts, the listening socket, and no leaks."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from pathlib import Path

import asyncssh
import pytest
import yaml

from sockfleet.simulator.fleet import listeners
from sockfleet.simulator.host.proc_files import proc_files
from sockfleet.simulator.lean.fleet import LeanFleet
from sockfleet.simulator.lean.scenario import lean_scenario
from tests.support.fleet.fleet_clients import connected
from tests.support.fleet.small_fleets import SOCKSTAT, small, until_closed

SYN_SENT = b"\2"  # include/net/tcp_states.h


def test_each_host_has_its_own_key_where_the_scenario_sets_it(tmp_path):
    scenario = tmp_path / "own.yml"
    scenario.write_text("host_keys: own\nroles: {web: {count: 3}}")

    async def main():
        async with LeanFleet(lean_scenario(scenario), tmp_path) as fleet:
            lines = fleet.known_hosts.read_text().splitlines()
            assert len({line.split()[2] for line in lines}) == 3
            for address in fleet.addresses.values():
                async with connected(fleet, address) as connection:
                    assert (await connection.run("true")).exit_status == 0
            swapped = [line.replace("64.0.1]", "64.0.9]") for line in lines]
            swapped = [line.replace("64.0.2]", "64.0.1]") for line in swapped]
            fleet.known_hosts.write_text("\n".join(swapped) + "\n")
            with pytest.raises(asyncssh.HostKeyNotVerifiable):
                async with connected(fleet, fleet.addresses[fleet.hosts[0].name]):
                    pass

    asyncio.run(main())


@pytest.mark.parametrize("one_socket", [True, False])
def test_dead_hosts_do_not_answer_and_others_do(tmp_path, mocker, one_socket):
    if not one_socket:
        mocker.patch("sockfleet.simulator.lean.fleet.bind_loopback", return_value=None)

    async def main():
        async with small(tmp_path, hosts=20, dead_percent=10) as fleet:
            dead = [host.name for host in fleet.hosts if not host.is_read]
            assert dead == ["dead1", "dead2"]
            hosts = yaml.safe_load(fleet.inventory.read_text())["all"]["hosts"]
            assert len(hosts) == 20
            assert {name for name in hosts if "ansible_port" in hosts[name]} == set(dead)
            with socket.socket() as one, socket.socket() as two:
                for trying, name in zip((one, two), dead, strict=True):
                    trying.setblocking(False)
                    where = (hosts[name]["ansible_host"], hosts[name]["ansible_port"])
                    assert trying.connect_ex(where) == errno.EINPROGRESS
                for name in hosts.keys() - dead:
                    async with connected(fleet, hosts[name]["ansible_host"]) as connection:
                        assert (await connection.run("true")).exit_status == 0
                states = {
                    each.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) for each in (one, two)
                }
                assert states == {SYN_SENT}

    asyncio.run(main())


def test_other_machines_cannot_reach_the_fleet(tmp_path):
    async def main():
        async with small(tmp_path) as fleet:
            (server,) = fleet._servers
            (listening,) = server.sockets
            device = listening.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
            assert device == b"lo\0"

    asyncio.run(main())


def test_without_bind_to_device_each_address_has_a_socket(tmp_path, mocker):
    class Refused(socket.socket):
        def setsockopt(self, level, option, *value):
            if option == socket.SO_BINDTODEVICE:
                raise PermissionError(errno.EPERM, "Operation not permitted")
            super().setsockopt(level, option, *value)

    mocker.patch.object(listeners.socket, "socket", Refused)

    async def main():
        async with small(tmp_path) as fleet:
            assert len(fleet._servers) == 2
            for address in fleet.addresses.values():
                async with connected(fleet, address) as connection:
                    assert (await connection.run("true")).exit_status == 0

    asyncio.run(main())


def test_an_ineffective_bind_to_device_is_not_used(mocker):
    """As in a sandbox that accepts the option without effect."""

    class SocketWithoutEffect(socket.socket):
        def setsockopt(self, level, option, *value):
            if option != socket.SO_BINDTODEVICE:
                super().setsockopt(level, option, *value)

    mocker.patch.object(listeners.socket, "socket", SocketWithoutEffect)
    assert listeners.bind_loopback() is None


def test_two_thousand_connections_release_all_resources(tmp_path):
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def main():
        async with small(tmp_path, hosts=200, verify=False) as fleet:
            key = asyncssh.read_private_key(fleet.identity)
            options = asyncssh.SSHClientConnectionOptions(
                config=None,
                username="probe",
                client_keys=[key],
                known_hosts=asyncssh.read_known_hosts(str(fleet.known_hosts)),
                agent_path=None,
                kex_algs=["curve25519-sha256"],
            )
            slots = asyncio.Semaphore(50)
            alive = dict(zip(fleet.addresses, fleet.hosts, strict=True))

            async def read_from(name: str, turn: int) -> None:
                async with slots:
                    connection = await asyncssh.connect(
                        fleet.addresses[name], fleet.port, options=options
                    )
                    done = await connection.run(f"cat {SOCKSTAT}", encoding=None)
                    assert done.stdout == proc_files(alive[name].contents)[SOCKSTAT]
                    connection.abort() if turn % 2 else connection.close()
                    await connection.wait_closed()

            before = 0
            for turn in range(10):
                async with asyncio.TaskGroup() as group:
                    for name in alive:
                        group.create_task(read_from(name, turn))
                await until_closed(fleet)
                before = before or descriptors()
            assert descriptors() == before
            assert (fleet.counts.connections, fleet.counts.logins) == (2000, 2000)
            assert fleet.counts.protocol_errors == 0

    asyncio.run(main())


def test_closing_the_fleet_closes_connections(tmp_path):
    async def main():
        async with contextlib.AsyncExitStack() as stack:
            async with small(tmp_path) as fleet:
                connection = await stack.enter_async_context(
                    connected(fleet, fleet.addresses[fleet.hosts[0].name])
                )
                assert fleet.open_connections == 1
            await connection.wait_closed()
            assert fleet.open_connections == 0

    asyncio.run(main())


def test_garbage_closes_only_its_own_connection(tmp_path):
    async def main():
        async with small(tmp_path) as fleet:
            address = fleet.addresses[fleet.hosts[0].name]
            async with connected(fleet, address) as connection:
                reader, writer = await asyncio.open_connection(address, fleet.port)
                writer.write(b"\xff" * 4096)
                heard = await reader.read()
                assert heard.startswith(b"SSH-2.0-")
                assert b"no version line" in heard
                writer.close()
                assert (await connection.run("true")).exit_status == 0
            assert fleet.counts.protocol_errors == 1

    asyncio.run(main())
