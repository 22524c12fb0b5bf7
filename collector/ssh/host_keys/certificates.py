"""OpenSSH host certificates: the authority that signed one, and its validity.

The format is PROTOCOL.certkeys in OpenSSH's sources. The cryptography library parses it and
verifies the signature; this module reads what that library does not return: the authority's key
as a blob and the signature's algorithm.
"""

from __future__ import annotations

import base64

from ....core.record import record
from ..credentials.public_key import blob_key_type

__all__ = ["CertificateError", "HostCertificate", "is_certificate_type", "read_host_certificate"]

_SUFFIX = "-cert-v01@openssh.com"
# The number of strings that hold the key itself, after the nonce.
_KEY_FIELDS = {
    "ssh-ed25519": 1,
    "ssh-rsa": 2,
    "ecdsa-sha2-nistp256": 2,
    "ecdsa-sha2-nistp384": 2,
    "ecdsa-sha2-nistp521": 2,
}
# ssh's CASignatureAlgorithms without FIDO keys, which the library cannot verify, and SHA-1.
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
    """Why a certificate does not prove the host's key."""


@record
class HostCertificate:
    """A certificate with a verified signature by ``authority``; nothing else is checked yet."""

    key: bytes
    """The certified host key's own blob."""
    authority: bytes
    """The signing key's blob."""
    for_hosts: bool
    principals: tuple[str, ...]
    """Names that it is valid for; empty: any name."""
    valid_after: int
    """Seconds since 1970."""
    valid_before: int
    critical_options: tuple[str, ...]

    def require_valid_for(self, name: str, now: float) -> None:
        """Raise CertificateError unless it is valid for the host ``name`` at ``now``.

        As in ssh, names are compared exactly, without wildcards, and an unknown critical option
        makes it invalid; OpenSSH defines none for hosts.
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
                f"it has unknown critical options: {', '.join(self.critical_options)}"
            )


def is_certificate_type(key_type: str) -> bool:
    """Whether a key type's name is that of an OpenSSH certificate."""
    return key_type.endswith(_SUFFIX)


def read_host_certificate(blob: bytes) -> HostCertificate:
    """Parse a certificate as the server sent it, and verify its signature.

    Raises CertificateError when it is malformed, of an unsupported type, signed with SHA-1, or not
    signed by the authority that it names.
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
    fields.strings(2)  # type, nonce
    key = len(plain).to_bytes(4, "big") + plain + fields.strings(key_fields)
    fields.skip(8 + 4)  # serial number, user or host
    fields.strings(2)  # key id, principals
    fields.skip(8 + 8)  # valid after, valid before
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
        raise CertificateError("its signature is wrong") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError("it is malformed") from error
    return HostCertificate(
        key=key,
        authority=authority,
        for_hosts=read.type is SSHCertificateType.HOST,
        principals=tuple(_decode(name) for name in read.valid_principals),
        valid_after=read.valid_after,
        valid_before=read.valid_before,
        critical_options=tuple(_decode(name) for name in read.critical_options),
    )


class _Fields:
    """Reads the fields of a blob in order; raises CertificateError when it is too short."""

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
        """Return ``count`` strings as one piece, with their lengths."""
        start = self._at
        for _ in range(count):
            self.string()
        return self._blob[start : self._at]


def _decode(name: bytes) -> str:
    return name.decode("utf-8", "replace")
