"""Encode the unencrypted packets of an SSH server (RFC 4253, 4.2, 6 and 7.1)."""

from __future__ import annotations

import struct

__all__ = ["VERSION", "encode_kexinit", "encode_packet", "encode_string"]

VERSION = b"SSH-2.0-OpenSSH_9.2p1\r\n"

_KEXINIT = 20
_COOKIE = bytes(16)


def encode_packet(payload: bytes) -> bytes:
    """Encode an unencrypted packet, with at least four bytes of padding to a multiple of eight."""
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    length = len(payload) + padding + 1
    return struct.pack(">IB", length, padding) + payload + bytes(padding)


def encode_string(value: bytes) -> bytes:
    """Encode a string of SSH: its length, then its bytes (RFC 4251, 5)."""
    return len(value).to_bytes(4, "big") + value


def encode_kexinit(
    *, key_exchange: bytes = b"curve25519-sha256", compression: bytes = b"none"
) -> bytes:
    """Encode a packet with SSH_MSG_KEXINIT that offers one algorithm of each kind."""
    ciphers, macs = b"aes128-ctr", b"hmac-sha2-256"
    kinds = (key_exchange, b"ssh-ed25519", ciphers, ciphers, macs, macs, compression, compression)
    offers = b"".join(encode_string(each) for each in (*kinds, b"", b""))
    return encode_packet(bytes([_KEXINIT]) + _COOKIE + offers + struct.pack(">BI", 0, 0))
