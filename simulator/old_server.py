"""The opening words of an SSH server that is twenty years old."""

from __future__ import annotations

import struct

__all__ = ["OLD_GREETING"]

_KEXINIT = 20
_OFFERS = (
    "diffie-hellman-group1-sha1",  # key exchange: nobody should accept it any more
    "ssh-ed25519",  # all else is fit for use, so that this alone cannot be agreed on
    "aes128-ctr",
    "aes128-ctr",
    "hmac-sha2-256",
    "hmac-sha2-256",
    "none",
    "none",
    "",
    "",
)


def _packet(payload: bytes) -> bytes:
    """A packet before encryption (RFC 4253, 6): padded to eight bytes, at least four of it."""
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    length = len(payload) + padding + 1
    return struct.pack(">IB", length, padding) + payload + bytes(padding)


def _kexinit() -> bytes:
    """SSH_MSG_KEXINIT with a cookie of zeros (RFC 4253, 7.1)."""
    lists = b"".join(struct.pack(">I", len(offer)) + offer.encode() for offer in _OFFERS)
    return struct.pack(">B16x", _KEXINIT) + lists + struct.pack(">BI", 0, 0)


OLD_GREETING = b"SSH-2.0-OpenSSH_3.9p1\r\n" + _packet(_kexinit())
"""The version line and the only offer; the client has nothing to answer to it."""
