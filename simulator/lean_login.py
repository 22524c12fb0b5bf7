"""Letting the fleet's user in with the fleet's key (RFC 4252; RFC 8709 for the signature)."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .lean_counts import LeanCounts
from .lean_wire import Fields, MalformedError
from .plain_packets import text

__all__ = ["FAILURE", "SUCCESS", "LoginRule"]

FAILURE = b"\x33" + text(b"publickey") + b"\0"
SUCCESS = b"\x34"
_PK_OK = b"\x3c"
_ED25519 = b"ssh-ed25519"


class LoginRule:
    """Who is let in; the same for all connections of a fleet.

    ``public`` is the key's 32 bytes. Without ``verify`` the signature's form is looked at, and not
    whether it is one: that would cost more than the rest of the connection.
    """

    def __init__(self, user: str, public: bytes, counts: LeanCounts, *, verify: bool) -> None:
        self._user = user.encode()
        self._blob = text(_ED25519) + text(public)
        self._key = Ed25519PublicKey.from_public_bytes(public) if verify else None
        self._counts = counts

    def answer(self, request: bytes, session_id: bytes) -> bytes:
        """The answer to USERAUTH_REQUEST: SUCCESS, FAILURE, or that the key would do.

        Raises MalformedError.
        """
        fields = Fields(request)
        user, service, method = fields.string(), fields.string(), fields.string()
        if service != b"ssh-connection":
            raise MalformedError(f"a login to the service {service[:40]!r}")
        if method == b"none":
            return FAILURE
        if method == b"publickey":
            signed = fields.boolean()
            algorithm, blob = fields.string(), fields.string()
            if user == self._user and algorithm == _ED25519 and blob == self._blob:
                if not signed:
                    return _PK_OK + text(algorithm) + text(blob)
                if self._is_signed(request[: fields.at], fields.string(), session_id):
                    self._counts.logins += 1
                    return SUCCESS
        self._counts.auth_failures += 1
        return FAILURE

    def _is_signed(self, request: bytes, signature: bytes, session_id: bytes) -> bool:
        fields = Fields(signature, 0)
        algorithm, value = fields.string(), fields.string()
        if algorithm != _ED25519:
            return False
        if self._key is None:
            return True
        try:
            self._key.verify(value, text(session_id) + request)
        except InvalidSignature:
            return False
        return True
