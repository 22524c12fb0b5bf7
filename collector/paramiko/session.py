"""One SSH connection with paramiko: its Transport, with our algorithms and the server's texts.

paramiko itself has timeouts of its own (one of them a thread that delays the exit), drops the
server's text on a disconnect, a refused channel and a signal, and confuses the answers to channels
that are opened at the same time.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from typing import Any, ClassVar

import paramiko
from paramiko.common import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_REQUEST,
)
from paramiko.kex_curve25519 import KexCurve25519
from paramiko.kex_gex import KexGexSHA256
from paramiko.packet import Packetizer

from ..ssh.algorithms import HOST_KEYS
from ..ssh.group_exchange import MOST_BITS, draw_exponent, find_fault
from ..ssh.negotiation import Offer, SupportedAlgorithms
from ..transport import OUTPUT_LIMIT
from .messages import ServerMessage, check_host_key, check_signature
from .stream import ByteStream

__all__ = ["SUPPORTED", "RefusedChannelError", "Session", "decode"]

_NUMBER_BYTES = 4
_STDERR = (1).to_bytes(_NUMBER_BYTES, "big")  # SSH_EXTENDED_DATA_STDERR of RFC 4254, 5.2
_JOIN_S = 1.0
_UNWANTED_S = 60.0
"""When a thread gives up a channel whose request was cancelled."""

# paramiko logs each failed connection as an error, with a traceback; the outcome has ours. A level
# that the caller has set before this import (-vvv) stays.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
if logging.getLogger("paramiko").level == logging.NOTSET:
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)


def _table(name: str) -> dict[Any, Any]:
    """A table of paramiko.Transport: no public interface lists its algorithms."""
    table: dict[Any, Any] = getattr(paramiko.Transport, name)
    return table


class _BoundedGroupExchange(KexGexSHA256):
    """With a short exponent, and groups of 4096 bits at most (`ssh.group_exchange`)."""

    max_bits = MOST_BITS

    def _generate_x(self) -> None:
        fault = find_fault(self.p or 0, self.g or 0)
        if fault is not None:
            raise paramiko.SSHException(fault)
        self.x = draw_exponent()


_KEX = {
    **_table("_kex_info"),
    "curve25519-sha256": KexCurve25519,  # paramiko has it by its older name only
    _BoundedGroupExchange.name: _BoundedGroupExchange,
}
_CHANNEL_HANDLERS = _table("_channel_handler_table")

SUPPORTED = SupportedAlgorithms(
    library="paramiko",
    kex=_KEX,
    ciphers=_table("_cipher_info"),
    macs=_table("_mac_info"),
    signatures=HOST_KEYS,  # an agent signs for the kinds that paramiko lacks
    host_keys=_table("_key_info"),
    needs_macs=True,
)
"""The algorithms of the installed paramiko."""


class RefusedChannelError(Exception):
    """The server refused to open a channel; the text is the server's, as it came."""


class _Packets(Packetizer):
    """Without timeouts: the login is bounded as a whole, from outside."""

    def read_message(self) -> tuple[int, paramiko.Message]:
        """The next message, guarded before anything parses it."""
        kind, message = super().read_message()
        guarded = ServerMessage(message.asbytes())
        guarded.seqno = message.seqno
        return kind, guarded

    def start_handshake(self, timeout: float) -> None:
        """paramiko starts a timer thread here that outlives a failed handshake."""

    def readline(self, timeout: float) -> str:
        """paramiko allows two seconds for each line after the first."""
        del timeout
        return super().readline(math.inf)


