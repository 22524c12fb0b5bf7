"""OpenSSH host certificates: who signed one, and whether it holds for a name at a time.

The format is PROTOCOL.certkeys in OpenSSH's sources. The cryptography library reads it and verifies
the signature; what it does not tell (the authority's key as a blob, the kind of signature) is read
here.
"""

from __future__ import annotations

import base64

from ....core.record import record
from ..credentials.public_key import blob_key_type

__all__ = ["CertificateError", "HostCertificate", "is_certificate_type", "read_host_certificate"]

_SUFFIX = "-cert-v01@openssh.com"
# How many strings hold the key itself, after the nonce.
_KEY_FIELDS = {
    "ssh-ed25519": 1,
    "ssh-rsa": 2,
    "ecdsa-sha2-nistp256": 2,
    "ecdsa-sha2-nistp384": 2,
    "ecdsa-sha2-nistp521": 2,
}
# ssh's CASignatureAlgorithms without FIDO keys, which the library cannot verify; no SHA-1.
_SIGNATURES = frozenset(
    {
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "rsa-sha2-256",
        "rsa-sha2-512",
    }
)


class CertificateError(ValueError):
    """Why a certificate proves nothing."""


@record
class HostCertificate:
    """A certificate whose signature by ``authority`` was verified; nothing else is judged yet."""

    key: bytes
    """The certified host key's own blob."""
    authority: bytes
    """The signing key's blob."""
    for_hosts: bool
    principals: tuple[str, ...]
    """Names it is valid for; empty: any."""
    valid_after: int
    """Seconds since 1970."""
    valid_before: int
    critical_options: tuple[str, ...]

    def require_valid_for(self, name: str, now: float) -> None:
        """Raise CertificateError unless it proves a host's key under ``name`` at ``now``.

        As ssh does: names are compared whole, without wildcards, and a critical option that is not
        known forbids it; none is defined for hosts.
        """
        if not self.for_hosts:
            raise CertificateError("it is a user's certificate")
        if now < self.valid_after:
            raise CertificateError("it is not valid yet; are the clocks right?")
        if now >= self.valid_before:
            raise CertificateError("it has expired")
        if self.principals and name not in self.principals:
            raise CertificateError(f"it was made for {', '.join(self.principals)}")
        if self.critical_options:
            raise CertificateError(
                f"it demands what is not known here: {', '.join(self.critical_options)}"
            )


def is_certificate_type(key_type: str) -> bool:
    """Whether a key type's name is that of an OpenSSH certificate."""
    return key_type.endswith(_SUFFIX)


def read_host_certificate(blob: bytes) -> HostCertificate:
    """Read a certificate as the server sent it, and verify who signed it.

    Raises CertificateError where it is malformed, of a kind that is not supported, signed with
    SHA-1, or not signed by the authority that it names.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        SSHCertificate,
        SSHCertificateType,
        load_ssh_public_identity,
    )

    kind = blob_key_type(blob) or ""
    fields = _Fields(blob)
    key_fields = _KEY_FIELDS.get(kind.removesuffix(_SUFFIX))
    if not is_certificate_type(kind) or key_fields is None:
        raise CertificateError("its kind is not supported")
    plain = kind.removesuffix(_SUFFIX).encode()
    fields.strings(2)  # its type, a nonce
    key = len(plain).to_bytes(4, "big") + plain + fields.strings(key_fields)
    fields.skip(8 + 4)  # serial number, user or host
    fields.strings(2)  # key id, principals
    fields.skip(8 + 8)  # from when, until when
    fields.strings(3)  # critical options, extensions, reserved
    authority = fields.string()
    signature = blob_key_type(fields.string())
    if signature not in _SIGNATURES:
        raise CertificateError(f"its signature's kind {signature!r} is not accepted")
    try:
        read = load_ssh_public_identity(kind.encode() + b" " + base64.b64encode(blob))
        if not isinstance(read, SSHCertificate):
            raise CertificateError("it is malformed")
        read.verify_cert_signature()
    except InvalidSignature:
        raise CertificateError("its signature is not right") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError("it is malformed") from error
    return HostCertificate(
        key=key,
        authority=authority,
        for_hosts=read.type is SSHCertificateType.HOST,
        principals=tuple(_text(name) for name in read.valid_principals),
        valid_after=read.valid_after,
        valid_before=read.valid_before,
        critical_options=tuple(_text(name) for name in read.critical_options),
    )


class _Fields:
    """Steps through the fields of a blob; raises CertificateError where it is cut short."""

    def __init__(self, blob: bytes) -> None:
        self._blob = blob
        self._at = 0

    def skip(self, size: int) -> None:
        self._at += size
        if self._at > len(self._blob):
            raise CertificateError("it is cut short")

    def string(self) -> bytes:
        start = self._at + 4
        self.skip(4 + int.from_bytes(self._blob[self._at : start], "big"))
        return self._blob[start : self._at]

    def strings(self, count: int) -> bytes:
        """Several strings as they stand, their lengths included."""
        start = self._at
        for _ in range(count):
            self.string()
        return self._blob[start : self._at]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
