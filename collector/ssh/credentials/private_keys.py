"""Parse private key files and unlock them.

Formats: OpenSSH's own (PROTOCOL.key in its sources), whose header holds the cipher and the public
key in clear text, and PEM (RFC 7468; RFC 1421 for the older ``Proc-Type: 4,ENCRYPTED``). No
message quotes the content of a key.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from typing import TYPE_CHECKING

from ....core.lazy_pattern import lazy_pattern
from ....core.record import record
from .public_key import blob_key_type

if TYPE_CHECKING:  # a run without a locked key does not load it
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["KeyFileError", "LockedKey", "UnlockedKey", "public_key_blob", "read_key_file", "unlock"]

_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"
# Anywhere in the file, as OpenSSL reads it: attributes and certificates precede a key that
# "openssl pkcs12" wrote, parameters one of "openssl ecparam".
_PEM = lazy_pattern(
    rb"^-----BEGIN (RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY-----.*?(?:^-----END [^\n]*|\Z)",
    re.DOTALL | re.MULTILINE,
)
_MAGIC = b"openssh-key-v1\0"
_PUBLIC = lazy_pattern(rb"\s*((?:ssh|ecdsa|sk)-[a-z0-9@.\-]+)\s+([A-Za-z0-9+/=]+)")

_NOT_FOR_SSH = (
    "holds a kind of key that SSH servers do not take: make one with ssh-keygen -t ed25519"
)


class KeyFileError(ValueError):
    """Why a file cannot be used as a private key; the message continues the file's path."""


@record
class LockedKey:
    """What a private key file shows without its passphrase."""

    encrypted: bool
    kind: str | None
    """The key type as SSH names it; None for PEM, which does not show it."""
    public: bytes | None
    """The public key's blob; None for PEM."""


@record
class UnlockedKey:
    """A private key that an SSH library can load."""

    pem: bytes
    kind: str
    public: bytes
    still_encrypted: bool
    """The cryptography library cannot unlock this format or type: ``pem`` is the file's content."""


def public_key_blob(data: bytes) -> bytes | None:
    """Return the blob of a one-line public key or certificate file; None if it is neither."""
    found = _PUBLIC().match(data)
    if not found:
        return None
    try:
        blob = binascii.a2b_base64(found[2], strict_mode=True)
    except binascii.Error:
        return None
    return blob if (blob_key_type(blob) or "").encode() == found[1] else None


def read_key_file(data: bytes) -> LockedKey:
    """Read a private key file without its passphrase. Raises KeyFileError if it is none."""
    text = data.strip()
    if text.startswith(_OPENSSH):
        return _read_openssh_header(text)
    pem = _PEM().search(text)
    if pem:
        encrypted = pem[1] == b"ENCRYPTED " or b"Proc-Type: 4,ENCRYPTED" in pem[0]
        return LockedKey(encrypted=encrypted, kind=None, public=None)
    if public_key_blob(data) is not None:
        raise KeyFileError(
            "is a public key: name the private key beside it, or have an ssh-agent hold it"
        )
    if text.startswith(b"PuTTY-User-Key-File"):
        raise KeyFileError("is a PuTTY key: convert it with puttygen -O private-openssh")
    raise KeyFileError("is not a private key")


def unlock(data: bytes, passphrase: str | None) -> UnlockedKey:
    """Return the key of a private key file, decrypted with ``passphrase``.

    Raises KeyFileError when the passphrase is wrong or missing, the file is damaged, or SSH does
    not use keys of this type.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as forms

    locked = read_key_file(data)
    if locked.kind == "ssh-dss":
        raise KeyFileError(_NOT_FOR_SSH)
    load = forms.load_ssh_private_key if locked.kind else forms.load_pem_private_key
    secret = passphrase.encode() if passphrase is not None and locked.encrypted else None
    try:
        key = load(data, secret)
    except UnsupportedAlgorithm:
        if locked.kind is None or locked.public is None:
            raise KeyFileError(_NOT_FOR_SSH) from None
        return UnlockedKey(
            pem=data, kind=locked.kind, public=locked.public, still_encrypted=locked.encrypted
        )
    except (ValueError, TypeError) as error:
        why = "cannot be unlocked: wrong passphrase" if locked.encrypted else "is damaged"
        raise KeyFileError(why) from error
    return _serialize(key)


def _serialize(key: PrivateKeyTypes) -> UnlockedKey:
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.dsa import DSAPrivateKey

    if isinstance(key, DSAPrivateKey):
        raise KeyFileError(_NOT_FOR_SSH)
    try:
        pem = key.private_bytes(
            forms.Encoding.PEM, forms.PrivateFormat.OpenSSH, forms.NoEncryption()
        )
        line = key.public_key().public_bytes(forms.Encoding.OpenSSH, forms.PublicFormat.OpenSSH)
    except (ValueError, TypeError):
        raise KeyFileError(_NOT_FOR_SSH) from None
    public = public_key_blob(line) or b""
    return UnlockedKey(
        pem=pem, kind=blob_key_type(public) or "", public=public, still_encrypted=False
    )


def _read_openssh_header(text: bytes) -> LockedKey:
    body = b"".join(text.removeprefix(_OPENSSH).split(b"-----END")[0].split())
    try:
        raw = base64.b64decode(body, validate=True)
        if not raw.startswith(_MAGIC):
            raise KeyFileError("is damaged: no openssh-key-v1 inside")
        cipher, at = _read_string(raw, len(_MAGIC))
        _, at = _read_string(raw, at)
        _, at = _read_string(raw, at)
        public, _ = _read_string(raw, at + 4)  # after the number of keys, always 1
    except (binascii.Error, struct.error, IndexError) as error:
        raise KeyFileError("is damaged or cut short") from error
    kind = blob_key_type(public)
    if kind is None:
        raise KeyFileError("is damaged: no public key inside")
    return LockedKey(encrypted=cipher != b"none", kind=kind, public=public)


def _read_string(raw: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">I", raw, at)
    end = at + 4 + length
    if end > len(raw):
        raise IndexError(end)
    return raw[at + 4 : end], end
