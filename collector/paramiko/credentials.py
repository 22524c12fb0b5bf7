"""The credentials of a login, as paramiko takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from ...core.record import record
from ...inventory.models import Secret, SshSettings
from ..ssh.credentials.store import Credentials, split_by_algorithm
from ..ssh.credentials.user import config_error, login_user, no_credentials
from .keys import OfferedKey, import_key

__all__ = ["LoginCredentials", "load_credentials"]

ALL_METHODS = ("publickey", "password", "keyboard-interactive")
"""The methods of login, in the order of this transport."""

_NO_KERBEROS = "paramiko has no Kerberos (GSSAPI) login: choose --transport asyncssh"


@record
class LoginCredentials:
    """What a login can use, loaded once for all hosts with the same settings."""

    user: str
    keys: tuple[OfferedKey, ...] = ()
    agent: str | None = None
    """Path of the agent's socket."""
    agent_first: tuple[bytes, ...] = ()
    """Public keys that the user named and only the agent can use: offered before all others."""
    agent_only_these: bool = False
    password: Secret | None = field(default=None, repr=False)
    methods: tuple[str, ...] = ALL_METHODS
    """The methods that may be used, in the order to try them."""


def load_credentials(
    ssh: SshSettings, credentials: Credentials, signatures: Sequence[str], *, may_ask: bool
) -> LoginCredentials:
    """Load the credentials for ``ssh``; may block, and ask for passphrases.

    ``signatures``: the algorithms that keys may sign with; other keys are left out with a note.
    ``may_ask``: the user can be asked for passwords, so that no key is needed. Raises HostError
    ``config``: unusable keys, Kerberos, or nothing at all.
    """
    files, problems = split_by_algorithm(credentials.key_files(ssh), signatures)
    if ssh.gssapi:
        problems.append(_NO_KERBEROS)
    loaded = LoginCredentials(
        user=login_user(ssh),
        keys=tuple(key for file in files for key in import_key(file)),
        agent=ssh.agent,
        agent_first=credentials.agent_keys(ssh),
        agent_only_these=ssh.identities_only,
        password=ssh.password,
        methods=ssh.login_methods or ALL_METHODS,
    )
    if not (loaded.keys or loaded.agent or loaded.password or may_ask):
        raise config_error("; ".join(problems)) if problems else no_credentials(loaded.user)
    credentials.leave_out(problems)
    return loaded
