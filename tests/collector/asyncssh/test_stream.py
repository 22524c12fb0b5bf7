"""The byte stream below an SSH connection: what it notes, joins and owns."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
import uvloop

from sockfleet.collector.asyncssh.stream import ByteStream
from sockfleet.collector.errors import Phase
from sockfleet.collector.transport import Attempt
from sockfleet.inventory.models import Host


class Peer:
    """The part of an SSH connection that the stream calls; reads the version line."""

    def __init__(self) -> None:
        self.seen = b""
        self.parts: list[int] = []
        self.transport: ByteStream | None = None
        self.lost: list[Exception | None] = []
        self.ended = asyncio.Event()

    def connection_made(self, transport: ByteStream) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None = None) -> None:
        self.lost.append(exc)
        self.ended.set()

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        self.seen += data
        self.parts.append(len(data))

    def eof_received(self) -> None:
        self.seen += b"<eof>"

    def get_extra_info(self, name: str) -> object:
        if name == "server_version" and b"SSH-2.0-" in self.seen:
            return "SSH-2.0-inner"
        return None if self.transport is None else self.transport.get_extra_info(name)


class Hoarder(Peer):
    """Counts what it gets, and how much waits in the stream meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.count = self.most_waiting = 0

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        self.count += len(data)
        assert self.transport is not None
        self.most_waiting = max(self.most_waiting, len(self.transport._unread))


class Channel(asyncio.Transport):
    """A bastion's channel: knows the bastion's version and keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"server_version": "SSH-2.0-bastion"})
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True


def attempt() -> Attempt:
    return Attempt(host=Host(name="web1", address="web1"), phase=Phase.BANNER)


def ours_of(server: socket.socket) -> socket.socket:
    """This process's other end of a connection, as a descriptor of its own."""
    for path in Path("/proc/self/fd").iterdir():
        if not path.is_socket():
            continue
        ours = socket.socket(fileno=os.dup(int(path.name)))
        if ours.getsockname() == server.getpeername():
            return ours
        ours.close()
    raise LookupError


async def joined() -> tuple[ByteStream, Channel, Peer, Attempt]:
    trying = attempt()
    stream, channel = ByteStream(trying), Channel()
    stream.connection_made(channel)
    peer = Peer()
    await stream.join(peer)
    return stream, channel, peer, trying


def test_the_version_is_this_servers_not_the_bastions():
    async def main() -> None:
        stream, _, peer, trying = await joined()
        assert peer.get_extra_info("server_version") == "SSH-2.0-bastion"
        stream.data_received(b"welcome\r\n")
        assert (stream.version_seen, trying.phase) == (False, Phase.BANNER)
        assert stream.head == b"welcome\r\n"
        stream.data_received(b"SSH-2.0-x\r\n")
        assert (stream.version_seen, trying.phase) == (True, Phase.KEX)
        stream.data_received(b"more")
        assert stream.head == b""
        assert peer.seen == b"welcome\r\nSSH-2.0-x\r\nmore"

    asyncio.run(main())


def test_a_connection_that_fails_behind_a_bastion_has_seen_no_version():
    """asyncssh drops its transport then, and with it the bastion's values."""

    class FailingPeer(Peer):
        def data_received(self, data: bytes, datatype: int | None = None) -> None:
            super().data_received(data)
            self.transport = None

    async def main() -> None:
        trying = attempt()
        stream = ByteStream(trying)
        stream.connection_made(Channel())
        await stream.join(FailingPeer())
        stream.data_received(b"SSH-1.5-old\r\n")
        assert (stream.version_seen, trying.phase) == (False, Phase.BANNER)

    asyncio.run(main())


def test_the_head_is_bounded():
    async def main() -> None:
        stream, *_ = await joined()
        for _ in range(100):
            stream.data_received(b"A" * 1000)
        assert len(stream.head) == 512

    asyncio.run(main())


@pytest.mark.parametrize("lost", [False, True])
def test_what_comes_before_the_peer_is_kept(lost):
    async def main() -> None:
        stream = ByteStream(attempt())
        stream.connection_made(Channel())
        stream.data_received(b"SSH-2.0-")
        stream.data_received(b"x\r\n")
        if lost:
            stream.connection_lost(None)
        peer = Peer()
        await stream.join(peer)
        assert peer.seen == b"SSH-2.0-x\r\n"
        assert peer.lost == ([None] if lost else [])

    asyncio.run(main())