class Session(paramiko.Transport):
    """A connection over ``stream``, to be ended by `dispose`."""

    _kex_info: ClassVar = _KEX

    def __init__(self, stream: ByteStream, offer: Offer) -> None:
        self.stream = stream
        self.disconnect_message: str | None = None
        """The text of the server's DISCONNECT, as it came; None where it sent none."""
        self.banner = ""
        """What the server said during the login, as it came."""
        self.signals: dict[int, str] = {}
        """By channel: the signal that ended its command, as it came."""
        self.closed: set[int] = set()
        """Channels that the server closed; those of a lost connection are not among them."""
        self._offer = offer
        self._refusals: dict[int, str] = {}
        self._opening = threading.local()
        super().__init__(
            stream,  # type: ignore[arg-type]  # it has the methods that paramiko calls
            default_window_size=OUTPUT_LIMIT,
            packetizer_class=_Packets,
        )
        self.auth_timeout = math.inf
        self._channel_handler_table = {
            **_CHANNEL_HANDLERS,
            MSG_CHANNEL_DATA: self._channel_data,
            MSG_CHANNEL_EXTENDED_DATA: self._channel_extended_data,
            MSG_CHANNEL_REQUEST: self._channel_request,
            MSG_CHANNEL_CLOSE: self._channel_close,
        }

    @property
    def broken(self) -> bool:
        """Whether the connection ended otherwise than by `dispose`."""
        return (
            self.stream.ended
            or self.stream.budget.exceeded
            or self.disconnect_message is not None
            or self.saved_exception is not None
        )

    def open_channel_to(self, address: str, port: int) -> paramiko.Channel:
        """Open a stream from the server to ``address``. Raises RefusedChannelError."""
        self.stream.budget.expect_channel()
        return self._open_channel("direct-tcpip", (address, port), ("127.0.0.1", 0), _UNWANTED_S)

    def open_command_channel(self) -> paramiko.Channel:
        """Open a session for one command. Raises RefusedChannelError."""
        return self._open_channel("session", None, None, math.inf)

    def dispose(self) -> None:
        """Close everything and wait for paramiko's thread; may take a moment, never raises."""
        self.close()
        self.stream.abort()
        if self.ident is not None:
            self.join(_JOIN_S)
        self.stream.release()

    def send(self, message: paramiko.Message) -> None:
        """Send one message at once."""
        self._send_message(message)  # type: ignore[attr-defined]  # not in the stubs

    # The algorithms to offer. paramiko's own lists cannot put a certificate first.

    @property
    def preferred_kex(self) -> Sequence[str]:
        """Key exchanges."""
        return self._offer.kex

    @property
    def preferred_ciphers(self) -> Sequence[str]:
        """Ciphers."""
        return self._offer.ciphers

    @property
    def preferred_macs(self) -> Sequence[str]:
        """MACs."""
        return self._offer.macs

    @property
    def preferred_keys(self) -> Sequence[str]:
        """Host key algorithms."""
        return self._offer.host_keys

    @property
    def preferred_pubkeys(self) -> Sequence[str]:
        """Signature algorithms of the client's keys."""
        return self._offer.signatures

    # Messages of the server.

    def _parse_disconnect(self, m: paramiko.Message) -> None:
        m.get_int()
        self.disconnect_message = decode(m.get_binary())

    def _parse_kex_init(self, m: paramiko.Message) -> None:
        if self.session_id is not None and not self.stream.budget.spend_key_exchange():
            raise EOFError
        super()._parse_kex_init(m)  # type: ignore[misc]  # not in the stubs

    def _verify_key(self, host_key: bytes, sig: bytes) -> None:
        # paramiko parses both as messages of its own, which are not guarded.
        check_host_key(host_key)
        check_signature(sig)
        super()._verify_key(host_key, sig)  # type: ignore[misc]  # not in the stubs

    def _parse_channel_open_failure(self, m: paramiko.Message) -> None:
        # paramiko's own stores the refusal as the exception of the whole connection: other threads
        # would raise it too, or the connection would count as broken.
        channel, _, reason = m.get_int(), m.get_int(), m.get_binary()
        with self.lock:
            waiting = self.channel_events.pop(channel, None)
            if waiting is not None:
                self._refusals[channel] = decode(reason)
                self._channels.delete(channel)  # type: ignore[attr-defined]  # not in the stubs
                waiting.set()

    def _channel_data(self, channel: paramiko.Channel, m: paramiko.Message) -> None:
        data = m.get_binary()
        self._count_data(len(channel.in_buffer), len(data))
        _CHANNEL_HANDLERS[MSG_CHANNEL_DATA](channel, data)

    def _channel_extended_data(self, channel: paramiko.Channel, m: paramiko.Message) -> None:
        kind_and_data = m.get_remainder()
        if kind_and_data[:_NUMBER_BYTES] == _STDERR:  # paramiko drops any other kind
            count = len(kind_and_data) - 2 * _NUMBER_BYTES
            self._count_data(len(channel.in_stderr_buffer), count)
        _CHANNEL_HANDLERS[MSG_CHANNEL_EXTENDED_DATA](channel, m)

    def _count_data(self, unread: int, count: int) -> None:
        """Give channel data back to the budget: a command and a host behind have their own limit.

        Raises SSHException beyond the window: paramiko does not look at it, and fills the buffers
        of a closed channel too.
        """
        if unread + count > OUTPUT_LIMIT:
            raise paramiko.SSHException("channel data exceeds the window")
        self.stream.budget.give_back(max(count, 0))

    def _channel_request(self, channel: paramiko.Channel, m: paramiko.Message) -> None:
        rest = m.get_remainder()
        request = paramiko.Message(rest)
        if request.get_binary() == b"exit-signal":
            request.get_boolean()
            self.signals[channel.chanid] = decode(request.get_binary())
        _CHANNEL_HANDLERS[MSG_CHANNEL_REQUEST](channel, paramiko.Message(rest))

    def _channel_close(self, channel: paramiko.Channel, m: paramiko.Message) -> None:
        self.closed.add(channel.chanid)
        _CHANNEL_HANDLERS[MSG_CHANNEL_CLOSE](channel, m)

    # Channels opened from several threads at once: each number keeps its own refusal.

    def _next_channel(self) -> int:
        number: int = super()._next_channel()  # type: ignore[misc]  # not in the stubs
        self._opening.channel = number
        return number

    def _open_channel(
        self,
        kind: str,
        to: tuple[str, int] | None,
        origin: tuple[str, int] | None,
        limit_s: float,
    ) -> paramiko.Channel:
        self._opening.channel = None  # stays so where the connection has ended already
        try:
            return self.open_channel(kind, to, origin, timeout=limit_s)
        except paramiko.SSHException:
            refusal = self._refusals.pop(self._opening.channel, None)
            if refusal is None:
                raise
            raise RefusedChannelError(refusal) from None


def decode(text: bytes | str) -> str:
    """Text from the server as it came; paramiko hands it over in either form."""
    if isinstance(text, str):
        return text
    return text.decode("utf-8", "replace")
