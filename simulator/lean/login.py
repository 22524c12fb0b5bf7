"""Authenticate the fleet's user with the fleet's key (RFC 4252; RFC 8709 for the signature)."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ..fleet.plain_packets import encode_string
from .counts import LeanCounts
from .wire import Fields, MalformedError

__all__ = ["FAILURE", "SUCCESS", "LoginRule"]

FAILURE = b"\x33" + encode_string(b"publickey") + b"\0"
SUCCESS = b"\x34"
_PK_OK = b"\x3c"
_REQUEST = b"\x32"
_SERVICE = b"ssh-connection"
_ED25519 = b"ssh-ed25519"


class LoginRule:
    """The accepted user and key, the same for all connections of a fleet.

    ``public`` is the key's 32 bytes. Without ``verify`` only the form of signatures is checked,
    because a verification costs more than the server's part of the key exchange.
    """

    def __init__(self, user: str, public: bytes, counts: LeanCounts, *, verify: bool) -> None:
        named = encode_string(_ED25519) + encode_string(
            encode_string(_ED25519) + encode_string(public)
        )
        start = (
            _REQUEST
            + encode_string(user.encode())
            + encode_string(_SERVICE)
            + encode_string(b"publickey")
        )
        # Only one request of each kind is accepted, so it is compared and not parsed.
        self._query = start + b"\0" + named
        self._signed = start + b"\1" + named
        self._pk_ok = _PK_OK + named
        self._key = Ed25519PublicKey.from_public_bytes(public) if verify else None
        self._counts = counts

    def answer(self, request: bytes, session_id: bytes) -> bytes:
        """Return the answer to USERAUTH_REQUEST: SUCCESS, FAILURE or PK_OK.

        Raises MalformedError.
        """
        if request == self._query:
            return self._pk_ok
        if request.startswith(self._signed):
            if self._check_signature(Fields(request, len(self._signed)).string(), session_id):
                self._counts.logins += 1
                return SUCCESS
            self._counts.auth_failures += 1
            return FAILURE
        fields = Fields(request)
        _, service, method = fields.string(), fields.string(), fields.string()
        if service != _SERVICE:
            raise MalformedError(f"a login to the service {service[:40]!r}")
        if method != b"none":
            self._counts.auth_failures += 1
        return FAILURE

    def _check_signature(self, signature: bytes, session_id: bytes) -> bool:
        fields = Fields(signature, 0)
        algorithm, value = fields.string(), fields.string()
        if algorithm != _ED25519:
            return False
        if self._key is None:
            return True
        try:
            self._key.verify(value, encode_string(session_id) + self._signed)
        except InvalidSignature:
            return False
        return True
