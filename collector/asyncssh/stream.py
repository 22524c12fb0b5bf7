"""The byte stream below an SSH connection: a socket or a channel through a bastion.

asyncssh's exceptions do not distinguish an SSH server that hung up from something that is no SSH
server at all; the bytes before the version line do. So all bytes pass through a `ByteStream`, which
asyncssh uses as the transport below its connection.

The stream also joins the packets that answer one arrival: asyncssh writes each by itself, 18 system
calls for one command instead of 5.

And it divides large arrivals: asyncssh works off all packets of one within `data_received`, and
copies the rest of its buffer for each of them. A flood of small messages would hold the event loop
for seconds, as libuv reads up to 32 times in one iteration (uv__read() of its src/unix/stream.c).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Protocol, cast

from ..errors import Phase
from ..ssh.byte_budget import ByteBudget
from ..ssh.negotiation import OPENING_BYTES
from ..transport import Attempt

__all__ = ["ByteStream"]

_HEAD_BYTES = 512
_TURN_BYTES = 4096
"""How much asyncssh gets in one iteration of the loop: at most 128 packets, as none is smaller than
32 bytes with AES-GCM (RFC 5647)."""
# asyncssh would set options of the socket, of which TCP_NODELAY is set already, and look up the
# host's key by the addresses, which `HostKeyCheck` does.
_HIDDEN = ("socket", "sockname", "peername")
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux alone has it


class _Peer(Protocol):
    """The methods of SSHClientConnection that the stream calls."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...

    def connection_lost(self, exc: Exception | None = None) -> None: ...

    def data_received(self, data: bytes) -> None: ...

    def eof_received(self) -> None: ...

    def get_extra_info(self, name: str) -> object: ...


