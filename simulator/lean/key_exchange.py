"""The key exchange of a lean fleet: curve25519-sha256 with ssh-ed25519 (RFC 8731, RFC 8709).

Each distinct offer is negotiated once: offers of clients of the same kind differ only in a random
cookie. The server's ephemeral key is reused, which saves a scalar multiplication per connection.
Only a simulator may do that, because the process's memory then decrypts all earlier connections.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from ..fleet.plain_packets import VERSION, encode_packet, encode_string
from .packets import Seal
from .wire import Fields, MalformedError, encode_mpint

__all__ = [
    "ECDH_INIT",
    "KEXINIT",
    "NEWKEYS",
    "Agreement",
    "HostKey",
    "KeyExchange",
    "Secrets",
    "extract_offer",
    "negotiate",
]

KEXINIT, NEWKEYS, ECDH_INIT = 20, 21, 30
_ECDH_REPLY = 31

_COOKIE = 16
_STRICT_CLIENT = b"kex-strict-c-v00@openssh.com"
_STRICT_SERVER = b"kex-strict-s-v00@openssh.com"
_ED25519 = b"ssh-ed25519"
_KEY_BYTES = {b"aes128-gcm@openssh.com": 16, b"aes256-gcm@openssh.com": 32}
_EXCHANGES = (b"curve25519-sha256", b"curve25519-sha256@libssh.org")
# AES-GCM needs no MAC, but some clients negotiate one all the same (libssh2, paramiko).
_MACS = (
    b"hmac-sha2-256-etm@openssh.com",
    b"hmac-sha2-512-etm@openssh.com",
    b"hmac-sha2-256",
    b"hmac-sha2-512",
)
_KINDS = (
    _EXCHANGES,
    (_ED25519,),
    tuple(_KEY_BYTES),
    tuple(_KEY_BYTES),
    _MACS,
    _MACS,
    (b"none",),
    (b"none",),
)
_IV_BYTES = 12
_CURVE25519_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The result of a negotiation."""

    key_bytes_in: int
    key_bytes_out: int
    strict: bool
    """Strict key exchange, without optional messages (OpenSSH's PROTOCOL, 1.9; Terrapin attack)."""
    ext_info: bool
    """The client supports extensions (RFC 8308)."""
    wrong_guess: bool
    """The packet after the offer is for another key exchange, and must be ignored."""


@functools.lru_cache(maxsize=64)
def negotiate(offer: bytes) -> Agreement:
    """Negotiate an ``offer`` (KEXINIT after its cookie). Raises MalformedError where it fails."""
    fields = Fields(offer, 0)
    lists = [fields.string().split(b",") for _ in range(len(_KINDS) + 2)]
    guesses = fields.boolean()
    chosen = []
    for ours, theirs in zip(_KINDS, lists, strict=False):
        common = next((name for name in theirs if name in ours), None)
        if common is None:
            seen = b",".join(theirs).decode("ascii", "replace")[:200]
            raise MalformedError(f"no algorithm in common, of {seen}")
        chosen.append(common)
    return Agreement(
        key_bytes_in=_KEY_BYTES[chosen[2]],
        key_bytes_out=_KEY_BYTES[chosen[3]],
        strict=_STRICT_CLIENT in lists[0],
        ext_info=b"ext-info-c" in lists[0],
        wrong_guess=guesses and (lists[0][0], lists[1][0]) != (_EXCHANGES[0], _ED25519),
    )


class HostKey:
    """An ssh-ed25519 host key, ready to sign."""

    __slots__ = ("_key", "shown")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.shown = encode_string(
            encode_string(_ED25519) + encode_string(key.public_key().public_bytes_raw())
        )

    def sign(self, data: bytes) -> bytes:
        """Sign ``data``, and return the signature as a string of SSH."""
        return encode_string(encode_string(_ED25519) + encode_string(self._key.sign(data)))


@dataclass(frozen=True, slots=True)
class Secrets:
    """The result of a key exchange."""

    reply: bytes
    """The message for the client."""
    exchange_hash: bytes
    secret: bytes

    def seals(self, agreement: Agreement, session_id: bytes) -> tuple[Seal, Seal]:
        """Derive the seals of the incoming and the outgoing direction (RFC 4253, 7.2)."""
        start = self.secret + self.exchange_hash

        def derive(letter: bytes, size: int) -> bytes:
            return sha256(start + letter + session_id).digest()[:size]

        return (
            Seal(derive(b"C", agreement.key_bytes_in), derive(b"A", _IV_BYTES)),
            Seal(derive(b"D", agreement.key_bytes_out), derive(b"B", _IV_BYTES)),
        )


class KeyExchange:
    """The server's side, the same for all connections of a fleet."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self._public = encode_string(self._private.public_key().public_bytes_raw())
        names = [list(kind) for kind in _KINDS]
        names[0].append(_STRICT_SERVER)
        lists = b"".join(encode_string(b",".join(kind)) for kind in names)
        self.offer = (
            bytes([KEXINIT]) + os.urandom(_COOKIE) + lists + encode_string(b"") * 2 + bytes(5)
        )
        """KEXINIT, the same for all connections, with one random cookie."""
        self.greeting = VERSION + encode_packet(self.offer)
        """The first flight. OpenSSH sends the offer only after the client's version line, which
        has arrived by then."""

    def answer(
        self, host_key: HostKey, public: bytes, client_version: bytes, client_offer: bytes
    ) -> Secrets:
        """Complete the exchange with the client's key ``public``. Raises MalformedError."""
        if len(public) != _CURVE25519_BYTES:
            raise MalformedError(f"a curve25519 key of {len(public)} bytes")
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:  # a point of small order: the secret would be zero
            raise MalformedError("a curve25519 key that gives no secret") from None
        secret = encode_mpint(shared)
        exchange_hash = sha256(
            b"".join(
                (
                    encode_string(client_version),
                    encode_string(VERSION.rstrip()),
                    encode_string(client_offer),
                    encode_string(self.offer),
                    host_key.shown,
                    encode_string(public),
                    self._public,
                    secret,
                )
            )
        ).digest()
        signed = host_key.sign(exchange_hash)
        reply = bytes([_ECDH_REPLY]) + host_key.shown + self._public + signed
        return Secrets(reply, exchange_hash, secret)


def extract_offer(kexinit: bytes) -> bytes:
    """Return the offer of a KEXINIT message, without the number and the cookie."""
    return kexinit[1 + _COOKIE :]
