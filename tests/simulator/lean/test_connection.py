"""The round-trip time that a lean host plays, on a clock that jumps, without sockets."""

from __future__ import annotations

import asyncio

import asyncssh
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sockfleet.simulator.lean.connection import connections_to
from sockfleet.simulator.lean.counts import LeanCounts
from sockfleet.simulator.lean.dialogue import LeanServer
from sockfleet.simulator.lean.host import LeanHost
from sockfleet.simulator.lean.key_exchange import HostKey
from sockfleet.simulator.lean.login import LoginRule
from sockfleet.simulator.lean.scenario import lean_scenario
from tests.support import virtual_time

ADDRESS = "127.64.0.1"
RTT_S = 0.05


class Wire(asyncio.Transport):
    """Both ends of a connection: what is written here is heard there, with the time."""

    def __init__(self, address: str = ADDRESS) -> None:
        super().__init__({"sockname": (address, 22), "peername": ("127.0.0.1", 9)})
        self.heard: list[tuple[float, bytes]] = []
        self.ended = False

    def write(self, data):
        self.heard.append((round(asyncio.get_running_loop().time(), 6), data))

    def close(self):
        self.ended = True

    abort = close

    def is_closing(self):
        return self.ended


def server() -> tuple[LeanServer, dict[str, LeanHost]]:
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    counts = LeanCounts()
    host = LeanHost(lean_scenario(hosts=1).hosts()[0], HostKey(Ed25519PrivateKey.generate()))
    login = LoginRule("probe", public, counts, verify=False)
    return LeanServer(login=login, counts=counts), {ADDRESS: host}


def offered(shared: LeanServer) -> bytes:
    """A client's version, and an offer like the server's own."""
    return b"SSH-2.0-test\r\n" + shared.key_exchange.greeting.partition(b"\r\n")[2]


def half_a_key(first: int = 9) -> bytes:
    return (
        asyncssh.packet.UInt32(44)
        + b"\6\x1e"
        + asyncssh.packet.String(bytes([first]) + bytes(31))
        + bytes(6)
    )


def test_the_version_comes_after_two_round_trips_and_an_answer_after_one():
    async def main():
        shared, hosts = server()
        one, wire = connections_to(hosts, shared, set(), rtt_s=RTT_S)(), Wire()
        one.connection_made(wire)
        one.data_received(offered(shared))
        await asyncio.sleep(3 * RTT_S)
        assert [at for at, _ in wire.heard] == [2 * RTT_S]
        one.data_received(half_a_key())
        await asyncio.sleep(2 * RTT_S)
        assert [at for at, _ in wire.heard] == [2 * RTT_S, 4 * RTT_S]
        assert (shared.counts.flights, shared.counts.writes) == (2, 2)

    virtual_time.run(main())


def test_what_comes_before_the_version_is_answered_with_it_and_not_before():
    async def main():
        shared, hosts = server()
        one, wire = connections_to(hosts, shared, set(), rtt_s=RTT_S)(), Wire()
        one.connection_made(wire)
        one.data_received(offered(shared) + half_a_key())
        await asyncio.sleep(5 * RTT_S)
        assert [at for at, _ in wire.heard] == [2 * RTT_S] * 2
        assert wire.heard[0][1].startswith(b"SSH-2.0-")

    virtual_time.run(main())


def test_pieces_of_one_moment_keep_their_order():
    async def main():
        shared, hosts = server()
        one, wire = connections_to(hosts, shared, set(), rtt_s=RTT_S)(), Wire()
        one.connection_made(wire)
        await asyncio.sleep(3 * RTT_S)
        for byte in offered(shared) + half_a_key():
            one.data_received(bytes([byte]))
        await asyncio.sleep(5 * RTT_S)
        assert [at for at, _ in wire.heard] == [2 * RTT_S, 4 * RTT_S]

    virtual_time.run(main())


def test_without_one_everything_is_answered_at_once():
    async def main():
        shared, hosts = server()
        one, wire = connections_to(hosts, shared, set())(), Wire()
        one.connection_made(wire)
        one.data_received(offered(shared))
        one.data_received(half_a_key())
        assert len(wire.heard) == 2

    virtual_time.run(main())


@pytest.mark.parametrize("rtt_s", [0.0, RTT_S])
def test_a_client_that_leaves_is_let_go_of_whatever_was_on_its_way(rtt_s):
    async def main():
        shared, hosts = server()
        connected = set()
        one, wire = connections_to(hosts, shared, connected, rtt_s=rtt_s)(), Wire()
        one.connection_made(wire)
        one.data_received(offered(shared))
        one.connection_lost(None)
        heard = len(wire.heard)
        assert not connected
        await asyncio.sleep(5 * RTT_S)
        assert len(wire.heard) == heard

    virtual_time.run(main())


def test_an_address_of_no_host_is_hung_up_on():
    async def main():
        shared, hosts = server()
        connected = set()
        one, wire = connections_to(hosts, shared, connected)(), Wire("127.0.0.1")
        one.connection_made(wire)
        one.data_received(b"SSH-2.0-test\r\n")
        assert (wire.ended, wire.heard, connected) == (True, [], set())
        one.connection_lost(None)

    virtual_time.run(main())
