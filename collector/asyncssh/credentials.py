"""The credentials of a login, as asyncssh takes them."""

from __future__ import annotations

from importlib.util import find_spec

from ...core.text import clean
from ...inventory.models import SshSettings
from ..errors import HostError
from ..ssh.credentials.store import Credentials, PrivateKeyFile, split_by_algorithm
from ..ssh.credentials.user import config_error, login_user, no_credentials
from .library import asyncssh
from .login import ALL_METHODS, Identity, LoginCredentials

__all__ = ["load_credentials"]


def load_credentials(
    ssh: SshSettings, credentials: Credentials, signatures: tuple[str, ...], *, may_ask: bool
) -> LoginCredentials:
    """Load the credentials for ``ssh``; may block, and ask for passphrases.

    ``signatures``: the algorithms that keys may sign with; other keys are left out with a note.
    ``may_ask``: the user can be asked for passwords, so that no key is needed. Raises HostError
    ``config``: unusable keys, or nothing at all.
    """
    files, problems = split_by_algorithm(credentials.key_files(ssh), signatures)
    identities: list[Identity] = []
    for file in files:
        try:
            identities.append(_identity(file))
        except HostError as problem:
            problems.append(problem.message)
    gssapi = ssh.gssapi
    if gssapi and find_spec("gssapi") is None:
        gssapi = False
        problems.append(
            "Kerberos (GSSAPI) needs the Python package gssapi: install asyncssh[gssapi] "
            "beside sockfleet"
        )
    loaded = LoginCredentials(
        user=login_user(ssh),
        identities=tuple(identities),
        agent=ssh.agent,
        agent_first=credentials.agent_keys(ssh),
        signatures=signatures,
        agent_others=not ssh.identities_only,
        password=ssh.password,
        methods=ssh.login_methods or ALL_METHODS,
        gssapi=gssapi,
    )
    if not (loaded.identities or ssh.agent or ssh.password or gssapi or may_ask):
        raise config_error("; ".join(problems)) if problems else no_credentials(loaded.user)
    credentials.leave_out(problems)
    return loaded


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
