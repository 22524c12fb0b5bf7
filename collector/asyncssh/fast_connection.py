"""asyncssh's client connection without what a single command on a host has no use for.

It costs half of what asyncssh costs where the server is the lean simulator (bench/compare.py), and
7 to 21 % less where it is a real OpenSSH. Each saving is one override:

* The options are made once and copied; `asyncssh.connect` makes them anew, 0.15 ms a host.
* The key exchange begins with our version, as RFC 4253 section 7.1 says ("immediately after
  sending this identifier"; Dropbear's client does so too): one round trip less.
* A login by key does not wait for the answer to the request without one (RFC 4252 section 5.2,
  "none"): one more. That request is still sent, to refuse a server that lets everybody in.
* A key with one signature algorithm goes out with the request for the service: one more. By then
  the server's host key is verified.
* A single key signs at once, as RFC 4252 section 7 allows; asyncssh first asks whether the server
  would accept it: one more.
* The extensions of RFC 8308 are not requested where none of them is used.
* OpenSSH answers a login and a new session in several small packets; without
  `ByteStream.expect_parts` the second of them arrives 40 ms late.
* A connection whose last session has ended neither sends nor reads anything more, not even the
  close of that session.
* No empty message precedes each encrypted packet. They protect CBC ciphers, which are not offered
  (`ssh.algorithms.CIPHERS`), and double the packets.
* The host key algorithms and the revoked keys are handed in; asyncssh looks them up in known_hosts
  and in its own lists for each connection.
* The offer for the key exchange is built once for all hosts with the same algorithms.
* The server's offer is answered as it arrives, not in a task of its own.
* Connections are freed by reference counting; asyncssh's wait for the garbage collector.
* The data of a session that fits in one packet takes a short way (`session_packets`): a fifth of
  the time of a repeated sample.
* Log records that no handler will emit are not formatted. asyncssh describes each packet, and each
  step, before it looks at the level.

This module, `fast_channels` and `session_packets` alone use asyncssh's private names, and
`client_by_version` imports them only with the versions that were tried;
tests/collector/asyncssh/test_fast_connection.py fails with one that works differently.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import TYPE_CHECKING, Any, cast

from ..ssh.negotiation import SupportedAlgorithms
from ..transport import OUTPUT_LIMIT
from .client import ConnectionOptions, LoginOwner, LoginPlan
from .fast_channels import (
    SILENT,
    ForwardedStream,
    QuietPackets,
    is_log_enabled,
)
from .group_exchange import GROUP_EXCHANGES, bound_group_exchange
from .session_packets import SessionChannel, SessionPackets, receive_nothing
from .slim_import import asyncssh
from .stream import ByteStream

if TYPE_CHECKING:
    from asyncssh.packet import SSHPacket, SSHPacketLogger
    from asyncssh.public_key import SigningKey


__all__ = ["FastConnection", "log_in", "supported_algorithms"]

_MSG_IGNORE, _MSG_KEXINIT = 2, 20  # RFC 4253 section 12
_COOKIE_BYTES = 16  # RFC 4253 section 7.1
_MSG_CHANNEL_OPEN, _MSG_CHANNEL_CLOSE = 90, 97  # RFC 4254 section 9
_MAX_PACKET_BYTES = 32768  # as asyncssh's
_MSG_USERAUTH_REQUEST, _MSG_USERAUTH_FAILURE = 50, 51  # RFC 4252 section 6
_SKIPPED = frozenset({_MSG_IGNORE})
_SKIPPED_AT_THE_END = _SKIPPED | {_MSG_CHANNEL_CLOSE}
_ANSWERED_IN_PARTS = frozenset({_MSG_USERAUTH_REQUEST, _MSG_CHANNEL_OPEN})
_EXTENSIONS = b"ext-info-c"  # RFC 8308 section 2.1
_NONE, _PUBLIC_KEY = b"none", b"publickey"
_QUERY, _SIGNED = b"\x00", b"\x01"  # RFC 4252 section 7: the boolean after the method


async def log_in(stream: ByteStream, plan: LoginPlan, own: ConnectionOptions) -> FastConnection:
    """As `Client.log_in`."""
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()
    options = _copy_options(
        plan.options,
        waiter=waiter,
        host=own.host,
        port=own.port,
        host_key_alias=own.host_key_alias,
        protocol_factory=lambda: own.owner,
        keepalive_interval=own.keepalive_s,
    )
    connection = FastConnection(
        loop,
        options,
        stream,
        plan,
        host_key_algorithms=own.host_key_algorithms,
        revoked_keys=own.revoked_keys,
        owner=own.owner,
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


def _copy_options(
    options: asyncssh.SSHClientConnectionOptions, **own: object
) -> asyncssh.SSHClientConnectionOptions:
    copied = object.__new__(type(options))
    vars(copied).update(vars(options), **own)  # takes a third of the time of copy.copy
    return copied


def _names(*kinds: list[bytes]) -> frozenset[str]:
    return frozenset(name.decode("ascii") for kind in kinds for name in kind)


def _is_bounded(kex: str) -> bool:
    return not kex.startswith(GROUP_EXCHANGES) or bound_group_exchange()


@functools.cache
def supported_algorithms() -> SupportedAlgorithms:
    """As `Client.supported_algorithms`."""
    signatures = _names(asyncssh.public_key.get_public_key_algs())
    return SupportedAlgorithms(
        library="asyncssh",
        kex=frozenset(filter(_is_bounded, _names(asyncssh.kex.get_kex_algs()))),
        ciphers=_names(asyncssh.encryption.get_encryption_algs()),
        macs=_names(asyncssh.mac.get_mac_algs()),
        signatures=signatures,
        host_keys=signatures | _names(asyncssh.public_key.get_certificate_algs()),
    )


@functools.lru_cache(maxsize=1024)
def _encode(algorithms: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(name.encode("ascii") for name in algorithms)


def _run_without_suspending(handler: Coroutine[Any, None, None]) -> bool:
    """Run a coroutine that never suspends; a task would cost one iteration of the loop."""
    try:
        handler.send(None)
    except StopIteration:
        return True
    handler.close()
    raise RuntimeError("asyncssh waits for something in the key exchange")


def _read_partial_success(refusal: bytes) -> tuple[str, ...] | None:
    """Read the methods that are still wanted; None where nothing was accepted."""
    if refusal[-1:] in (b"", b"\x00"):
        return None
    return tuple(refusal[4:-1].decode("ascii", "replace").split(","))


class FastConnection(QuietPackets, SessionPackets):
    """A connection as `log_in` makes it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHClientConnectionOptions,
        stream: ByteStream,
        plan: LoginPlan,
        *,
        host_key_algorithms: tuple[str, ...],
        revoked_keys: Collection[asyncssh.SSHKey],
        owner: LoginOwner,
    ) -> None:
        self._cipher_to_send = self._cipher_to_receive = None
        super().__init__(loop, options, wait="auth")
        self._is_logged = is_log_enabled()
        if not self._is_logged:
            self._logger = SILENT
        self._stream: ByteStream | None = stream
        self._host_key_algorithms = host_key_algorithms
        self._server_host_key_algs = _encode(host_key_algorithms)
        self._revoked_host_keys = set(revoked_keys)
        self._login_owner = owner
        self._offers = plan.offers
        self._key_at_once = plan.key_at_once
        self._signed_at_once = plan.signed_at_once
        self._offered: asyncssh.SSHKeyPair | None = None
        self._has_signed = False
        self._has_begun = True
        self._answers_ahead = 0
        self._skipped = _SKIPPED
        if self._preferred_auth and self._preferred_auth[0] == _PUBLIC_KEY:
            self._has_begun = False
            # asyncssh goes on to the next method where there is no key, and uses the server's list
            # as soon as there is one.
            self._auth_methods = [_PUBLIC_KEY, _NONE]

    def send_packet(
        self, pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None
    ) -> None:
        """Send a packet, unless it has no effect."""
        if pkttype not in self._skipped:
            if pkttype in _ANSWERED_IN_PARTS and self._stream is not None:
                self._stream.expect_parts()
            super().send_packet(pkttype, *args, handler=handler if self._is_logged else None)

    def expect_last_session(self) -> None:
        """As `ClientConnection.expect_last_session`."""
        self._skipped = _SKIPPED_AT_THE_END

    async def begin_session(
        self,
        session_factory: Callable[[], asyncssh.SSHClientSession[bytes]],
        command: str | None = None,
        subsystem: str | None = None,
    ) -> asyncssh.SSHClientChannel[bytes]:
        """As `ClientConnection.begin_session`; `create_session` fills in 15 settings first."""
        self.expect_session_data()
        options = self._options
        channel = SessionChannel(
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

    async def open_stream(self, stream: ByteStream, host: str, port: int) -> None:
        """As `ClientConnection.open_stream`."""
        await self.create_connection(
            lambda: cast("asyncssh.SSHTCPSession[str]", stream), host, port
        )

    def create_tcp_channel(
        self,
        encoding: str | None = None,
        errors: str = "strict",
        window: int = OUTPUT_LIMIT,
        max_pktsize: int = _MAX_PACKET_BYTES,
    ) -> asyncssh.SSHTCPChannel[Any]:
        """As asyncssh's; with a window of our own, as data in flight cannot be cut off."""
        if self._stream is None:
            return super().create_tcp_channel(encoding, errors, window, max_pktsize)
        return ForwardedStream(self, self._stream.budget, errors, max_pktsize)

    def drop(self) -> None:
        """As `ClientConnection.drop`."""
        self._inpbuf = b""
        self.abort()

    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> bool | Awaitable[None]:
        """Process a packet; answer the server's offer for the key exchange at once."""
        if pkttype == _MSG_USERAUTH_FAILURE:
            self._login_owner.note_refusal(_read_partial_success(packet.get_remaining_payload()))
        result = super().process_packet(pkttype, pktid, packet)
        if pkttype != _MSG_KEXINIT or isinstance(result, bool):
            return result
        return _run_without_suspending(cast("Coroutine[Any, None, None]", result))

    def _connection_made(self) -> None:
        """Skip asyncssh's look-up of host keys, which are handed in."""

    def _cleanup(self, exc: Exception | None) -> None:
        super()._cleanup(exc)
        # Both refer back to the connection: it would wait for the garbage collector.
        self._recv_handler = receive_nothing
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
        if self._kexinit_sent:  # asyncssh sends it when the server's version comes
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

    def send_newkeys(self, k: bytes, h: bytes) -> None:
        """Finish a key exchange; free both offers, as the next exchange has its own."""
        super().send_newkeys(k, h)
        self._client_kexinit = self._server_kexinit = b""

    def send_service_request(self, service: bytes) -> None:
        """Request the user authentication service, and begin to log in."""
        super().send_service_request(service)
        if self._key_at_once and not self._has_begun:
            self._begin_auth()
            self._answers_ahead += 1  # to the request for the service

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
        """Request a login without a key, and continue before the answer comes."""
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
        self._login_owner.note_key(is_sent=self._offered is not None)
        return self._offered

    async def send_userauth_request(
        self, method: bytes, *args: bytes, key: SigningKey | None = None, trivial: bool = True
    ) -> None:
        """Send a request to log in; sign at once where asyncssh would first ask about the key."""
        if self._signed_at_once and method == _PUBLIC_KEY and args[0] == _QUERY:
            self._signed_at_once = False
            self._has_signed = True
            # While the request without a key is unanswered, a success may be the answer to it.
            trivial = self._answers_ahead > 0
            args, key = (_SIGNED, *args[1:]), self._offered
        await super().send_userauth_request(method, *args, key=key, trivial=trivial)
