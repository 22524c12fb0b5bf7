"""Public keys as SSH sends them (RFC 4253, 6.6): type, fingerprint and short name."""

from __future__ import annotations

import base64
import hashlib

__all__ = ["blob_key_type", "fingerprint", "is_short_rsa", "key_title"]

_TITLES = {
    "ssh-ed25519": "ED25519",
    "ssh-rsa": "RSA",
    "ssh-dss": "DSA",
    "ecdsa-sha2-nistp256": "ECDSA",
    "ecdsa-sha2-nistp384": "ECDSA",
    "ecdsa-sha2-nistp521": "ECDSA",
    "sk-ssh-ed25519@openssh.com": "ED25519-SK",
    "sk-ecdsa-sha2-nistp256@openssh.com": "ECDSA-SK",
}


def blob_key_type(blob: bytes) -> str | None:
    """Return the key type that a key blob names; None if it names none."""
    length = int.from_bytes(blob[:4], "big")
    if not 0 < length <= 64 or len(blob) < 4 + length:
        return None
    return blob[4 : 4 + length].decode("ascii", "replace")


def is_short_rsa(blob: bytes, least_bits: int) -> bool:
    """Whether the blob is an RSA key of less than ``least_bits`` bits (RequiredRSASize)."""
    if not least_bits or blob_key_type(blob) != "ssh-rsa":
        return False
    parts, at = [], 0
    while at < len(blob):  # type, exponent, modulus
        size = int.from_bytes(blob[at : at + 4], "big")
        parts.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    return int.from_bytes(parts[2] if len(parts) > 2 else b"", "big").bit_length() < least_bits


def fingerprint(blob: bytes) -> str:
    """Return the fingerprint as ``ssh-keygen -l`` shows it: ``SHA256:…``."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def key_title(blob: bytes) -> str:
    """Return ssh's short name of the key's type, such as ``ED25519``; ``unknown`` for others."""
    return _TITLES.get(blob_key_type(blob) or "", "unknown")
