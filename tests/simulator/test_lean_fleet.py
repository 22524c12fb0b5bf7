"""The lean fleet with clients of every make: OpenSSH's, asyncssh, paramiko."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import subprocess
from pathlib import Path

import asyncssh
import paramiko
import pytest
import yaml
from fleet_clients import connected, ssh_command

from sockfleet.collector.probe import ProbeOptions, new_mark, parse_probe, probe_command
from sockfleet.simulator import listeners
from sockfleet.simulator.lean_fleet import LeanFleet
from sockfleet.simulator.lean_scenario import lean_scenario
from sockfleet.simulator.proc_files import proc_files

SOCKSTAT = "/proc/net/sockstat"
SOCKSTAT6 = "/proc/net/sockstat6"
SYN_SENT = b"\2"  # include/net/tcp_states.h


def small(folder: Path, *, hosts: int = 2, verify: bool = True, **how: float) -> LeanFleet:
    return LeanFleet(lean_scenario(hosts=hosts, **how), folder, verify=verify)


async def output_of(command: list[str], text: bytes = b"") -> tuple[int, bytes, bytes]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    stdout, stderr = await process.communicate(text)
    return process.returncode, stdout, stderr


async def until_closed(fleet: LeanFleet) -> None:
    """The last connections' ends reach the server after the client is done with them."""
    while fleet.open_connections:  # noqa: ASYNC110 (a fleet has no event for its tests)
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"KexAlgorithms": "curve25519-sha256@libssh.org", "Ciphers": "aes256-gcm@openssh.com"},
        {"RekeyLimit": "1K", "ServerAliveInterval": "1", "Compression": "yes"},
        {"RequestTTY": "force", "SendEnv": "HOME", "LogLevel": "ERROR"},
    ],
    ids=lambda options: ",".join(options) or "default",
)
def test_openssh_reads_each_hosts_own_files(tmp_path, options):
    async def main():
        async with small(tmp_path) as fleet:
            for host in fleet.hosts:
                files = proc_files(host.contents)
                command = ssh_command(
                    fleet, host.name, f"cat {SOCKSTAT} {SOCKSTAT6} " * 30, **options
                )
                assert await output_of(command) == (
                    1,
                    (files[SOCKSTAT] + files[SOCKSTAT6]) * 30,
                    b"cat: cat: No such file or directory\n" * 29,
                )

    asyncio.run(main())


def test_openssh_runs_the_probe_and_the_commands_around_it(tmp_path):
    async def main():
        async with small(tmp_path) as fleet:
            (host, _) = fleet.hosts
            mark = new_mark()
            for options in (ProbeOptions(), ProbeOptions(namespaces=False)):
                command = ssh_command(fleet, host.name, probe_command(mark, options))
                status, stdout, stderr = await output_of(command)
                answer = parse_probe(stdout, mark)
                assert (status, stderr) == (0, b"")
                assert answer.sockstat.get("TCP", "alloc") == host.contents.alloc
                assert answer.kernel.boot_id == host.contents.kernel.boot_id
                assert (answer.namespaces is not None) is options.namespaces
            for command, result in {
                "true": (0, b"", b""),
                "echo a  'b  c'": (0, b"a b  c\n", b""),
                f"sh -c 'cat {SOCKSTAT}'": (0, proc_files(host.contents)[SOCKSTAT], b""),
                "reboot now": (127, b"", b"sh: 1: reboot: not found\n"),
            }.items():
                assert await output_of(ssh_command(fleet, host.name, command)) == result

    asyncio.run(main())


def test_openssh_fetches_files_by_sftp_and_nothing_else(tmp_path):
    async def main():
        async with small(tmp_path) as fleet:
            host = fleet.hosts[0]
            words = ssh_command(fleet, host.name, "")
            words = ["sftp", "-b", "-", *("-P" if word == "-p" else word for word in words[1:-1])]
            got = tmp_path / "got"
            batch = f"get {SOCKSTAT} {got}\npwd\n-get /etc/passwd\n-put {got} {SOCKSTAT}\n-ls /\n"
            status, _, stderr = await output_of(words, batch.encode())
            assert status == 0, stderr
            assert got.read_bytes() == proc_files(host.contents)[SOCKSTAT]
            assert b"not found" in stderr

    asyncio.run(main())


def test_asyncssh_needs_nine_round_trips_as_it_comes(tmp_path):
    async def main():
        async with small(tmp_path) as fleet:
            host = fleet.hosts[0]
            async with connected(fleet, fleet.addresses[host.name]) as connection:
                done = await connection.run(f"cat {SOCKSTAT}", encoding=None)
            assert (done.stdout, done.exit_status) == (proc_files(host.contents)[SOCKSTAT], 0)
            await until_closed(fleet)
            counts = fleet.counts
            assert counts.connections + counts.flights == 9
            assert counts.writes == counts.flights
            assert (counts.connections, counts.logins, counts.auth_failures) == (1, 1, 0)
            assert counts.packets_sent > counts.writes
            assert counts.bytes_received > counts.bytes_sent / 2 > 0

    asyncio.run(main())


