"""The fleet with real clients: OpenSSH's and asyncssh."""

from __future__ import annotations

import asyncio

import asyncssh
import pytest
import yaml

from sockfleet.collector.probe.answer import parse_probe
from sockfleet.collector.probe.script import ProbeOptions, new_marker, probe_command
from sockfleet.collector.ssh.long_command import split_command
from sockfleet.simulator.faulty.fleet import Fleet
from sockfleet.simulator.host.proc_files import proc_files
from sockfleet.simulator.scenario.scenario_file import choose_scenario
from tests.support.fleet.fleet_clients import ONE_HOST, connected, output_of, ssh_command
from tests.support.fleet.small_fleets import SOCKSTAT, fleet_of


def test_openssh_logs_in_and_reads_the_file(tmp_path):
    async def main():
        async with fleet_of("roles: {web: {count: 2, profile: web}}", tmp_path) as fleet:
            for host in fleet.hosts:
                command = ssh_command(fleet, host.name, f"cat {SOCKSTAT}")
                status, stdout, stderr = await output_of(command)
                assert (status, stderr) == (0, b"")
                assert stdout == proc_files(host.contents)[SOCKSTAT]

    asyncio.run(main())


def test_the_probe_reads_each_hosts_own_numbers(tmp_path):
    async def main():
        async with Fleet(choose_scenario(), tmp_path) as fleet:
            for host in fleet.hosts:
                if not host.is_read:
                    continue
                mark = new_marker()
                async with connected(fleet, fleet.addresses[host.name]) as connection:
                    done = await connection.run(probe_command(mark), encoding=None)
                answer = parse_probe(done.stdout, mark)
                assert done.exit_status == 0
                assert answer.sockstat.get("TCP", "alloc") == host.contents.alloc
                assert answer.kernel.boot_id == host.contents.kernel.boot_id

    asyncio.run(main())


def test_a_probe_on_standard_input_reads_the_hosts_own_numbers(tmp_path):
    async def main():
        async with fleet_of(ONE_HOST, tmp_path) as fleet:
            (host,) = fleet.hosts
            mark = new_marker()
            request, stdin = split_command(probe_command(mark, ProbeOptions(processes=True)))
            async with connected(fleet, fleet.addresses["web"]) as connection:
                done = await connection.run(request, input=stdin, encoding=None)
            answer = parse_probe(done.stdout, mark)
            assert answer.sockstat.get("TCP", "alloc") == host.contents.alloc

    asyncio.run(main())


def test_sftp_rereads_open_handles_and_refuses_other_paths(tmp_path):
    async def main():
        async with fleet_of(ONE_HOST, tmp_path) as fleet:
            (host,) = fleet.hosts
            async with (
                connected(fleet, fleet.addresses["web"]) as connection,
                connection.start_sftp_client() as sftp,
            ):
                for path, text in proc_files(host.contents).items():
                    async with sftp.open(path, "rb") as file:
                        for _ in range(2):
                            assert await file.read(65536, 0) == text
                        assert await file.read(5, 3) == text[3:8]
                        assert (await file.stat()).size == 0
                    assert (await sftp.stat(path)).permissions == 0o100444
                for denied in (
                    sftp.open("/etc/passwd", "rb"),
                    sftp.open(SOCKSTAT, "wb"),
                    sftp.stat("/etc/passwd"),
                    sftp.listdir("/"),
                    sftp.mkdir("/tmp/x"),
                    sftp.remove(str(fleet.identity)),
                    sftp.symlink("/etc/passwd", SOCKSTAT),
                    sftp.readlink("/proc/self"),
                    sftp.rename(str(fleet.identity), "/tmp/x"),
                    sftp.chmod(SOCKSTAT, 0o777),
                    sftp.statvfs("/"),
                ):
                    with pytest.raises(asyncssh.SFTPError):
                        await denied
            assert fleet.identity.exists()

    asyncio.run(main())


