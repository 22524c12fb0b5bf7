"""The fleet over real SSH: OpenSSH's client, asyncssh as it comes, and bare sockets."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from pathlib import Path

import asyncssh
import pytest
import yaml
from fleet_clients import ONE_HOST, connected, ssh_command

from sockfleet.collector.probe import new_mark, parse_probe, probe_command
from sockfleet.simulator.errors import SimulatorError
from sockfleet.simulator.fleet import Fleet
from sockfleet.simulator.proc_files import proc_files
from sockfleet.simulator.scenario_file import chosen_scenario, parse_scenario

SOCKSTAT = "/proc/net/sockstat"


def fleet_of(text: str, folder: Path) -> Fleet:
    return Fleet(parse_scenario(text, "test.yml"), folder)


def with_fault(fault: str, folder: Path) -> Fleet:
    return fleet_of(f"roles: {{box: {{fault: {fault}}}}}", folder)


async def output_of(command: list[str]) -> tuple[int, bytes, bytes]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    stdout, stderr = await process.communicate()
    return process.returncode, stdout, stderr


def test_openssh_logs_in_and_reads_the_file(tmp_path):
    async def main():
        async with fleet_of("roles: {web: {count: 2, profile: web}}", tmp_path) as fleet:
            for host in fleet.hosts:
                command = ssh_command(fleet, host.name, f"cat {SOCKSTAT}")
                status, stdout, stderr = await output_of(command)
                assert (status, stderr) == (0, b"")
                assert stdout == proc_files(host.contents)[SOCKSTAT]

    asyncio.run(main())


def test_the_probe_gets_each_hosts_own_numbers(tmp_path):
    async def main():
        async with Fleet(chosen_scenario(), tmp_path) as fleet:
            for host in fleet.hosts:
                if not host.is_read:
                    continue
                mark = new_mark()
                async with connected(fleet, fleet.addresses[host.name]) as connection:
                    done = await connection.run(probe_command(mark), encoding=None)
                answer = parse_probe(done.stdout, mark)
                assert done.exit_status == 0
                assert answer.sockstat.get("TCP", "alloc") == host.contents.alloc
                assert answer.kernel.boot_id == host.contents.kernel.boot_id

    asyncio.run(main())


def test_sftp_reads_both_files_from_a_kept_handle_and_nothing_else(tmp_path):
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


def test_only_the_fleets_user_with_the_fleets_key_gets_in(tmp_path):
    other = asyncssh.generate_private_key("ssh-ed25519")
    other.write_private_key(tmp_path / "other")
    (tmp_path / "other").chmod(0o600)

    async def main():
        async with fleet_of(ONE_HOST, tmp_path) as fleet:
            for user, key in (("root", fleet.identity), (None, tmp_path / "other")):
                with pytest.raises(asyncssh.PermissionDenied):
                    async with connected(fleet, fleet.addresses["web"], user=user, key=key):
                        pass
            # The right public key without its private half: the signature is what counts.
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


def test_the_private_key_is_for_its_owner_alone_even_over_an_older_file(tmp_path):
    (tmp_path / "id_ed25519").write_text("old")
    (tmp_path / "id_ed25519").chmod(0o644)

    async def main():
        async with fleet_of(ONE_HOST, tmp_path) as fleet:
            assert fleet.identity.stat().st_mode & 0o777 == 0o600

    asyncio.run(main())


def test_the_inventory_names_every_host_with_its_way(tmp_path):
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


def test_it_listens_on_loopback_addresses_alone(tmp_path):
    async def main():
        async with fleet_of("roles: {web: {count: 3}}", tmp_path) as fleet:
            expected = [f"0{n}00407F:{fleet.port:04X}" for n in (1, 2, 3)]
            assert listening_on(fleet.port) == expected

    asyncio.run(main())


def listening_on(port: int) -> list[str]:
    """Local addresses in state LISTEN (0A) on a port, as proc_net_tcp(5) writes them."""
    text = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    rows = [row.split() for row in text.splitlines()]
    return sorted(row[1] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A")


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


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("refused", ConnectionRefusedError),
        ("dropped", (asyncssh.ConnectionLost, ConnectionResetError)),
        ("not-ssh", (asyncssh.ConnectionLost, ConnectionResetError, asyncssh.ProtocolError)),
        ("old-algorithms", asyncssh.KeyExchangeFailed),
        ("changed-key", asyncssh.HostKeyNotVerifiable),
        ("unknown-key", asyncssh.HostKeyNotVerifiable),
        ("revoked-key", asyncssh.HostKeyNotVerifiable),
        ("denied", asyncssh.PermissionDenied),
    ],
)
def test_faults_on_the_way_in(tmp_path, fault, seen):
    async def main():
        async with with_fault(fault, tmp_path) as fleet:
            with pytest.raises(seen):
                async with connected(fleet, fleet.addresses["box"]):
                    pass

    asyncio.run(main())


def test_openssh_says_what_the_old_server_offers(tmp_path):
    async def main():
        async with with_fault("old-algorithms", tmp_path) as fleet:
            status, _, stderr = await output_of(ssh_command(fleet, "box", "true"))
            assert status == 255
            assert b"no matching key exchange method found. Their offer: diffie-hell" in stderr

    asyncio.run(main())


def test_the_key_faults_differ_only_in_known_hosts(tmp_path):
    for fault, begin in (
        ("changed-key", "[127"),
        ("unknown-key", ""),
        ("revoked-key", "@revoked ["),
    ):

        async def main(fault=fault, begin=begin):
            async with with_fault(fault, tmp_path) as fleet:
                assert fleet.known_hosts.read_text()[: len(begin)] == begin
                assert bool(fleet.known_hosts.read_text()) == bool(begin)
                async with connected(fleet, fleet.addresses["box"], checked=False) as connection:
                    assert (await connection.run(f"cat {SOCKSTAT}")).exit_status == 0

        asyncio.run(main())


def test_only_the_key_exchange_that_the_scenario_names(tmp_path):
    async def main():
        text = f"key_exchange: [ecdh-sha2-nistp384]\n{ONE_HOST}"
        async with fleet_of(text, tmp_path) as fleet:
            for method, status in (("ecdh-sha2-nistp384", 0), ("curve25519-sha256", 255)):
                command = ssh_command(fleet, "web", f"cat {SOCKSTAT}", KexAlgorithms=method)
                assert (await output_of(command))[0] == status

    asyncio.run(main())


def test_no_session(tmp_path):
    async def main():
        async with (
            with_fault("no-session", tmp_path) as fleet,
            connected(fleet, fleet.addresses["box"]) as connection,
        ):
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.run("true")

    asyncio.run(main())


@pytest.mark.parametrize(("fault", "first"), [("silent", b""), ("stalled-kex", b"SSH-2.0-")])
def test_hosts_that_say_nothing_more(tmp_path, fault, first):
    async def main():
        async with with_fault(fault, tmp_path) as fleet:
            reader, writer = await asyncio.open_connection(fleet.addresses["box"], fleet.port)
            assert (await reader.readexactly(len(first))) == first
            if first:
                await reader.readline()
            writer.write(b"SSH-2.0-client\r\n")
            writer.write_eof()
            assert await reader.read() == b""  # it said nothing until we had gone
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())


def test_an_unanswered_host_does_not_even_refuse(tmp_path):
    async def main():
        async with with_fault("unanswered", tmp_path) as fleet:
            loop = asyncio.get_running_loop()
            with contextlib.closing(new_socket()) as one:
                going = asyncio.ensure_future(
                    loop.sock_connect(one, (fleet.addresses["box"], fleet.port))
                )
                # tcp(7): the kernel counts the SYNs that it sends again; the first comes after 1 s.
                while one.getsockopt(6, 11, 104)[2] == 0:  # TCP_INFO: retransmits
                    await asyncio.wait([going], timeout=0.05)
                    assert not going.done()
                going.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await going

    asyncio.run(main())


def new_socket():
    import socket

    one = socket.socket()
    one.setblocking(False)
    return one


def test_a_login_that_is_never_decided_ends_with_the_client(tmp_path):
    async def main():
        async with with_fault("stalled-auth", tmp_path) as fleet:
            seen = asyncio.Event()

            class Client(asyncssh.SSHClient):
                def public_key_auth_requested(self):
                    return None

                def begin_auth(self, username):
                    seen.set()

            going = asyncio.ensure_future(
                asyncssh.create_connection(
                    Client,
                    fleet.addresses["box"],
                    fleet.port,
                    username="probe",
                    known_hosts=str(fleet.known_hosts),
                    client_keys=[str(fleet.identity)],
                    config=None,
                    agent_path=None,
                )
            )
            await seen.wait()
            assert not going.done()
            going.cancel()
            with pytest.raises(asyncio.CancelledError):
                await going

    asyncio.run(main())


def test_what_a_command_meets(tmp_path):
    faults = ("no-shell", "noisy-login", "cut-off", "not-linux", "garbled")
    text = "roles:\n" + "".join(f"  {fault}: {{fault: {fault}}}\n" for fault in faults)

    async def main():
        async with fleet_of(text, tmp_path) as fleet:
            mark = new_mark()
            done = {}
            for name, address in fleet.addresses.items():
                async with connected(fleet, address) as connection:
                    done[name] = await connection.run(probe_command(mark), encoding=None)
            assert done["no-shell"].stdout == b"This account is currently not available.\n"
            assert done["no-shell"].exit_status == 1
            assert done["noisy-login"].stdout.startswith(b"Welcome!\nTCP: inuse 999999")
            assert parse_probe(done["noisy-login"].stdout, mark)
            assert done["cut-off"].exit_status is None
            assert f"{mark} end".encode() not in done["cut-off"].stdout
            assert b"sockstat" not in done["not-linux"].stdout
            assert b"orphan -" in done["garbled"].stdout

    asyncio.run(main())


def test_openssh_jumps_through_a_host_to_its_neighbours_and_to_nowhere_else(tmp_path):
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


def test_a_flood_goes_on_until_the_client_leaves(tmp_path):
    async def main():
        async with (
            with_fault("floods", tmp_path) as fleet,
            connected(fleet, fleet.addresses["box"]) as connection,
        ):
            process = await connection.create_process("true", encoding=None)
            for _ in range(8):
                assert len(await process.stdout.readexactly(2**18)) == 2**18
            connection.abort()

    asyncio.run(main())


def test_a_hanging_command_ends_with_the_connection(tmp_path):
    async def main():
        async with (
            with_fault("hangs", tmp_path) as fleet,
            connected(fleet, fleet.addresses["box"]) as connection,
        ):
            process = await connection.create_process("true", encoding=None)
            process.stdin.write_eof()
            assert process.exit_status is None
            connection.abort()

    asyncio.run(main())


def test_garbage_from_a_client_harms_nobody(tmp_path):
    async def main():
        async with fleet_of(ONE_HOST, tmp_path) as fleet:
            problems = []
            asyncio.get_running_loop().set_exception_handler(lambda _, c: problems.append(c))
            for garbage in (
                b"\xff\xfe\r\n",
                b"GET / HTTP/1.1\r\n\r\n",
                b"SSH-2.0-x\r\n" + bytes(range(256)) * 8,
                b"SSH-2.0-x\r\n\x00\x00\x00\x14\x06\x14" + b"\x00" * 18,
                b"SSH-1.0-x\r\n",
                b"x" * 300_000,
            ):
                reader, writer = await asyncio.open_connection(fleet.addresses["web"], fleet.port)
                with contextlib.suppress(ConnectionError):
                    writer.write(garbage)
                    writer.write_eof()
                    await reader.read()
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()
            async with connected(fleet, fleet.addresses["web"]) as connection:
                assert (await connection.run(f"cat {SOCKSTAT}")).exit_status == 0
            assert problems == []

    asyncio.run(main())


@pytest.mark.parametrize(
    "phase",
    [
        "silent",
        "dripping-version",
        "stalled-kex",
        "ignore-flood",
        "stalled-auth",
        "banner-flood",
        "stalled-session",
        "stalled-exec",
        "hangs",
        "held-output",
        "trickles",
        "floods",
        "message-flood",
    ],
)
def test_leaving_with_connections_open_leaks_nothing(tmp_path, phase):
    async def main():
        before = open_descriptors()
        async with with_fault(phase, tmp_path) as fleet:
            going = asyncio.ensure_future(stay(fleet))
            while fleet.open_connections == 0:
                await asyncio.wait([going], timeout=0.01)
        with contextlib.suppress(asyncssh.Error, OSError):
            await going
        assert fleet.open_connections == 0
        ending = asyncio.all_tasks() - {asyncio.current_task()}  # asyncssh's, just cut off
        if ending:
            await asyncio.wait(ending, timeout=10)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert open_descriptors() == before

    async def stay(fleet):
        async with connected(fleet, fleet.addresses["box"]) as connection:
            await connection.run("true", encoding=None, check=True)

    asyncio.run(main())


def open_descriptors() -> set[str]:
    links = set()
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            links.add(str(fd.readlink()))
    return {link for link in links if link.startswith("socket:")}


def test_the_port_is_taken_elsewhere_then_another_is_found(tmp_path, mocker):
    import socket

    from sockfleet.simulator import listeners

    taken = socket.socket()
    taken.bind(("127.64.0.2", 0))
    taken.listen()
    real = socket.socket.bind
    forced = iter([taken.getsockname()[1]])

    class Socket(socket.socket):
        def bind(self, address):
            real(self, (address[0], address[1] or next(forced, 0)))

    mocker.patch.object(listeners.socket, "socket", Socket)

    with taken:
        port, bound = listeners.bind_all(["127.64.0.1", "127.64.0.2"])
        for one in bound:
            one.close()
        assert port != taken.getsockname()[1]


def test_an_address_that_is_not_ours_is_said(tmp_path):
    from sockfleet.simulator import listeners

    with pytest.raises(SimulatorError, match=r"cannot bind 192\.0\.2\.1: Cannot assign requested"):
        listeners.bind_all(["192.0.2.1"])


def test_more_hosts_than_descriptors_are_refused_before_anything_is_opened(tmp_path, mocker):
    from sockfleet.simulator import listeners as module

    mocker.patch.object(module.resource, "getrlimit", return_value=(100, 200))
    before = open_descriptors()

    async def main():
        async with fleet_of("roles: {web: {count: 300}}", tmp_path):
            pass

    with pytest.raises(SimulatorError, match="needs 556 descriptors and the limit is 200"):
        asyncio.run(main())
    assert open_descriptors() == before
    assert not (tmp_path / "inventory.yml").exists()
