"""asyncssh's client connection, for one command on a host that is asked once.

A fleet pays for each host what asyncssh does for each connection; what a single command has no use
for is left out here. Each saving is one override, and bench/compare.py shows their sum:

* The options are made once and copied; `asyncssh.connect` makes them anew, 0.15 ms a host.
* The key exchange begins with our version, as RFC 4253 section 7.1 says ("immediately after
  sending this identifier"; Dropbear's client does so too): one round trip less.
* A login by key does not wait for the answer to the question without one (RFC 4252 section 5.2,
  "none"): one more. The question is put, because a server that lets everybody in is refused.
* A key that signs in one way only goes out with the request for the service: one more. By then the
  server's host key is verified.
* A single key signs at once, as RFC 4252 section 7 allows, where asyncssh asks first whether the
  key would be accepted: one more.
* What the server can say beside the login (RFC 8308) is not asked for where none of it is used.
* A connection that is done with takes and sends nothing more: that its last session is closed,
  neither.
* No empty message goes before each encrypted packet. They were for CBC ciphers, which are not
  offered (`algorithms.CIPHERS`), and doubled the packets.
* Its objects are let go of with the connection, not by the next look for garbage.
* Log lines that nobody reads are not put together.

asyncssh keeps some of what is overridden here to itself (names with an underscore):
tests/collector/test_asyncssh_client.py fails where it goes another way.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from typing import TYPE_CHECKING, Protocol

from .asyncssh_alone import asyncssh

if TYPE_CHECKING:
    from asyncssh.logging import SSHLogger
    from asyncssh.packet import SSHPacket, SSHPacketLogger
    from asyncssh.public_key import SigningKey

__all__ = ["ClientConnection", "Stream", "log_in"]

_MSG_IGNORE = 2  # RFC 4253 section 12
_MSG_CHANNEL_CLOSE = 97  # RFC 4254 section 9
_MSG_USERAUTH_REQUEST = 50  # RFC 4252 section 6
_SAY_NOTHING = frozenset({_MSG_IGNORE})
_SAY_NOTHING_IN_THE_END = _SAY_NOTHING | {_MSG_CHANNEL_CLOSE}
_EXTENSIONS = b"ext-info-c"  # RFC 8308 section 2.1
_NONE, _PUBLIC_KEY = b"none", b"publickey"
_QUERY, _SIGNED = b"\x00", b"\x01"  # RFC 4252 section 7: the boolean after the method


class Stream(Protocol):
    """What carries the connection."""

    async def join(self, connection: ClientConnection) -> None:
        """Feed the connection, from its `connection_made` on."""
        ...


async def log_in(
    stream: Stream,
    options: asyncssh.SSHClientConnectionOptions,
    *,
    key_at_once: bool,
    signed_at_once: bool,
    **own: object,
) -> ClientConnection:
    """A connection over ``stream`` that is logged in.

    ``key_at_once``: the first key to be offered needs nothing that the server says before.
    ``signed_at_once``: it is the only one, and may be used without a question. ``own`` are the
    attributes of ``options`` that are this connection's own. Raises what `asyncssh.connect` raises;
    the connection is closed then.
    """
    loop = asyncio.get_running_loop()
    options = copy.copy(options)
    for name, value in own.items():
        setattr(options, name, value)
    options.waiter = loop.create_future()
    connection = ClientConnection(
        loop, options, key_at_once=key_at_once, signed_at_once=signed_at_once
    )
    try:
        await stream.join(connection)
    except BaseException:
        options.waiter.cancel()
        raise
    try:
        await options.waiter
    except BaseException:
        connection.abort()
        await connection.wait_closed()
        raise
    return connection


class _Silent(asyncssh.logging.SSHLogger):
    """A log that is off: asyncssh makes its lines ready before it looks whether that is so."""

    def get_child(self, child: str = "", context: str = "") -> SSHLogger:
        del child, context
        return self

    def log(self, level: int, msg: object, *args: object, **kwargs: object) -> None:
        del level, msg, args, kwargs

    def info(self, msg: object, *args: object, **kwargs: object) -> None:
        del msg, args, kwargs

    def debug1(self, msg: str, *args: object, **kwargs: object) -> None:
        del msg, args, kwargs


_SILENT = _Silent()


def _take_nothing() -> bool:
    return False


class ClientConnection(asyncssh.SSHClientConnection):
    """A connection as `log_in` makes it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHClientConnectionOptions,
        *,
        key_at_once: bool,
        signed_at_once: bool,
    ) -> None:
        super().__init__(loop, options, wait="auth")
        self._is_logged = asyncssh.logging.logger.isEnabledFor(logging.INFO)
        if not self._is_logged:
            self._logger = _SILENT
        self._key_at_once = key_at_once
        self._signed_at_once = signed_at_once
        self._offered: asyncssh.SSHKeyPair | None = None
        self._has_signed = False
        self._has_begun = True
        self._answers_ahead = 0
        self._unsaid = _SAY_NOTHING
        if self._preferred_auth and self._preferred_auth[0] == _PUBLIC_KEY:
            self._has_begun = False
            # asyncssh goes on to the next one where there is no key, and takes the server's list
            # as soon as there is one.
            self._auth_methods = [_PUBLIC_KEY, _NONE]

    def send_packet(
        self, pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None
    ) -> None:
        """Send a packet, unless it is one that says nothing."""
        if pkttype not in self._unsaid:
            super().send_packet(pkttype, *args, handler=handler if self._is_logged else None)

    def log_sent_packet(
        self, pkttype: int, pktid: int | None, packet: bytes | SSHPacket, note: str = ""
    ) -> None:
        """Log a packet where somebody reads it."""
        if self._is_logged:
            super().log_sent_packet(pkttype, pktid, packet, note)

    def log_received_packet(
        self, pkttype: int, pktid: int | None, packet: bytes | SSHPacket, note: str = ""
    ) -> None:
        """Log a packet where somebody reads it."""
        if self._is_logged:
            super().log_received_packet(pkttype, pktid, packet, note)

    def expect_last_session(self) -> None:
        """The session that is opened next is the last: the connection ends with it."""
        self._unsaid = _SAY_NOTHING_IN_THE_END

    def drop(self) -> None:
        """End the connection, also in the middle of what has arrived: nothing of it is wanted."""
        self._inpbuf = b""
        self.abort()

    def _cleanup(self, exc: Exception | None) -> None:
        super()._cleanup(exc)
        # A method of its own, it would keep the connection until the garbage collector comes.
        self._recv_handler = _take_nothing

    def _get_extra_kex_algs(self) -> list[bytes]:
        extra = super()._get_extra_kex_algs()
        if self._key_at_once and self._signed_at_once:
            extra.remove(_EXTENSIONS)  # the signature algorithms of other keys
        return extra

    def _send_version(self) -> None:
        super()._send_version()
        self._send_kexinit()
        self._kexinit_sent = True

    def _send_kexinit(self) -> None:
        if not self._kexinit_sent:  # asyncssh means to send it when the server's version comes
            super()._send_kexinit()

    def send_service_request(self, service: bytes) -> None:
        """Ask for the service, which is user authentication, and begin it."""
        super().send_service_request(service)
        if self._key_at_once and not self._has_begun:
            self._begin_auth()
            self._answers_ahead += 1  # that the service is there

    def try_next_auth(self, *, next_method: bool = False) -> None:
        """Go on with the login; asyncssh calls this at each answer that does not end it."""
        if not self._has_begun:
            self._begin_auth()
        elif next_method or not self._answers_ahead:
            super().try_next_auth(next_method=next_method)
        else:
            self._answers_ahead -= 1
            if not self._answers_ahead and self._has_signed:
                self._auth_was_trivial = False

    def _begin_auth(self) -> None:
        """Ask to be let in without a key, and do not wait for the answer."""
        self._has_begun = True
        self._answers_ahead += 1
        self.send_packet(
            _MSG_USERAUTH_REQUEST,
            asyncssh.packet.String(self._username),
            asyncssh.packet.String(b"ssh-connection"),
            asyncssh.packet.String(_NONE),
        )
        super().try_next_auth()

    async def public_key_auth_requested(self) -> asyncssh.SSHKeyPair | None:
        """The next key to offer."""
        self._offered = await super().public_key_auth_requested()
        return self._offered

    async def send_userauth_request(
        self, method: bytes, *args: bytes, key: SigningKey | None = None, trivial: bool = True
    ) -> None:
        """Send a request to log in; where it would ask for a key that may sign at once, signed."""
        if self._signed_at_once and method == _PUBLIC_KEY and args[0] == _QUERY:
            self._signed_at_once = False
            self._has_signed = True
            # Success would be the answer to the question without a key while that one is ahead.
            trivial = self._answers_ahead > 0
            args, key = (_SIGNED, *args[1:]), self._offered
        await super().send_userauth_request(method, *args, key=key, trivial=trivial)