class ByteStream(asyncio.Protocol):
    """One byte stream, bounded by ``budget``."""

    def __init__(self, attempt: Attempt, sock: socket.socket | None = None) -> None:
        self.head = b""
        """What came, as long as no SSH version line did."""
        self.version_seen = False
        self.opening: bytes | None = b""
        """As `SshStream.opening`."""
        self.budget = ByteBudget()
        self._carrier: ByteBudget | None = None
        self._carried = 0
        self._attempt = attempt
        self._sock = sock
        self._over_socket = sock is not None
        self._transport: asyncio.Transport | None = None
        self._peer: _Peer | None = None
        self._unread = bytearray()
        """What came and the connection does not have yet."""
        self._spent = 0
        """How much of it the budget has paid for."""
        self._is_paused = False
        self._next_turn: asyncio.Handle | None = None
        self._ends: list[Callable[[_Peer], None]] = []
        """What the connection must learn once it has all data."""
        self._outgoing: list[bytes] = []
        self._is_answered_in_parts = False
        self._is_always_in_parts = False
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[None] = self._loop.create_future()

    async def connect(self, address: str, port: int) -> None:
        """Open the stream by TCP to an IP address. Raises OSError; everything is closed then."""
        self._over_socket = True
        try:
            await self._loop.create_connection(lambda: self, address, port)
        except BaseException:
            if self._transport is not None:  # the loop closes it, and may not call connection_lost
                self._transport.abort()
                self.connection_lost(None)
            raise

    async def join(self, peer: _Peer) -> None:
        """Feed a new SSH connection from this stream, which is already open."""
        self._peer = peer
        if self._sock is not None:
            sock, self._sock = self._sock, None
            await self._attach(sock)
        elif self._transport is not None:
            self._present(peer)
            self._take_turn()

    async def _attach(self, sock: socket.socket) -> None:
        """Hand the socket to the loop, which owns it from here on."""
        # Shielded: when cancelled inside, asyncio closes the socket a little later and uvloop at
        # once; a caller cannot know which.
        joining = asyncio.ensure_future(self._loop.create_connection(lambda: self, sock=sock))
        try:
            await asyncio.shield(joining)
        except asyncio.CancelledError:
            await joining
            raise
        finally:
            # uvloop closes the descriptor of the socket object without marking the object closed
            # when that happens this early; the object would close a reused descriptor later.
            if self._lost.done():
                sock.detach()

    # Callbacks of the event loop, or of a channel.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The stream is open."""
        self._transport = cast("asyncio.Transport", transport)  # a channel has its methods
        if self._peer is not None:
            self._present(self._peer)

    def _present(self, peer: _Peer) -> None:
        peer.connection_made(cast("asyncio.BaseTransport", self))  # it has the methods in use

    def session_started(self) -> None:
        """Called for a channel only; its data follows."""

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """Bytes from the far side."""
        del datatype
        if self._carrier is not None:
            self._carried += len(data)
            self._carrier.give_back(len(data))
        if self.budget.exceeded:
            return
        if self._peer is None:
            self._unread += data
            self._spent += len(data)
            if not self.budget.spend(len(data)) and self._transport is not None:
                self._transport.abort()  # what came may hold a version line: it is kept
        elif not self._unread and len(data) <= _TURN_BYTES:
            self._pass_on(data)
        else:
            self._unread += data
            if self._next_turn is None:
                self._take_turn()

    def _take_turn(self) -> None:
        """Pass one part of the data on, and leave the loop to others before the next one."""
        self._next_turn = None
        if self._unread:
            part = bytes(self._unread[:_TURN_BYTES])
            del self._unread[:_TURN_BYTES]
            self._pass_on(part)
        self._read_from_socket(wanted=not self._unread)
        if self._unread:
            self._next_turn = self._loop.call_soon(self._take_turn)
        elif self._peer is not None:
            ends, self._ends = self._ends, []
            for end in ends:
                end(self._peer)

    def _read_from_socket(self, *, wanted: bool) -> None:
        """Read on, or let the kernel hold the far side back."""
        if self._is_paused == wanted and self._over_socket and self.up and self._transport:
            self._is_paused = not wanted
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _pass_on(self, data: bytes) -> None:
        peer = self._peer
        if peer is None:
            return
        if self.opening is not None and len(self.opening) < OPENING_BYTES:
            self.opening = (self.opening + data)[:OPENING_BYTES]
        if self.version_seen:
            peer.data_received(data)
        else:
            self.head = (self.head + data)[:_HEAD_BYTES]
            peer.data_received(data)
            if self._has_version(peer):
                self.version_seen, self.head = True, b""
                self.budget.expect_login()
                self._attempt.phase = Phase.KEX
        # Only now: the first read of a flood may exceed every bound and still hold a version line.
        spent = min(len(data), self._spent)
        self._spent -= spent
        if not self.budget.spend(len(data) - spent):
            self.abort()

    def _has_version(self, peer: _Peer) -> bool:
        # A connection passes unknown names on to its transport, and a channel to the bastion's
        # connection: only a value that is not the transport's comes from this server. A connection
        # that has failed has no transport any more.
        version = peer.get_extra_info("server_version")
        return version is not None and version is not self.get_extra_info("server_version")

    def eof_received(self) -> None:
        """The far side sends no more."""
        self._end(lambda peer: peer.eof_received())

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is closed."""
        if not self._lost.done():
            self._lost.set_result(None)
        self._end(lambda peer: peer.connection_lost(exc))

    def _end(self, end: Callable[[_Peer], None]) -> None:
        self._ends.append(end)
        if self._peer is not None and self._next_turn is None:
            self._take_turn()

    # Called by asyncssh.

    def write(self, data: bytes) -> None:
        """Send ``data`` together with what is written in this iteration of the loop and the next.

        The next: a task in which asyncssh answers has begun by then.
        """
        if not self._outgoing:
            self._loop.call_soon(self._loop.call_soon, self._flush)
        self._outgoing.append(data)

    def write_alone(self, data: bytes) -> None:
        """Send ``data``, to which asyncssh adds nothing in this iteration of the loop or the next.

        The loop joins what is written in one iteration by itself.
        """
        transport = self._transport
        if self._outgoing or self._is_answered_in_parts or transport is None:
            self.write(data)
        elif not transport.is_closing():
            transport.write(data)

    def expect_parts(self, *, always: bool = False) -> None:
        """Expect several small packets as the answer to what is written in this iteration, or to
        everything (``always``).

        The server sends the second once the first is acknowledged (Nagle's algorithm, RFC 896),
        which Linux delays by up to 40 ms unless TCP_QUICKACK is set.
        """
        self._is_answered_in_parts = self._over_socket
        self._is_always_in_parts = always

    def _flush(self) -> None:
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
            if self._is_answered_in_parts and _QUICKACK is not None:
                self._is_answered_in_parts = self._is_always_in_parts
                # Holds until the next write, after which the kernel delays again.
                sock: socket.socket = self._transport.get_extra_info("socket")
                with contextlib.suppress(OSError):  # the write may have found the connection dead
                    sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def abort(self) -> None:
        """Close the stream at once; unsent and unread data is dropped."""
        self._unread.clear()
        if self._carrier is not None:
            if not self._lost.done():
                self._carrier.expect_in_flight(self._carried, logged_in=self.budget.is_logged_in)
            self._carrier = None
        if self._transport is not None:
            self._transport.abort()

    def get_extra_info(self, name: str, default: object = None) -> object:
        """As the transport below, without what costs system calls and is not used."""
        if name in _HIDDEN:
            return default
        return default if self._transport is None else self._transport.get_extra_info(name, default)

    # Called by the owner.

    def give_back_to(self, carrier: ByteBudget) -> None:
        """Give the data of this stream, a channel, back to the budget of the bastion's connection.

        Also what is in flight when the stream is aborted, which no callback sees.
        """
        self._carrier = carrier

    @property
    def up(self) -> bool:
        """Whether the stream is open and not closing."""
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and not self._lost.done()
        )

    async def close(self) -> None:
        """Drop the stream at once, and wait until its descriptor is closed; may be called twice."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        if self._transport is None:
            return
        self.abort()
        if self._over_socket:
            await asyncio.shield(self._lost)