def test_asyncssh_keeps_connections_alive_rekeys_and_rereads_an_open_file(tmp_path):
    async def main():
        async with small(tmp_path) as fleet:
            host = fleet.hosts[0]
            async with asyncssh.connect(
                fleet.addresses[host.name],
                fleet.port,
                username="probe",
                client_keys=[str(fleet.identity)],
                known_hosts=str(fleet.known_hosts),
                config=None,
                agent_path=None,
                rekey_bytes=5000,
                keepalive_interval=0.01,
            ) as connection:
                done = await asyncio.gather(
                    *(connection.run(f"cat {SOCKSTAT}", encoding=None) for _ in range(50))
                )
                assert {one.stdout for one in done} == {proc_files(host.contents)[SOCKSTAT]}
                async with (
                    connection.start_sftp_client() as sftp,
                    sftp.open(SOCKSTAT, "rb") as file,
                ):
                    for leaked in range(3):
                        now = proc_files(fleet.hosts[0].contents)[SOCKSTAT]
                        assert fleet.hosts[0].contents.tcp_close == (
                            host.contents.tcp_close + leaked * 100
                        )
                        assert await file.read(65536, 0) == now
                        assert await file.read(7, 3) == now[3:10]
                        assert (await file.stat()).size == 0
                        fleet.leak(100)
                    assert (await sftp.stat(SOCKSTAT6)).permissions == 0o100444
                    for denied in (
                        sftp.open("/etc/passwd", "rb"),
                        sftp.open(SOCKSTAT, "wb"),
                        sftp.stat("/etc/passwd"),
                        sftp.listdir("/"),
                        sftp.remove(str(fleet.identity)),
                    ):
                        with pytest.raises(asyncssh.SFTPError):
                            await denied
            assert fleet.counts.protocol_errors == 0
            assert fleet.identity.exists()

    asyncio.run(main())


def test_paramiko_reads_by_a_command_and_by_sftp(tmp_path):
    def read(fleet: LeanFleet, address: str) -> None:
        with paramiko.SSHClient() as client:
            client.load_host_keys(str(fleet.known_hosts))
            client.connect(
                address,
                fleet.port,
                "probe",
                key_filename=str(fleet.identity),
                allow_agent=False,
                look_for_keys=False,
            )
            files = proc_files(fleet.hosts[0].contents)
            client.get_transport().renegotiate_keys()
            for _ in range(2):
                _, stdout, stderr = client.exec_command(f"cat {SOCKSTAT} /none")
                assert stdout.read() == files[SOCKSTAT]
                assert stderr.read() == b"cat: /none: No such file or directory\n"
                assert stdout.channel.recv_exit_status() == 1
            with client.open_sftp() as sftp, sftp.open(SOCKSTAT6) as file:
                assert file.read() == files[SOCKSTAT6]
                with pytest.raises(FileNotFoundError):
                    sftp.open("/etc/passwd")

    async def main():
        async with small(tmp_path) as fleet:
            await asyncio.to_thread(read, fleet, fleet.addresses[fleet.hosts[0].name])

    asyncio.run(main())


def test_a_wrong_user_a_wrong_key_and_a_wrong_signature_are_refused(tmp_path):
    other = asyncssh.generate_private_key("ssh-ed25519")
    other.write_private_key(tmp_path / "other")

    async def main():
        async with small(tmp_path) as fleet:
            address = fleet.addresses[fleet.hosts[0].name]
            for user, key in (("root", fleet.identity), (None, tmp_path / "other")):
                with pytest.raises(asyncssh.PermissionDenied):
                    async with connected(fleet, address, user=user, key=key):
                        pass
            (forged,) = asyncssh.load_keypairs([other])
            forged.public_data = asyncssh.read_private_key(fleet.identity).public_data
            for verify in (True, False):
                async with LeanFleet(fleet.scenario, tmp_path, verify=verify) as again:
                    forged.public_data = asyncssh.read_private_key(again.identity).public_data
                    connecting = asyncssh.connect(
                        address,
                        again.port,
                        username="probe",
                        client_keys=[forged],
                        known_hosts=str(again.known_hosts),
                        config=None,
                        agent_path=None,
                    )
                    if verify:
                        with pytest.raises(asyncssh.PermissionDenied):
                            await connecting
                        assert (again.counts.auth_failures, again.counts.logins) == (1, 0)
                    else:
                        async with connecting as connection:
                            assert (await connection.run("true")).exit_status == 0
            assert fleet.counts.auth_failures == 2

    asyncio.run(main())


def test_each_host_shows_its_own_key_where_the_scenario_says_so(tmp_path):
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
def test_dead_hosts_answer_nothing_and_the_others_are_not_touched(tmp_path, mocker, one_socket):
    if not one_socket:
        mocker.patch("sockfleet.simulator.lean_fleet.bind_loopback", return_value=None)

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


def test_nothing_outside_of_this_machine_reaches_it(tmp_path):
    async def main():
        async with small(tmp_path) as fleet:
            (server,) = fleet._servers
            (listening,) = server.sockets
            device = listening.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
            assert device == b"lo\0"

    asyncio.run(main())


def test_where_a_device_cannot_be_had_each_address_has_a_socket(tmp_path, mocker):
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


def test_a_device_that_was_not_really_bound_is_not_taken(mocker):
    """As in a sandbox that takes the option and does nothing."""

    class Deaf(socket.socket):
        def setsockopt(self, level, option, *value):
            if option != socket.SO_BINDTODEVICE:
                super().setsockopt(level, option, *value)

    mocker.patch.object(listeners.socket, "socket", Deaf)
    assert listeners.bind_loopback() is None


def test_two_thousand_connections_leave_nothing_behind(tmp_path):
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

            async def ask(name: str, turn: int) -> None:
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
                        group.create_task(ask(name, turn))
                await until_closed(fleet)
                before = before or descriptors()
            assert descriptors() == before
            assert (fleet.counts.connections, fleet.counts.logins) == (2000, 2000)
            assert fleet.counts.protocol_errors == 0

    asyncio.run(main())


def test_leaving_ends_what_is_open(tmp_path):
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


def test_a_client_of_garbage_ends_alone(tmp_path):
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
