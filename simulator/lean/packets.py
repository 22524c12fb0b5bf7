"""SSH's binary packets (RFC 4253, 6), sealed by AES-GCM (RFC 5647; OpenSSH's PROTOCOL, 1.6).

Padding is of zeros and not random: nothing secret goes through here, and the cipher does not care.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .wire import MalformedError

__all__ = ["MOST_LENGTH", "TAG", "Seal", "remove_padding"]

TAG = 16
"""Bytes of a packet's tag."""

MOST_LENGTH = 256 * 1024
"""Bytes of one packet: OpenSSH's own limit (packet.c PACKET_MAX_SIZE)."""

_BLOCK = 16
_LEAST_PADDING = 4
_HEADS = tuple(bytes([padding]) for padding in range(256))
_ZEROS = tuple(bytes(padding) for padding in range(256))
_COUNTER = 2**64 - 1


class Seal:
    """One direction of a connection: the key, and the count of packets that is in each nonce."""

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
        """The packet of a message."""
        padding = _LEAST_PADDING + -(len(payload) + 1 + _LEAST_PADDING) % _BLOCK
        length = (len(payload) + 1 + padding).to_bytes(4, "big")
        inside = _HEADS[padding] + payload + _ZEROS[padding]
        return length + self._aes.encrypt(self._nonce(), inside, length)

    def open(self, length: bytes, rest: bytes) -> bytes:
        """The message of a packet: its four bytes of length, and what follows, the tag included.

        Raises MalformedError where it was not sealed by the other side.
        """
        try:
            inside = self._aes.decrypt(self._nonce(), rest, length)
        except InvalidTag:
            raise MalformedError("a packet's tag is wrong") from None
        return remove_padding(inside)


def remove_padding(inside: bytes) -> bytes:
    """The message in what follows a packet's length, at least a byte. Raises MalformedError."""
    if not inside:
        raise MalformedError("a packet of no bytes")
    end = len(inside) - inside[0]
    if inside[0] < _LEAST_PADDING or end < 2:
        raise MalformedError(f"a packet of {len(inside)} bytes with {inside[0]} of padding")
    return inside[1:end]
