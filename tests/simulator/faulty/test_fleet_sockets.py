"""The fleet's own sockets: listening addresses, garbage from clients, and no leaks."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import asyncssh
import pytest

from sockfleet.simulator.errors import SimulatorError
from tests.support.fleet.fleet_clients import ONE_HOST, connected
from tests.support.fleet.small_fleets import SOCKSTAT, fleet_of, with_fault


def test_hosts_listen_only_on_loopback_addresses(tmp_path):
    async def main():
        async with fleet_of("roles: {web: {count: 3}}", tmp_path) as fleet:
            expected = [f"0{n}00407F:{fleet.port:04X}" for n in (1, 2, 3)]
            assert listening_on(fleet.port) == expected

    asyncio.run(main())


def listening_on(port: int) -> list[str]:
    """Local addresses in state LISTEN (0A) on a port, in the form of proc_net_tcp(5)."""
    text = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    rows = [row.split() for row in text.splitlines()]
    return sorted(row[1] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A")


def test_garbage_from_a_client_does_not_affect_others(tmp_path):
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
        "claimed-extensions",
        "claimed-prompts",
        "stalled-session",
        "session-flood",
        "stalled-exec",
        "hangs",
        "held-output",
        "trickles",
        "floods",
        "message-flood",
    ],
)
def test_closing_the_fleet_with_open_connections_leaks_nothing(tmp_path, phase):
    async def main():
        before = open_descriptors()
        async with with_fault(phase, tmp_path) as fleet:
            going = asyncio.ensure_future(stay(fleet))
            while fleet.open_connections == 0:
                await asyncio.wait([going], timeout=0.01)
        with contextlib.suppress(asyncssh.Error, OSError):
            await going
        assert fleet.open_connections == 0
        ending = asyncio.all_tasks() - {asyncio.current_task()}  # asyncssh's, just cancelled
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


def test_a_port_in_use_on_another_address_is_replaced(tmp_path, mocker):
    import socket

    from sockfleet.simulator.fleet import listeners

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


def test_an_unavailable_address_is_named(tmp_path):
    from sockfleet.simulator.fleet import listeners

    with pytest.raises(SimulatorError, match=r"cannot bind 192\.0\.2\.1: Cannot assign requested"):
        listeners.bind_all(["192.0.2.1"])


def test_more_hosts_than_descriptors_are_refused_before_any_socket_opens(tmp_path, mocker):
    from sockfleet.simulator.fleet import listeners as module

    mocker.patch.object(module.resource, "getrlimit", return_value=(100, 200))
    before = open_descriptors()

    async def main():
        async with fleet_of("roles: {web: {count: 300}}", tmp_path):
            pass

    with pytest.raises(SimulatorError, match="needs 556 descriptors and the limit is 200"):
        asyncio.run(main())
    assert open_descriptors() == before
    assert not (tmp_path / "inventory.yml").exists()
