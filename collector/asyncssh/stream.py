"""The byte stream below an SSH connection: a socket or a channel through a bastion.

asyncssh's exceptions do not tell an SSH server that hung up from something that is no SSH server
at all; what came before the version line does. So the stream passes through a `ByteStream`, which
asyncssh takes for the transport below its connection.

The link also gathers what one arrival leads to: asyncssh writes each packet by itself, 18 system
calls for one command where 5 do.
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
# asyncssh sets options of the socket, of which `dial` has set the one that counts, and keeps both
# addresses for looking up the host's key, which goes by an alias (`HostKeyCheck.identity`).
_NOT_USED = ("socket", "sockname", "peername")
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux alone has it


class _Peer(Protocol):
    """What of SSHClientConnection the link feeds."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...

    def connection_lost(self, exc: Exception | None = None) -> None: ...

    def data_received(self, data: bytes, datatype: int | None = None) -> None: ...

    def eof_received(self) -> None: ...

    def get_extra_info(self, name: str) -> object: ...


class ByteStream(asyncio.Protocol):
    """One byte stream, watched: ``head`` holds what came before the SSH version was understood."""

    def __init__(self, attempt: Attempt, sock: socket.socket | None = None) -> None:
        self.head = b""
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

    async def reach(self, address: str, port: int) -> None:
        """Open the stream by TCP to an IP address. Raises OSError; leaves nothing then."""
        self._over_socket = True
        try:
            await self._loop.create_connection(lambda: self, address, port)
        except BaseException:
            if self._transport is not None:  # the loop closes what it made, and may not tell
                self._transport.abort()
                self.connection_lost(None)
            raise

    async def join(self, peer: _Peer) -> None:
        """Join the stream, which is already open, to a new SSH connection."""
        self._peer = peer
        if self._sock is not None:
            sock, self._sock = self._sock, None
            await self._join(sock)
        elif self._transport is not None:
            self._present(peer)
            early, self._early = self._early, []
            for data in early:
                self._pass_on(data, None)
            if self._lost.done():
                peer.connection_lost(None)

    async def _join(self, sock: socket.socket) -> None:
        """Hand the socket to the loop, which owns it from here on."""
        # Shielded: cut off inside, asyncio closes the socket a little later and uvloop at once,
        # and nobody outside can tell which.
        joining = asyncio.ensure_future(self._loop.create_connection(lambda: self, sock=sock))
        try:
            await asyncio.shield(joining)
        except asyncio.CancelledError:
            await joining
            raise
        finally:
            # uvloop closes the descriptor below the socket object, and does not tell the object
            # when that happens this early; it would close somebody else's descriptor in its turn.
            if self._lost.done():
                sock.detach()

    # What the stream tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The stream is open."""
        self._transport = cast("asyncio.Transport", transport)  # a channel serves as one
        if self._peer is not None:
            self._present(self._peer)

    def _present(self, peer: _Peer) -> None:
        peer.connection_made(cast("asyncio.BaseTransport", self))  # it has all that is asked of one

    def session_started(self) -> None:
        """A channel's own event; its data follows."""

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """Bytes from the far side."""
        if self.budget.exceeded:
            return
        self._pass_on(data, datatype)
        # After it was looked at: a flood's first read is past every bound, version line and all.
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
        # What the connection does not know itself it asks its transport, and a channel asks its
        # bastion's connection: only a value that is not the transport's is this server's.
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

    # What asyncssh asks of its transport.

    def write(self, data: bytes) -> None:
        """Send ``data`` with what else is written in this turn of the loop and the next.

        The next: where asyncssh answers with a task, it has begun by then.
        """
        if not self._outgoing:
            self._loop.call_soon(self._loop.call_soon, self._flush)
        self._outgoing.append(data)

    def expect_parts(self, *, always: bool = False) -> None:
        """What is written in this turn, or ``always``, is answered by several small packets.

        The second of them waits for the acknowledgement of the first (Nagle's algorithm, RFC 896),
        which Linux holds back for up to 40 ms: it is asked to acknowledge at once.
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
                # Until the next write, which the kernel takes for a dialogue's: it delays again.
                sock: socket.socket = self._transport.get_extra_info("socket")
                with contextlib.suppress(OSError):  # the write may have found the connection dead
                    sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def abort(self) -> None:
        """Close without another word."""
        if self._transport is not None:
            self._transport.abort()

    def get_extra_info(self, name: str, default: object = None) -> object:
        """As the transport below, but for what costs system calls and is then not used."""
        if name in _NOT_USED:
            return default
        return default if self._transport is None else self._transport.get_extra_info(name, default)

    # What its owner does.

    @property
    def up(self) -> bool:
        """Whether the stream is open and nobody is closing it."""
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
