"""Keys as paramiko takes them: from unlocked files, and from an ssh-agent."""

from __future__ import annotations

import io
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import paramiko
from paramiko.agent import AgentKey, AgentSSH
from paramiko.pkey import PublicBlob

from ...core.text import clean
from ..agent_listing import ListedKey
from ..ssh.credentials.store import PrivateKeyFile
from ..ssh.credentials.user import config_error

__all__ = ["Agent", "OfferedKey", "import_key"]

_AGENT_TIMEOUT_S = 10.0
_CERTIFICATE = b"-cert-v01@openssh.com"

_CLASSES: dict[str, type[paramiko.PKey]] = {
    "ssh-ed25519": paramiko.Ed25519Key,
    "ssh-rsa": paramiko.RSAKey,
    "ecdsa-sha2-nistp256": paramiko.ECDSAKey,
    "ecdsa-sha2-nistp384": paramiko.ECDSAKey,
    "ecdsa-sha2-nistp521": paramiko.ECDSAKey,
}


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """A key to offer, and its title in messages."""

    title: str
    key: paramiko.PKey


def import_key(file: PrivateKeyFile) -> tuple[OfferedKey, ...]:
    """Make paramiko's keys of a file: the certificate where there is one, then the bare key.

    Raises HostError ``config`` for a key that cannot be used, and for kinds that paramiko lacks.
    """
    key_class = _CLASSES.get(file.kind)
    if key_class is None:
        raise config_error(
            f"{clean(file.path)} is a key of kind {clean(file.kind)}, which paramiko cannot "
            "use: choose --transport asyncssh, or let an ssh-agent hold the key"
        )
    try:
        pem = file.pem.decode("ascii")
        plain = OfferedKey(file.path, key_class.from_private_key(io.StringIO(pem)))
        if file.certificate is None:
            return (plain,)
        certified = key_class.from_private_key(io.StringIO(pem))
        certified.load_certificate(file.certificate.decode("ascii"))
    except (paramiko.SSHException, ValueError, AssertionError) as error:
        raise config_error(f"{clean(file.path)} cannot be used: {clean(str(error))}") from error
    return (OfferedKey(f"{file.path} (certificate)", certified), plain)


class Agent(AgentSSH):
    """The keys of the agent at ``path``, which sign over a connection of this login.

    It is opened for the first signature, and `close` closes it. paramiko's own finds the agent only
    through the environment, waits for it without limit, and lists its keys for each login.
    """

    def __init__(self, path: str, listed: Sequence[ListedKey]) -> None:
        super().__init__()
        self._path = path
        self._conn: socket.socket | None = None
        self._keys = tuple(
            AgentKey(self, key.blob, key.comment.decode("utf-8", "replace")) for key in listed
        )

    def _send_message(self, message: object) -> tuple[int, paramiko.Message]:
        if self._conn is None:
            self._conn = _connect(self._path)
        return super()._send_message(message)  # type: ignore[misc, no-any-return]  # not in the stubs

    def list_keys(self, first: Sequence[bytes], *, only_these: bool) -> list[OfferedKey]:
        """List its keys, those of ``first`` (public key blobs) before the others, or alone."""
        keys = [_with_certificate(key) for key in self.get_keys()]
        wanted = [key for blob in first for key in keys if key.asbytes() == blob]
        others = [] if only_these else [key for key in keys if key not in wanted]
        return [OfferedKey(f"{key.comment or '?'} (agent)", key) for key in (*wanted, *others)]

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._conn is not None:
            self._conn.close()


def _connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_AGENT_TIMEOUT_S)
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _with_certificate(key: AgentKey) -> AgentKey:
    """Make paramiko send an agent's certificate: it signs with it, but sends the bare key."""
    if _CERTIFICATE in key.blob[:64]:
        key.public_blob = PublicBlob(key.name, key.blob)  # type: ignore[assignment]  # as its siblings have it
    return key
