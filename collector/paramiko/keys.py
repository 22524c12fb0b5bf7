"""Keys as paramiko takes them: from files that are already unlocked, and from an ssh-agent."""

from __future__ import annotations

import io
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import paramiko
from paramiko.agent import AgentKey, AgentSSH
from paramiko.pkey import PublicBlob

from ...core.text import clean
from ..ssh.credentials.store import PrivateKeyFile
from ..ssh.credentials.user import config_error

__all__ = ["Agent", "OfferedKey", "key_of"]

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
    """A key to offer, and what to call it in messages."""

    title: str
    key: paramiko.PKey


def key_of(file: PrivateKeyFile) -> tuple[OfferedKey, ...]:
    """The key, after its certificate where it has one.

    Raises HostError ``config`` for kinds that paramiko does not have, which asyncssh may.
    """
    made_by = _CLASSES.get(file.kind)
    if made_by is None:
        raise config_error(
            f"{clean(file.path)} is a key of kind {clean(file.kind)}, which paramiko cannot "
            "use: choose --transport asyncssh, or let an ssh-agent hold the key"
        )
    try:
        pem = file.pem.decode("ascii")
        plain = OfferedKey(file.path, made_by.from_private_key(io.StringIO(pem)))
        if file.certificate is None:
            return (plain,)
        certified = made_by.from_private_key(io.StringIO(pem))
        certified.load_certificate(file.certificate.decode("ascii"))
    except (paramiko.SSHException, ValueError, AssertionError) as error:
        raise config_error(f"{clean(file.path)} cannot be used: {clean(str(error))}") from error
    return (OfferedKey(f"{file.path} (certificate)", certified), plain)


class Agent(AgentSSH):
    """A connection of one login to the agent at ``path``; `close` it.

    paramiko's own finds the agent through the environment only, and waits for it for ever.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(_AGENT_TIMEOUT_S)
            self._socket.connect(path)
            self._connect(self._socket)  # type: ignore[attr-defined]  # not in the stubs
        except BaseException:
            self._socket.close()
            raise

    def offered(self, first: Sequence[bytes], *, only_these: bool) -> list[OfferedKey]:
        """Its keys, those of ``first`` (public key blobs) before the others, or alone."""
        keys = [_with_its_certificate(key) for key in self.get_keys()]
        wanted = [key for blob in first for key in keys if key.asbytes() == blob]
        others = [] if only_these else [key for key in keys if key not in wanted]
        return [
            OfferedKey(f"{clean(key.comment or '?')} (agent)", key) for key in (*wanted, *others)
        ]

    def close(self) -> None:
        """Let go of the agent."""
        self._socket.close()


def _with_its_certificate(key: AgentKey) -> AgentKey:
    """paramiko signs with a certificate of the agent, but sends its bare key unless told so."""
    if _CERTIFICATE in key.blob[:64]:
        key.public_blob = PublicBlob(key.name, key.blob)  # type: ignore[assignment]  # as its siblings have it
    return key
