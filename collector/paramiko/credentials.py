"""The credentials of a login, as paramiko takes them."""

from __future__ import annotations

from ...inventory.models import SshSettings
from ..ssh.credentials.store import Credentials
from ..ssh.credentials.user import config_error, login_user, no_credentials
from .keys import import_key
from .login import ALL_METHODS, LoginCredentials

__all__ = ["load_credentials"]

_NO_KERBEROS = "paramiko has no Kerberos (GSSAPI) login: choose --transport asyncssh"


def load_credentials(
    ssh: SshSettings, credentials: Credentials, *, may_ask: bool
) -> LoginCredentials:
    """Load the credentials for ``ssh``; may block, and ask for passphrases.

    ``may_ask``: the user can be asked for passwords, so that no key is needed. Raises HostError
    ``config``: unusable keys, Kerberos, or nothing at all.
    """
    problems = [_NO_KERBEROS] if ssh.gssapi else []
    loaded = LoginCredentials(
        user=login_user(ssh),
        keys=tuple(key for file in credentials.key_files(ssh) for key in import_key(file)),
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
