"""The fleet's faults with real clients, before and after the login."""

from __future__ import annotations

import asyncio
import contextlib

import asyncssh
import pytest

from sockfleet.collector.probe.answer import parse_probe
from sockfleet.collector.probe.script import new_marker, probe_command
from tests.support.fleet.fleet_clients import connected, output_of, ssh_command
from tests.support.fleet.small_fleets import SOCKSTAT, fleet_of, with_fault


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
def test_faults_before_the_session(tmp_path, fault, seen):
    async def main():
        async with with_fault(fault, tmp_path) as fleet:
            with pytest.raises(seen):
                async with connected(fleet, fleet.addresses["box"]):
                    pass

    asyncio.run(main())


def test_openssh_prints_the_offer_of_the_old_server(tmp_path):
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
def test_hosts_that_stop_sending(tmp_path, fault, first):
    async def main():
        async with with_fault(fault, tmp_path) as fleet:
            reader, writer = await asyncio.open_connection(fleet.addresses["box"], fleet.port)
            assert (await reader.readexactly(len(first))) == first
            if first:
                await reader.readline()
            writer.write(b"SSH-2.0-client\r\n")
            writer.write_eof()
            assert await reader.read() == b""  # the host sends nothing until the client closes
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())


def test_an_unanswered_host_drops_the_connection_request(tmp_path):
    async def main():
        async with with_fault("unanswered", tmp_path) as fleet:
            loop = asyncio.get_running_loop()
            with contextlib.closing(new_socket()) as one:
                going = asyncio.ensure_future(
                    loop.sock_connect(one, (fleet.addresses["box"], fleet.port))
                )
                # tcp(7): the kernel counts retransmitted SYNs; the first follows after 1 s.
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


def test_a_stalled_login_ends_with_the_client(tmp_path):
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


def test_faults_of_commands(tmp_path):
    faults = ("no-shell", "noisy-login", "cut-off", "not-linux", "garbled")
    text = "roles:\n" + "".join(f"  {fault}: {{fault: {fault}}}\n" for fault in faults)

    async def main():
        async with fleet_of(text, tmp_path) as fleet:
            mark = new_marker()
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
            assert b"orphan 0x" in done["garbled"].stdout

    asyncio.run(main())


def test_a_flood_lasts_until_the_client_closes(tmp_path):
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
