"""What there is to log in with, for asyncssh: loaded once for all hosts with the same settings."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec

from ...core.text import clean
from ...inventory.models import SshSettings
from ..errors import HostError
from ..runtime.daemon_threads import DaemonThreads
from ..ssh.credentials.store import Credentials, PrivateKeyFile
from ..ssh.credentials.user import config_error, login_user, no_credentials
from .library import asyncssh
from .login import Identity, LoginCredentials

__all__ = ["CredentialsCache"]


class CredentialsCache:
    """Reads and unlocks keys beside the event loop, once for each distinct settings.

    ``may_ask`` says that the user can be asked for passwords, so that no key is needed.
    """

    def __init__(self, credentials: Credentials, threads: DaemonThreads, *, may_ask: bool) -> None:
        self._credentials = credentials
        self._threads = threads
        self._may_ask = may_ask
        self._made: dict[SshSettings, asyncio.Future[LoginCredentials | HostError]] = {}

    async def get(self, ssh: SshSettings) -> LoginCredentials:
        """The means for ``ssh``. Raises HostError ``config``: unusable keys, or nothing at all."""
        making = self._made.get(ssh)
        if making is None:
            making = self._made[ssh] = self._threads.run(lambda: self._tried(ssh))
        made = await asyncio.shield(making)
        if isinstance(made, HostError):  # raised anew for each host: tracebacks are not shared
            raise HostError(made.category, made.phase, made.message)
        return made

    def _tried(self, ssh: SshSettings) -> LoginCredentials | HostError:
        try:
            return self._make(ssh)
        except HostError as error:
            return error

    def _make(self, ssh: SshSettings) -> LoginCredentials:
        if ssh.gssapi and find_spec("gssapi") is None:
            raise config_error(
                "Kerberos (GSSAPI) needs the Python package gssapi: install asyncssh[gssapi] "
                "beside sockfleet"
            )
        means = LoginCredentials(
            user=login_user(ssh),
            identities=tuple(_identity(each) for each in self._credentials.key_files(ssh)),
            agent=ssh.agent,
            agent_first=self._credentials.agent_keys(ssh),
            agent_others=not ssh.identities_only,
            password=ssh.password,
            gssapi=ssh.gssapi,
        )
        if not (means.identities or ssh.agent or ssh.password or ssh.gssapi or self._may_ask):
            raise no_credentials(means.user)
        return means


def _identity(file: PrivateKeyFile) -> Identity:
    if file.kind.startswith("sk-") and find_spec("fido2") is None:
        raise config_error(
            f"{clean(file.path)} is a FIDO key: it needs the Python package fido2: install "
            "asyncssh[fido2] beside sockfleet, or let an ssh-agent hold the key"
        )
    passphrase = None if file.passphrase is None else file.passphrase.reveal()
    try:
        key = asyncssh.import_private_key(file.pem, passphrase)
        certificate = (
            None if file.certificate is None else asyncssh.import_certificate(file.certificate)
        )
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        raise config_error(f"{clean(file.path)} cannot be used: {clean(str(error))}") from error
    return Identity(path=file.path, key=key, certificate=certificate)
