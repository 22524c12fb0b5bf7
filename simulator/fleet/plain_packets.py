"""What an SSH server says before anything is encrypted, byte by byte (RFC 4253, 4.2, 6 and 7.1)."""

from __future__ import annotations

import struct

__all__ = ["VERSION", "kexinit", "packet", "text"]

VERSION = b"SSH-2.0-OpenSSH_9.2p1\r\n"

_KEXINIT = 20
_COOKIE = bytes(16)


def packet(payload: bytes) -> bytes:
    """A packet before encryption: padded to eight bytes, at least four of it."""
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    length = len(payload) + padding + 1
    return struct.pack(">IB", length, padding) + payload + bytes(padding)


def text(value: bytes) -> bytes:
    """A string as SSH writes it: its length, then its bytes (RFC 4251, 5)."""
    return len(value).to_bytes(4, "big") + value


def kexinit(*, key_exchange: bytes = b"curve25519-sha256", compression: bytes = b"none") -> bytes:
    """SSH_MSG_KEXINIT that offers one algorithm of each kind, fit for use where none is named."""
    ciphers, macs = b"aes128-ctr", b"hmac-sha2-256"
    kinds = (key_exchange, b"ssh-ed25519", ciphers, ciphers, macs, macs, compression, compression)
    offers = b"".join(text(each) for each in (*kinds, b"", b""))
    return packet(bytes([_KEXINIT]) + _COOKIE + offers + struct.pack(">BI", 0, 0))
