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
* What OpenSSH answers to a login and to a new session comes in several small packets; without
  `Stream.expect_parts` the second of them is 40 ms late.
* A connection that is done with takes and sends nothing more: that its last session is closed,
  neither.
* No empty message goes before each encrypted packet. They were for CBC ciphers, which are not
  offered (`algorithms.CIPHERS`), and doubled the packets.
* The host's key algorithms, and the keys revoked for it, come ready: asyncssh looks them up in
  known_hosts and in its own lists for each connection.
* What is offered for the key exchange is put together once for all hosts with the same algorithms.
* The server's offer for the key exchange is answered as it arrives, not in a task of its own.
* Its objects are let go of with the connection, not by the next look for garbage.
* Log lines that nobody reads are not put together (`asyncssh_log`).

asyncssh keeps some of what is overridden here to itself (names with an underscore):
tests/collector/asyncssh/test_fast_connection.py fails where it goes another way.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol, cast

from ...core.record import record
from .library import asyncssh
from .log import SILENT, QuietLog, log_is_enabled

if TYPE_CHECKING:
    from asyncssh.packet import SSHPacket, SSHPacketLogger
    from asyncssh.public_key import SigningKey

__all__ = ["ClientConnection", "LoginPlan", "Stream", "log_in"]

_MSG_IGNORE, _MSG_KEXINIT = 2, 20  # RFC 4253 section 12
_COOKIE_BYTES = 16  # RFC 4253 section 7.1
_MSG_CHANNEL_OPEN, _MSG_CHANNEL_CLOSE = 90, 97  # RFC 4254 section 9
_MSG_USERAUTH_REQUEST = 50  # RFC 4252 section 6
_SAY_NOTHING = frozenset({_MSG_IGNORE})
_SAY_NOTHING_IN_THE_END = _SAY_NOTHING | {_MSG_CHANNEL_CLOSE}
_ANSWERED_IN_PARTS = frozenset({_MSG_USERAUTH_REQUEST, _MSG_CHANNEL_OPEN})
_EXTENSIONS = b"ext-info-c"  # RFC 8308 section 2.1
_NONE, _PUBLIC_KEY = b"none", b"publickey"
_QUERY, _SIGNED = b"\x00", b"\x01"  # RFC 4252 section 7: the boolean after the method


class Stream(Protocol):
    """What carries the connection."""

    async def join(self, connection: ClientConnection) -> None:
        """Feed the connection, from its `connection_made` on."""
        ...

    def expect_parts(self) -> None:
        """What is sent now will be answered by several small packets, one by one."""
        ...


@record
class LoginPlan:
    """What many connections have in common."""

    options: asyncssh.SSHClientConnectionOptions
    key_at_once: bool
    """The first key to be offered needs nothing that the server says before."""
    signed_at_once: bool
    """It is the only one, and may be used without a question."""
    offers: dict[tuple[bytes, ...], bytes] = field(default_factory=dict)
    """What has been offered for the key exchange, behind the cookie (RFC 4253 section 7.1), by the
    algorithms of the host's key."""


async def log_in(
    stream: Stream,
    plan: LoginPlan,
    *,
    host_key_algorithms: tuple[bytes, ...],
    revoked_keys: Collection[asyncssh.SSHKey],
    **own: object,
) -> ClientConnection:
    """A connection over ``stream`` that is logged in.

    Of what the server may show, ``revoked_keys`` are refused, also within a certificate; all else
    is asked of the owner. ``own`` are the attributes of the options that are this connection's own.
    Raises what `asyncssh.connect` raises; the connection is closed then.
    """
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()
    connection = ClientConnection(
        loop,
        _with(plan.options, waiter=waiter, **own),
        stream,
        plan,
        host_key_algorithms=host_key_algorithms,
        revoked_keys=revoked_keys,
    )
    try:
        await stream.join(connection)
    except BaseException:
        waiter.cancel()
        raise
    try:
        await waiter
    except BaseException:
        connection.abort()
        await connection.wait_closed()
        raise
    return connection


