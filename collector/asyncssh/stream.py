"""The byte stream below an SSH connection: a socket or a channel through a bastion.

asyncssh's exceptions do not distinguish an SSH server that hung up from something that is no SSH
server at all; the bytes before the version line do. So all bytes pass through a `ByteStream`, which
asyncssh uses as the transport below its connection.

The stream also joins the packets that answer one arrival: asyncssh writes each by itself, 18 system
calls for one command instead of 5.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Protocol, cast

from ..errors import Phase
from ..ssh.byte_budget import ByteBudget
from ..transport import Attempt

__all__ = ["ByteStream"]

_HEAD_BYTES = 512
# asyncssh would set options of the socket, of which TCP_NODELAY is set already, and look up the
# host's key by the addresses, which `HostKeyCheck` does.
_HIDDEN = ("socket", "sockname", "peername")
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux alone has it


class _Peer(Protocol):
    """The methods of SSHClientConnection that the stream calls."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...

    def connection_lost(self, exc: Exception | None = None) -> None: ...

    def data_received(self, data: bytes, datatype: int | None = None) -> None: ...

    def eof_received(self) -> None: ...

    def get_extra_info(self, name: str) -> object: ...


class ByteStream(asyncio.Protocol):
    """One byte stream, bounded by ``budget``."""

    def __init__(self, attempt: Attempt, sock: socket.socket | None = None) -> None:
        self.head = b""
        """What came up to the SSH version line."""
        self.version_seen = False
        self.budget = ByteBudget()
        self._attempt = attempt
        self._sock = sock
        self._over_socket = sock is not None
        self._transport: asyncio.Transport | None = None
        self._peer: _Peer | None = None
        self._early: list[bytes] = []
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
            early, self._early = self._early, []
            for data in early:
                self._pass_on(data, None)
            if self._lost.done():
                peer.connection_lost(None)

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
        if self.budget.exceeded:
            return
        self._pass_on(data, datatype)
        # Only now: the first read of a flood may exceed every bound and still hold a version line.
        if not self.budget.spend(len(data)):
            self.abort()

    def _pass_on(self, data: bytes, datatype: int | None) -> None:
        peer = self._peer
        if peer is None:
            self._early.append(data)
        elif self.version_seen:
            peer.data_received(data, datatype)
        else:
            self.head = (self.head + data)[:_HEAD_BYTES]
            peer.data_received(data, datatype)
            if self._has_version(peer):
                self.version_seen = True
                self.budget.expect_login()
                self._attempt.phase = Phase.KEX

    def _has_version(self, peer: _Peer) -> bool:
        # A connection passes unknown names on to its transport, and a channel to the bastion's
        # connection: only a value that is not the transport's comes from this server.
        return peer.get_extra_info("server_version") is not self.get_extra_info("server_version")

    def eof_received(self) -> None:
        """The far side sends no more."""
        if self._peer is not None:
            self._peer.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is closed."""
        if not self._lost.done():
            self._lost.set_result(None)
        if self._peer is not None:
            self._peer.connection_lost(exc)

    # Called by asyncssh.

    def write(self, data: bytes) -> None:
        """Send ``data`` together with what is written in this iteration of the loop and the next.

        The next: a task in which asyncssh answers has begun by then.
        """
        if not self._outgoing:
            self._loop.call_soon(self._loop.call_soon, self._flush)
        self._outgoing.append(data)

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
        """Close the stream at once; unsent data is dropped."""
        if self._transport is not None:
            self._transport.abort()

    def get_extra_info(self, name: str, default: object = None) -> object:
        """As the transport below, without what costs system calls and is not used."""
        if name in _HIDDEN:
            return default
        return default if self._transport is None else self._transport.get_extra_info(name, default)

    # Called by the owner.

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
        self._transport.abort()
        if self._over_socket:
            await asyncio.shield(self._lost)
