"""The credentials of a login, as asyncssh takes them."""

from __future__ import annotations

from dataclasses import field
from importlib.util import find_spec

from ...core.record import record
from ...core.text import clean
from ...inventory.models import Secret, SshSettings
from ..errors import HostError
from ..ssh.algorithms import HOST_KEYS
from ..ssh.credentials.store import Credentials, PrivateKeyFile, split_by_algorithm
from ..ssh.credentials.user import config_error, login_user, no_credentials
from .slim_import import asyncssh

__all__ = ["ALL_METHODS", "Identity", "LoginCredentials", "load_credentials"]

# Each has one signature algorithm; an RSA key has several, and the server says which it accepts.
_ONE_SIGNATURE_ALGORITHM = (
    b"ssh-ed25519",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
)


ALL_METHODS = ("gssapi-with-mic", "publickey", "password", "keyboard-interactive")
"""The methods of login, in the order of this transport."""


@record
class Identity:
    """A private key, read and decrypted."""

    path: str
    key: asyncssh.SSHKey
    certificate: asyncssh.SSHCertificate | None = None
    """Offered before the bare key."""
    offer: object
    """The key in a form that asyncssh accepts."""


@record
class LoginCredentials:
    """What a login can use, loaded once for all hosts with the same settings."""

    user: str
    identities: tuple[Identity, ...] = ()
    agent: str | None = None
    """Path of the agent's socket."""
    agent_first: tuple[bytes, ...] = ()
    """Public keys that the user named and only the agent can use: offered before all others."""
    signatures: tuple[str, ...] = HOST_KEYS
    """The algorithms that the agent's keys may sign with."""
    agent_others: bool = True
    """Whether the agent's other keys are offered too, after the identities."""
    password: Secret | None = field(default=None, repr=False)
    methods: tuple[str, ...] = ALL_METHODS
    """The methods that may be used, in the order to try them."""
    gssapi: bool = False

    @property
    def key_at_once(self) -> bool:
        """Whether the first key to offer depends on nothing that the server says."""
        return (
            bool(self.identities)
            and not self.agent_first
            and self.identities[0].key.algorithm in _ONE_SIGNATURE_ALGORITHM
        )

    @property
    def signed_at_once(self) -> bool:
        """Whether there is a single key, and it signs without a touch or a typed secret."""
        if len(self.identities) != 1 or self.agent is not None:
            return False
        return not self.identities[0].key.algorithm.startswith(b"sk-")


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
    return Identity(
        path=file.path, key=key, certificate=certificate, offer=_offer(key, certificate)
    )


def _offer(key: asyncssh.SSHKey, certificate: asyncssh.SSHCertificate | None) -> object:
    if certificate is not None:
        return (key, certificate)
    # A key pair stores the signature algorithm chosen with a server, so it is shared only where
    # there is one; asyncssh makes a pair for each login from a bare key.
    if key.algorithm in _ONE_SIGNATURE_ALGORITHM:
        return asyncssh.load_keypairs([key])[0]
    return key
