"""The SSH protocol of a lean host with one client, without I/O: bytes in, answer bytes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..fleet.plain_packets import encode_packet, encode_string
from .counts import LeanCounts
from .host import LeanHost
from .key_exchange import (
    ECDH_INIT,
    KEXINIT,
    NEWKEYS,
    Agreement,
    KeyExchange,
    extract_offer,
    negotiate,
)
from .login import FAILURE, SUCCESS, LoginRule
from .packets import MOST_LENGTH, TAG, Seal, remove_padding
from .sessions import Sessions
from .wire import Fields, MalformedError

__all__ = ["LeanDialogue", "LeanServer"]

_DISCONNECT, _IGNORE, _UNIMPLEMENTED, _DEBUG = 1, 2, 3, 4
_SERVICE_REQUEST, _SERVICE_ACCEPT, _EXT_INFO = 5, 6, 7
_USERAUTH_REQUEST = 50
_ALLOWED_IN_STRICT_KEX = frozenset({_DISCONNECT, ECDH_INIT, NEWKEYS})
_PROTOCOL_ERROR = 2
_MOST_FAILURES = 6  # sshd's MaxAuthTries
_TOO_MANY = "Too many authentication failures"  # sshd's own words (auth.c)
_MOST_VERSION = 255  # RFC 4253, 4.2

_EXTENSIONS = (
    bytes([_EXT_INFO])
    + (1).to_bytes(4, "big")
    + encode_string(b"server-sig-algs")
    + encode_string(b"ssh-ed25519")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeanServer:
    """The state that all hosts of a fleet share."""

    login: LoginRule
    counts: LeanCounts
    key_exchange: KeyExchange = field(default_factory=KeyExchange)


class LeanDialogue:
    """The state of one client's connection to one host."""

    __slots__ = (
        "_agreement",
        "_client_offer",
        "_client_version",
        "_failures",
        "_host",
        "_in",
        "_next_in",
        "_out",
        "_rest",
        "_seal",
        "_sequence",
        "_server",
        "_session_id",
        "_sessions",
        "_skips_next",
        "_strict",
        "over",
    )

    def __init__(self, host: LeanHost, server: LeanServer) -> None:
        self._host = host
        self._server = server
        self.over = False
        """Whether the connection ends after the last answer."""
        self._rest = b""
        self._out: list[bytes] = []
        self._in: Seal | None = None
        self._seal: Seal | None = None
        self._client_version = b""
        self._client_offer = b""
        self._agreement: Agreement | None = None  # while keys are exchanged
        self._next_in: Seal | None = None
        self._skips_next = False
        self._strict = False
        self._session_id = b""
        self._failures = 0
        self._sequence = 0
        self._sessions: Sessions | None = None

    def greeting(self) -> bytes:
        """Return the first flight: the version line and the host's offer."""
        self._server.counts.packets_sent += 1
        return self._server.key_exchange.greeting

    def take(self, data: bytes) -> bytes:
        """Return the answer to the client's next bytes; empty where none is due yet."""
        if self.over:
            return b""
        counts = self._server.counts
        counts.bytes_received += len(data)
        try:
            self._rest = self._read(self._rest + data if self._rest else data)
        except MalformedError as problem:
            counts.protocol_errors += 1
            self._disconnect(str(problem))
        out = self._out
        if not out:
            return b""
        counts.packets_sent += len(out)
        self._out = []
        return b"".join(out)

    def _read(self, data: bytes) -> bytes:
        """Handle all complete packets, and return the remaining bytes."""
        at, end = 0, len(data)
        if not self._client_version:
            at = self._read_version(data)
            if not at:
                return data
        while end - at >= 4 and not self.over:
            head = data[at : at + 4]
            length = int.from_bytes(head, "big")
            if not 5 <= length <= MOST_LENGTH:
                raise MalformedError(f"a packet of {length} bytes")
            seal = self._in
            after = at + 4 + length if seal is None else at + 4 + TAG + length
            if after > end:
                break
            rest = data[at + 4 : after]
            at = after
            self._server.counts.packets_received += 1
            self._handle(remove_padding(rest) if seal is None else seal.open(head, rest))
            self._sequence += 1
        return data[at:]

    def _read_version(self, data: bytes) -> int:
        """Return the offset of the first packet; 0 while the version line is incomplete."""
        end = data.find(b"\n", 0, _MOST_VERSION)
        if end < 0:
            if len(data) < _MOST_VERSION:
                return 0
            raise MalformedError("no version line")
        version = data[:end].rstrip(b"\r")
        if not version.startswith(b"SSH-2.0-"):
            raise MalformedError("no version line of SSH 2")
        self._client_version = version
        return end + 1

    def _handle(self, message: bytes) -> None:
        number = message[0]
        if self._sessions is not None:
            answers = self._sessions.take(number, message)
            if answers is not None:
                for answer in answers:
                    self._send(answer)
                return
        if self._skips_next:
            self._skips_next = False
            return
        if self._in is None and (number >= _USERAUTH_REQUEST or number == _SERVICE_REQUEST):
            raise MalformedError(f"message {number} before the keys are agreed on")
        if self._strict and self._in is None and number not in _ALLOWED_IN_STRICT_KEX:
            raise MalformedError(f"message {number} in a strict key exchange")
        handle = _HANDLERS.get(number)
        if handle is None:
            self._send(bytes([_UNIMPLEMENTED]) + self._sequence.to_bytes(4, "big"))
        else:
            handle(self, message)

    def _send(self, message: bytes) -> None:
        seal = self._seal
        self._out.append(encode_packet(message) if seal is None else seal.seal(message))

    def _disconnect(self, description: str) -> None:
        number = bytes([_DISCONNECT]) + _PROTOCOL_ERROR.to_bytes(4, "big")
        self._send(number + encode_string(description.encode()) + encode_string(b""))
        self.over = True

    def _handle_kexinit(self, message: bytes) -> None:
        if self._agreement is not None:
            raise MalformedError("an offer in the middle of a key exchange")
        agreement = negotiate(extract_offer(message))
        if self._session_id:
            self._send(self._server.key_exchange.offer)  # the first one was in the greeting
        else:
            self._strict = agreement.strict
            if self._strict and self._sequence:
                raise MalformedError("something before the offer in a strict key exchange")
        self._agreement = agreement
        self._skips_next = agreement.wrong_guess
        self._client_offer = message

    def _handle_ecdh_init(self, message: bytes) -> None:
        agreement = self._agreement
        if agreement is None or self._next_in is not None:
            raise MalformedError("half a key exchange without an offer")
        secrets = self._server.key_exchange.answer(
            self._host.key, Fields(message).string(), self._client_version, self._client_offer
        )
        first = not self._session_id
        if first:
            self._session_id = secrets.exchange_hash
        self._send(secrets.reply)
        self._send(bytes([NEWKEYS]))
        self._next_in, self._seal = secrets.seals(agreement, self._session_id)
        if first and agreement.ext_info:
            self._send(_EXTENSIONS)

    def _handle_newkeys(self, _message: bytes) -> None:
        if self._next_in is None:
            raise MalformedError("new keys that were not agreed on")
        self._in, self._next_in, self._agreement = self._next_in, None, None
        if self._strict:
            self._sequence = -1

    def _handle_service_request(self, message: bytes) -> None:
        service = Fields(message).string()
        if service != b"ssh-userauth":
            raise MalformedError(f"a request for the service {service[:40]!r}")
        self._send(bytes([_SERVICE_ACCEPT]) + encode_string(service))

    def _handle_userauth_request(self, message: bytes) -> None:
        if self._sessions is not None:
            return  # RFC 4252, 5.1: ignored silently after a successful login
        answer = self._server.login.answer(message, self._session_id)
        if answer is FAILURE:
            self._failures += 1
            if self._failures > _MOST_FAILURES:
                self._disconnect(_TOO_MANY)
                return
        self._send(answer)
        if answer is SUCCESS:
            self._sessions = Sessions(self._host)

    def _handle_disconnect(self, _message: bytes) -> None:
        self.over = True

    def _ignore(self, _message: bytes) -> None:
        """Do nothing: the message needs no answer."""


_HANDLERS: dict[int, Callable[[LeanDialogue, bytes], None]] = {
    _DISCONNECT: LeanDialogue._handle_disconnect,  # noqa: SLF001 (its own table, outside of the slots)
    _IGNORE: LeanDialogue._ignore,  # noqa: SLF001 (its own table)
    _UNIMPLEMENTED: LeanDialogue._ignore,  # noqa: SLF001 (its own table)
    _DEBUG: LeanDialogue._ignore,  # noqa: SLF001 (its own table)
    _EXT_INFO: LeanDialogue._ignore,  # noqa: SLF001 (its own table)
    _SERVICE_REQUEST: LeanDialogue._handle_service_request,  # noqa: SLF001 (its own table)
    KEXINIT: LeanDialogue._handle_kexinit,  # noqa: SLF001 (its own table)
    NEWKEYS: LeanDialogue._handle_newkeys,  # noqa: SLF001 (its own table)
    ECDH_INIT: LeanDialogue._handle_ecdh_init,  # noqa: SLF001 (its own table)
    _USERAUTH_REQUEST: LeanDialogue._handle_userauth_request,  # noqa: SLF001 (its own table)
}