def test_what_is_written_in_one_turn_and_the_next_goes_in_one_piece():
    async def main() -> None:
        stream, channel, *_ = await joined()
        for packet in (b"one", b"two", b"three"):
            stream.write(packet)
        assert channel.written == []
        await asyncio.sleep(0)
        stream.write(b"four")
        await asyncio.sleep(0)
        assert channel.written == [b"onetwothreefour"]
        stream.write(b"five")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert channel.written == [b"onetwothreefour", b"five"]

    asyncio.run(main())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_what_answers_a_write_is_acknowledged_at_once(run):
    """Linux delays acknowledgements again after each write in a dialogue."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stream, peer = ByteStream(attempt()), Peer()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            await stream.connect(*listening.getsockname())
            server, _ = listening.accept()
        with server:
            server.setblocking(False)
            await stream.join(peer)
            for _ in range(4):
                stream.expect_parts()
                stream.write(b"question")
                await loop.sock_recv(server, 8)
                server.sendall(b"answer")
            with ours_of(server) as ours:
                assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK) == 1
            await stream.close()

    run(main())


def test_nothing_is_written_to_a_stream_that_closes():
    async def main() -> None:
        stream, channel, *_ = await joined()
        assert stream.up
        stream.write(b"too late")
        stream.abort()
        assert not stream.up
        await asyncio.sleep(0)
        assert channel.written == []

    asyncio.run(main())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("kind", ["Writer", "Aborter"])
def test_a_socket_has_one_owner_however_early_it_is_lost(run, kind):
    """A descriptor that is closed twice may be another's by then."""

    async def main() -> None:
        for _ in range(20):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            theirs.close()
            number = ours.fileno()
            stream = ByteStream(attempt(), ours)
            del ours
            await stream.join(globals()[kind]())
            await stream.close()
            del stream
            other = os.dup(0)  # takes the lowest free number
            assert other <= number
            os.close(other)

    run(main())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_stream_that_is_given_up_in_any_turn_is_closed(run):
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def main(port: int) -> None:
        before = descriptors()
        for turns in range(8):
            stream = ByteStream(attempt())
            connecting = asyncio.create_task(stream.connect("127.0.0.1", port))
            for _ in range(turns):
                await asyncio.sleep(0)
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            await stream.close()
            assert not stream.up
        for _ in range(3):  # asyncio closes in a later turn
            await asyncio.sleep(0)
        assert descriptors() <= before + 2  # libuv keeps a descriptor or two of its own

    with socket.create_server(("127.0.0.1", 0)) as server:
        run(main(server.getsockname()[1]))


def test_a_large_arrival_leaves_the_loop_to_others_after_each_part():
    async def main() -> None:
        stream, _, peer, _ = await joined()
        stream.data_received(b"SSH-2.0-x\r\n")
        data = os.urandom(100_000)
        others: list[int] = []
        stream.data_received(data[:60_000])
        stream.data_received(data[60_000:])
        while not peer.seen.endswith(data):
            asyncio.get_running_loop().call_soon(lambda: others.append(len(peer.seen)))
            await asyncio.sleep(0)
        assert max(peer.parts) == 4096
        assert len(set(others)) > 100_000 // 4096 - 2
        stream.data_received(b"more")
        assert peer.seen.endswith(b"more")

    asyncio.run(main())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_flood_is_read_in_parts_and_what_ends_the_stream_comes_last(run):
    async def main() -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        data = b"SSH-2.0-x\r\n" + os.urandom(300_000)
        with theirs:
            stream, peer = ByteStream(attempt(), ours), Peer()
            joining = asyncio.ensure_future(stream.join(peer))
            await asyncio.get_running_loop().sock_sendall(theirs, data)
            theirs.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(60):
                await joining
                await peer.ended.wait()
        assert peer.seen == data + b"<eof>"
        assert max(peer.parts) == 4096
        await stream.close()

    run(main())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_flood_is_held_back_and_does_not_fill_the_memory(run):
    """The kernel keeps what was not passed on yet; uvloop reads 2 MiB at most in one turn."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        stream, peer = ByteStream(attempt(), ours), Hoarder()
        stream.budget.expect_channels()
        flood = bytes(16 * 1024 * 1024)
        stream.budget.give_back(2 * len(flood))
        with theirs:
            joining = asyncio.ensure_future(stream.join(peer))
            await asyncio.get_running_loop().sock_sendall(theirs, flood)
            theirs.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(30):
                await joining
                await peer.ended.wait()
        assert (peer.count, stream.budget.exceeded) == (len(flood), False)
        assert peer.most_waiting < 4 * 1024 * 1024
        await stream.close()

    run(main())


def test_a_stream_that_exceeds_its_budget_drops_the_rest():
    async def main() -> None:
        stream, channel, peer, _ = await joined()
        stream.data_received(b"x" * 200_000)
        stream.data_received(b"y")
        for _ in range(100):
            await asyncio.sleep(0)
        assert (stream.budget.exceeded, channel.closing) == (True, True)
        assert len(peer.seen) == 64 * 1024 + 4096
        stream.connection_lost(None)
        assert peer.lost == [None]

    asyncio.run(main())


def test_what_came_before_the_connection_was_there_is_counted_once():
    async def main() -> None:
        trying = attempt()
        stream, channel, peer = ByteStream(trying), Channel(), Peer()
        stream.connection_made(channel)
        stream.data_received(b"x" * 40_000 + b"\r\n")
        await stream.join(peer)
        stream.data_received(b"SSH-2.0-x\r\n")
        for _ in range(40_000 // 4096 + 1):
            await asyncio.sleep(0)
        assert (stream.version_seen, stream.budget.exceeded) == (True, False)

    asyncio.run(main())


class Writer(Peer):
    """Writes at once, as an SSH connection does: to a peer that is gone."""

    def connection_made(self, transport: ByteStream) -> None:
        super().connection_made(transport)
        transport.write(b"SSH-2.0-me\r\n")


class Aborter(Peer):
    """Gives up at once: the stream is lost before the loop has done handing it over."""

    def connection_made(self, transport: ByteStream) -> None:
        super().connection_made(transport)
        transport.abort()


def test_a_stream_that_never_joined_closes_its_socket():
    async def main() -> None:
        ours, theirs = socket.socketpair()
        stream = ByteStream(attempt(), ours)
        await stream.close()
        await stream.close()
        assert ours.fileno() == -1
        theirs.close()

    asyncio.run(main())
