"""The lean fleet with real clients: OpenSSH's, asyncssh and paramiko."""

from __future__ import annotations

import asyncio

import asyncssh
import paramiko
import pytest

from sockfleet.collector.probe.answer import parse_probe
from sockfleet.collector.probe.script import ProbeOptions, new_marker, probe_command
from sockfleet.simulator.host.proc_files import proc_files
from sockfleet.simulator.lean.fleet import LeanFleet
from tests.support.fleet.fleet_clients import connected, output_of, ssh_command
from tests.support.fleet.small_fleets import SOCKSTAT, SOCKSTAT6, small, until_closed


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


def test_openssh_runs_the_probe_and_other_commands(tmp_path):
    async def main():
        async with small(tmp_path) as fleet:
            (host, _) = fleet.hosts
            mark = new_marker()
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


def test_openssh_reads_only_proc_files_by_sftp(tmp_path):
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


def test_asyncssh_needs_nine_round_trips(tmp_path):
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
                keepalive_count_max=1000,  # however busy this machine is
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
