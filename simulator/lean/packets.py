"""SSH's binary packets (RFC 4253, 6), encrypted by AES-GCM (RFC 5647; OpenSSH's PROTOCOL, 1.6).

Padding is zeros instead of random bytes, because nothing here is secret.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .wire import MalformedError

__all__ = ["MOST_LENGTH", "TAG", "Seal", "remove_padding"]

TAG = 16
"""The length of a packet's tag, in bytes."""

MOST_LENGTH = 256 * 1024
"""The maximum length of a packet, in bytes, as in OpenSSH (packet.c PACKET_MAX_SIZE)."""

_BLOCK = 16
_LEAST_PADDING = 4
_HEADS = tuple(bytes([padding]) for padding in range(256))
_ZEROS = tuple(bytes(padding) for padding in range(256))
_COUNTER = 2**64 - 1


class Seal:
    """One direction of a connection: the key, and the packet counter of the nonce."""

    __slots__ = ("_aes", "_count", "_fixed")

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._aes = AESGCM(key)
        self._fixed = iv[:4]
        self._count = int.from_bytes(iv[4:], "big")

    def _nonce(self) -> bytes:
        count = self._count
        self._count = (count + 1) & _COUNTER
        return self._fixed + count.to_bytes(8, "big")

    def seal(self, payload: bytes) -> bytes:
        """Encrypt a message into a packet."""
        padding = _LEAST_PADDING + -(len(payload) + 1 + _LEAST_PADDING) % _BLOCK
        length = (len(payload) + 1 + padding).to_bytes(4, "big")
        inside = _HEADS[padding] + payload + _ZEROS[padding]
        return length + self._aes.encrypt(self._nonce(), inside, length)

    def open(self, length: bytes, rest: bytes) -> bytes:
        """Decrypt a packet: its four bytes of length, and the rest with the tag.

        Raises MalformedError where the tag is wrong.
        """
        try:
            inside = self._aes.decrypt(self._nonce(), rest, length)
        except InvalidTag:
            raise MalformedError("a packet's tag is wrong") from None
        return remove_padding(inside)


def remove_padding(inside: bytes) -> bytes:
    """Return the message in the part of a packet after its length. Raises MalformedError."""
    if not inside:
        raise MalformedError("a packet of no bytes")
    end = len(inside) - inside[0]
    if inside[0] < _LEAST_PADDING or end < 2:
        raise MalformedError(f"a packet of {len(inside)} bytes with {inside[0]} of padding")
    return inside[1:end]