def test_only_the_fleets_user_and_key_can_log_in(tmp_path):
    other = asyncssh.generate_private_key("ssh-ed25519")
    other.write_private_key(tmp_path / "other")
    (tmp_path / "other").chmod(0o600)

    async def main():
        async with fleet_of(ONE_HOST, tmp_path) as fleet:
            for user, key in (("root", fleet.identity), (None, tmp_path / "other")):
                with pytest.raises(asyncssh.PermissionDenied):
                    async with connected(fleet, fleet.addresses["web"], user=user, key=key):
                        pass
            # The right public key without its private half: the signature does not match.
            forged = tmp_path / "forged"
            forged.write_bytes((tmp_path / "other").read_bytes())
            forged.chmod(0o600)
            forged.with_suffix(".pub").write_bytes(fleet.identity.with_suffix(".pub").read_bytes())
            command = ssh_command(fleet, "web", "cat x", IdentityFile=str(forged))
            command[command.index("-i") + 1] = str(forged)
            status, _, stderr = await output_of(command)
            assert status == 255
            assert b"Permission denied" in stderr or b"does not match" in stderr

    asyncio.run(main())


def test_only_the_owner_can_read_the_private_key(tmp_path):
    (tmp_path / "id_ed25519").write_text("old")
    (tmp_path / "id_ed25519").chmod(0o644)

    async def main():
        async with fleet_of(ONE_HOST, tmp_path) as fleet:
            assert fleet.identity.stat().st_mode & 0o777 == 0o600

    asyncio.run(main())


def test_the_inventory_holds_every_host_with_its_address(tmp_path):
    text = "roles: {web: {count: 2, groups: [front], variables: {rack: r1}}, lone: {}}"

    async def main():
        async with fleet_of(text, tmp_path) as fleet:
            document = yaml.safe_load(fleet.inventory.read_text())["all"]
            assert document["vars"] == {
                "ansible_port": fleet.port,
                "ansible_user": "probe",
                "ansible_ssh_private_key_file": str(fleet.identity),
            }
            assert document["hosts"] == {
                "web1": {"ansible_host": fleet.addresses["web1"], "rack": "r1"},
                "web2": {"ansible_host": fleet.addresses["web2"], "rack": "r1"},
                "lone": {"ansible_host": fleet.addresses["lone"]},
            }
            assert document["children"] == {"front": {"hosts": {"web1": None, "web2": None}}}
            assert len(set(fleet.addresses.values())) == 3

    asyncio.run(main())


def test_shared_and_own_host_keys(tmp_path):
    async def keys(kind: str) -> int:
        text = f"host_keys: {kind}\nroles: {{web: {{count: 3}}}}"
        async with fleet_of(text, tmp_path) as fleet:
            for address in fleet.addresses.values():
                async with connected(fleet, address):
                    pass
            return len({line.split()[2] for line in fleet.known_hosts.read_text().splitlines()})

    assert asyncio.run(keys("own")) == 3
    assert asyncio.run(keys("shared")) == 1


def test_the_scenario_limits_the_key_exchanges(tmp_path):
    async def main():
        text = f"key_exchange: [ecdh-sha2-nistp384]\n{ONE_HOST}"
        async with fleet_of(text, tmp_path) as fleet:
            for method, status in (("ecdh-sha2-nistp384", 0), ("curve25519-sha256", 255)):
                command = ssh_command(fleet, "web", f"cat {SOCKSTAT}", KexAlgorithms=method)
                assert (await output_of(command))[0] == status

    asyncio.run(main())


def test_openssh_jumps_through_a_host_only_to_its_neighbours(tmp_path):
    text = "roles: {web: {count: 2, profile: web}, strict: {fault: no-session}}"

    async def through(fleet: Fleet, jump: str, to: str) -> tuple[int, bytes, bytes]:
        first = ssh_command(fleet, jump, "x")[:-2]
        way = " ".join([*first, "-W", "%h:%p", f"{fleet.scenario.user}@{fleet.addresses[jump]}"])
        return await output_of(ssh_command(fleet, to, f"cat {SOCKSTAT}", ProxyCommand=way))

    async def main():
        async with fleet_of(text, tmp_path) as fleet:
            status, stdout, stderr = await through(fleet, "web1", "web2")
            assert (status, stderr) == (0, b"")
            assert stdout == proc_files(fleet.hosts[1].contents)[SOCKSTAT]
            status, _, stderr = await through(fleet, "strict", "web2")
            assert status == 255
            assert b"open failed" in stderr
            async with connected(fleet, fleet.addresses["web1"]) as connection:
                with pytest.raises(asyncssh.ChannelOpenError):
                    await connection.open_connection("127.0.0.1", 22)

    asyncio.run(main())