def _with(
    options: asyncssh.SSHClientConnectionOptions, **own: object
) -> asyncssh.SSHClientConnectionOptions:
    copied = object.__new__(type(options))
    vars(copied).update(vars(options), **own)  # a third of what copy.copy takes
    return copied


def _take_nothing() -> bool:
    return False


class _Channel(QuietLog, asyncssh.SSHClientChannel[bytes]):
    """A channel of such a connection."""


def _done_at_once(handler: Coroutine[Any, None, None]) -> bool:
    """What waits for nothing, in this turn of the loop: a task of its own would take the next."""
    try:
        handler.send(None)
    except StopIteration:
        return True
    handler.close()
    raise RuntimeError("asyncssh waits for something in the key exchange")


class ClientConnection(QuietLog, asyncssh.SSHClientConnection):
    """A connection as `log_in` makes it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHClientConnectionOptions,
        stream: Stream,
        plan: LoginPlan,
        *,
        host_key_algorithms: tuple[bytes, ...],
        revoked_keys: Collection[asyncssh.SSHKey],
    ) -> None:
        super().__init__(loop, options, wait="auth")
        self._is_logged = log_is_enabled()
        if not self._is_logged:
            self._logger = SILENT
        self._stream: Stream | None = stream
        self._host_key_algorithms = self._server_host_key_algs = host_key_algorithms
        self._revoked_host_keys = set(revoked_keys)
        self._offers = plan.offers
        self._key_at_once = plan.key_at_once
        self._signed_at_once = plan.signed_at_once
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
            if pkttype in _ANSWERED_IN_PARTS and self._stream is not None:
                self._stream.expect_parts()
            super().send_packet(pkttype, *args, handler=handler if self._is_logged else None)

    def expect_last_session(self) -> None:
        """The session that is opened next is the last: the connection ends with it."""
        self._unsaid = _SAY_NOTHING_IN_THE_END

    async def begin_session(
        self,
        session_factory: Callable[[], asyncssh.SSHClientSession[bytes]],
        command: str | None = None,
        subsystem: str | None = None,
    ) -> asyncssh.SSHClientChannel[bytes]:
        """A session that runs a command or a subsystem; nothing else is asked for.

        Raises what `create_session` of asyncssh raises, which fills in 15 settings first.
        """
        options = self._options
        channel = _Channel(
            self,
            self._loop,
            options.utf8_decode_errors,
            None,
            options.errors,
            options.window,
            options.max_pktsize,
        )
        await channel.create(
            session_factory,
            command,
            subsystem,
            env={},
            request_pty=False,
            term_type=None,
            term_size=None,
            term_modes={},
            x11_forwarding=False,
            x11_display=None,
            x11_auth_path=None,
            x11_single_connection=False,
            agent_forwarding=False,
        )
        return channel

    def drop(self) -> None:
        """End the connection, also in the middle of what has arrived: nothing of it is wanted."""
        self._inpbuf = b""
        self.abort()

    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> bool | Awaitable[None]:
        """Process a packet; a key exchange that is asked for waits for nothing."""
        result = super().process_packet(pkttype, pktid, packet)
        if pkttype != _MSG_KEXINIT or isinstance(result, bool):
            return result
        return _done_at_once(cast("Coroutine[Any, None, None]", result))

    def _connection_made(self) -> None:
        """Nothing: what asyncssh looks up here is known."""

    def _cleanup(self, exc: Exception | None) -> None:
        super()._cleanup(exc)
        # Either would keep the connection until the garbage collector comes.
        self._recv_handler = _take_nothing  # a method of its own
        self._stream = None

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
        if self._kexinit_sent:  # asyncssh means to send it when the server's version comes
            return
        offer = self._offers.get(self._host_key_algorithms)
        if offer is None:
            super()._send_kexinit()
            self._offers[self._host_key_algorithms] = self._client_kexinit[1 + _COOKIE_BYTES :]
            return
        self._kex_complete = False
        self._rekey_bytes_sent = 0
        self._client_kexinit = b"%c%b%b" % (_MSG_KEXINIT, os.urandom(_COOKIE_BYTES), offer)
        self.send_packet(_MSG_KEXINIT, self._client_kexinit[1:])

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
