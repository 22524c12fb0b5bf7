"""The simulated round-trip time, on a virtual clock, without sockets."""

from __future__ import annotations

import asyncio

import asyncssh
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sockfleet.simulator.lean.connection import make_connection_factory
from sockfleet.simulator.lean.counts import LeanCounts
from sockfleet.simulator.lean.dialogue import LeanServer
from sockfleet.simulator.lean.host import LeanHost
from sockfleet.simulator.lean.key_exchange import HostKey
from sockfleet.simulator.lean.login import LoginRule
from sockfleet.simulator.lean.scenario import lean_scenario
from tests.support import virtual_time

ADDRESS = "127.64.0.1"
RTT_S = 0.05


class FakeTransport(asyncio.Transport):
    """Both ends of a connection; it records the data and the time of each write."""

    def __init__(self, address: str = ADDRESS) -> None:
        super().__init__({"sockname": (address, 22), "peername": ("127.0.0.1", 9)})
        self.written: list[tuple[float, bytes]] = []
        self.closed = False

    def write(self, data):
        self.written.append((round(asyncio.get_running_loop().time(), 6), data))

    def close(self):
        self.closed = True

    abort = close

    def is_closing(self):
        return self.closed


def server() -> tuple[LeanServer, dict[str, LeanHost]]:
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    counts = LeanCounts()
    host = LeanHost(lean_scenario(hosts=1).hosts()[0], HostKey(Ed25519PrivateKey.generate()))
    login = LoginRule("probe", public, counts, verify=False)
    return LeanServer(login=login, counts=counts), {ADDRESS: host}


def make_first_flight(shared: LeanServer) -> bytes:
    """A client's version, and an offer equal to the server's own."""
    return b"SSH-2.0-test\r\n" + shared.key_exchange.greeting.partition(b"\r\n")[2]


def make_ecdh_init(first: int = 9) -> bytes:
    return (
        asyncssh.packet.UInt32(44)
        + b"\6\x1e"
        + asyncssh.packet.String(bytes([first]) + bytes(31))
        + bytes(6)
    )


def test_the_version_takes_two_round_trips_and_an_answer_one():
    async def main():
        shared, hosts = server()
        one, transport = (
            make_connection_factory(hosts, shared, set(), rtt_s=RTT_S)(),
            FakeTransport(),
        )
        one.connection_made(transport)
        one.data_received(make_first_flight(shared))
        await asyncio.sleep(3 * RTT_S)
        assert [at for at, _ in transport.written] == [2 * RTT_S]
        one.data_received(make_ecdh_init())
        await asyncio.sleep(2 * RTT_S)
        assert [at for at, _ in transport.written] == [2 * RTT_S, 4 * RTT_S]
        assert (shared.counts.flights, shared.counts.writes) == (2, 2)

    virtual_time.run(main())


def test_data_before_the_version_is_answered_after_the_version():
    async def main():
        shared, hosts = server()
        one, transport = (
            make_connection_factory(hosts, shared, set(), rtt_s=RTT_S)(),
            FakeTransport(),
        )
        one.connection_made(transport)
        one.data_received(make_first_flight(shared) + make_ecdh_init())
        await asyncio.sleep(5 * RTT_S)
        assert [at for at, _ in transport.written] == [2 * RTT_S] * 2
        assert transport.written[0][1].startswith(b"SSH-2.0-")

    virtual_time.run(main())


def test_simultaneous_pieces_keep_their_order():
    async def main():
        shared, hosts = server()
        one, transport = (
            make_connection_factory(hosts, shared, set(), rtt_s=RTT_S)(),
            FakeTransport(),
        )
        one.connection_made(transport)
        await asyncio.sleep(3 * RTT_S)
        for byte in make_first_flight(shared) + make_ecdh_init():
            one.data_received(bytes([byte]))
        await asyncio.sleep(5 * RTT_S)
        assert [at for at, _ in transport.written] == [2 * RTT_S, 4 * RTT_S]

    virtual_time.run(main())


def test_without_a_round_trip_time_answers_are_immediate():
    async def main():
        shared, hosts = server()
        one, transport = make_connection_factory(hosts, shared, set())(), FakeTransport()
        one.connection_made(transport)
        one.data_received(make_first_flight(shared))
        one.data_received(make_ecdh_init())
        assert len(transport.written) == 2

    virtual_time.run(main())


@pytest.mark.parametrize("rtt_s", [0.0, RTT_S])
def test_a_closed_connection_is_dropped_with_its_delayed_data(rtt_s):
    async def main():
        shared, hosts = server()
        connected = set()
        one, transport = (
            make_connection_factory(hosts, shared, connected, rtt_s=rtt_s)(),
            FakeTransport(),
        )
        one.connection_made(transport)
        one.data_received(make_first_flight(shared))
        one.connection_lost(None)
        written = len(transport.written)
        assert not connected
        await asyncio.sleep(5 * RTT_S)
        assert len(transport.written) == written

    virtual_time.run(main())


def test_connections_to_other_addresses_are_closed():
    async def main():
        shared, hosts = server()
        connected = set()
        one, transport = (
            make_connection_factory(hosts, shared, connected)(),
            FakeTransport("127.0.0.1"),
        )
        one.connection_made(transport)
        one.data_received(b"SSH-2.0-test\r\n")
        assert (transport.closed, transport.written, connected) == (True, [], set())
        one.connection_lost(None)

    virtual_time.run(main())
