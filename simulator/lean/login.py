"""Letting the fleet's user in with the fleet's key (RFC 4252; RFC 8709 for the signature)."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ..fleet.plain_packets import text
from .counts import LeanCounts
from .wire import Fields, MalformedError

__all__ = ["FAILURE", "SUCCESS", "LoginRule"]

FAILURE = b"\x33" + text(b"publickey") + b"\0"
SUCCESS = b"\x34"
_PK_OK = b"\x3c"
_REQUEST = b"\x32"
_SERVICE = b"ssh-connection"
_ED25519 = b"ssh-ed25519"


class LoginRule:
    """Who is let in; the same for all connections of a fleet.

    ``public`` is the key's 32 bytes. Without ``verify`` the signature's form is looked at, and not
    whether it is one: that costs more than the server's part of the key exchange.
    """

    def __init__(self, user: str, public: bytes, counts: LeanCounts, *, verify: bool) -> None:
        named = text(_ED25519) + text(text(_ED25519) + text(public))
        start = _REQUEST + text(user.encode()) + text(_SERVICE) + text(b"publickey")
        # There is but one request each that is not refused: compared, and not taken apart.
        self._asking = start + b"\0" + named
        self._signed = start + b"\1" + named
        self._would_do = _PK_OK + named
        self._key = Ed25519PublicKey.from_public_bytes(public) if verify else None
        self._counts = counts

    def answer(self, request: bytes, session_id: bytes) -> bytes:
        """The answer to USERAUTH_REQUEST: SUCCESS, FAILURE, or that the key would do.

        Raises MalformedError.
        """
        if request == self._asking:
            return self._would_do
        if request.startswith(self._signed):
            if self._is_signed(Fields(request, len(self._signed)).string(), session_id):
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

    def _is_signed(self, signature: bytes, session_id: bytes) -> bool:
        fields = Fields(signature, 0)
        algorithm, value = fields.string(), fields.string()
        if algorithm != _ED25519:
            return False
        if self._key is None:
            return True
        try:
            self._key.verify(value, text(session_id) + self._signed)
        except InvalidSignature:
            return False
        return True
