"""What there is to log in with, for paramiko: loaded once for all hosts with the same settings."""

from __future__ import annotations

from ...inventory.models import SshSettings
from ..ssh.credentials.store import Credentials
from ..ssh.credentials.user import config_error, login_user, no_credentials
from .keys import key_of
from .login import LoginCredentials

__all__ = ["credentials_for"]


def credentials_for(
    ssh: SshSettings, credentials: Credentials, *, may_ask: bool
) -> LoginCredentials:
    """The means for ``ssh``; may block, and ask for passphrases.

    ``may_ask`` says that the user can be asked for passwords, so that no key is needed. Raises
    HostError ``config``: unusable keys, Kerberos, or nothing at all.
    """
    if ssh.gssapi:
        raise config_error("paramiko has no Kerberos (GSSAPI) login: choose --transport asyncssh")
    means = LoginCredentials(
        user=login_user(ssh),
        keys=tuple(key for file in credentials.key_files(ssh) for key in key_of(file)),
        agent=ssh.agent,
        agent_first=credentials.agent_keys(ssh),
        agent_only_these=ssh.identities_only,
        password=ssh.password,
    )
    if not (means.keys or means.agent or means.password or may_ask):
        raise no_credentials(means.user)
    return means
