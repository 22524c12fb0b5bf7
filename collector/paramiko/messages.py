"""Messages of a server, whose fields never exceed them.

For a field that exceeds its message paramiko makes up zeros, up to 1 MB of them. So a loop over a
count that a server claims (the prompts of INFO_REQUEST, the entries of EXT_INFO: up to 2**32 - 1)
takes an hour and all memory in a thread that cannot be interrupted. And paramiko decodes a number
in quadratic time: one of 1 MB takes half a minute.
"""

from __future__ import annotations

import paramiko

__all__ = ["ServerMessage", "check_host_key", "check_signature"]

_MOST_NUMBER_BYTES = 16384 // 8 + 1
"""The largest number that OpenSSH accepts (SSHBUF_MAX_BIGNUM of its sshbuf.h), and its sign."""
_KEYS_OF_TWO_FIELDS = (b"ssh-rsa", b"rsa-", b"ecdsa-")


class ServerMessage(paramiko.Message):
    """A message from a server; reading beyond its end raises SSHException."""

    def get_bytes(self, n: int) -> bytes:
        """The next ``n`` bytes."""
        data: bytes = self.packet.read(n)
        if len(data) < n:
            raise paramiko.SSHException("malformed message: a field exceeds it")
        return data

    def get_mpint(self) -> int:
        """The next number. Raises SSHException for one that no algorithm uses."""
        at = self.packet.tell()
        self.skip_number()
        self.packet.seek(at)
        return super().get_mpint()

    def skip_number(self) -> None:
        """Skip a field that is a number, or shorter than the longest number."""
        if len(self.get_binary()) > _MOST_NUMBER_BYTES:
            raise paramiko.SSHException("malformed message: a number exceeds 16384 bits")


def check_host_key(blob: bytes) -> None:
    """Check the lengths of what paramiko parses of a host key or certificate (RFC 4253, 6.6).

    Raises SSHException.
    """
    key = ServerMessage(blob)
    kind = key.get_binary()
    if b"-cert-v0" in kind:  # PROTOCOL.certkeys of OpenSSH
        key.get_binary()  # the nonce
    for _ in range(2 if kind.startswith(_KEYS_OF_TWO_FIELDS) else 1):
        key.skip_number()


def check_signature(blob: bytes) -> None:
    """Check the lengths in a signature (RFC 4253, 6.6; RFC 5656, 3.1.2). Raises SSHException."""
    signature = ServerMessage(blob)
    algorithm, value = signature.get_binary(), signature.get_binary()
    if algorithm.startswith(b"ecdsa-"):
        numbers = ServerMessage(value)
        numbers.skip_number()
        numbers.skip_number()
