"""What there is to log in with, for paramiko: loaded once for all hosts with the same settings."""

from __future__ import annotations

import getpass

from ..inventory.models import SshSettings
from .credentials import Credentials
from .errors import Category, HostError, Phase
from .paramiko_keys import key_of
from .paramiko_login import Means
from .text import cleaned

__all__ = ["means_for"]


def means_for(ssh: SshSettings, credentials: Credentials, *, may_ask: bool) -> Means:
    """The means for ``ssh``; may block, and ask for passphrases.

    ``may_ask`` says that the user can be asked for passwords, so that no key is needed. Raises
    HostError ``config``: unusable keys, Kerberos, or nothing at all.
    """
    if ssh.gssapi:
        raise _config("paramiko has no Kerberos (GSSAPI) login: choose --transport asyncssh")
    means = Means(
        user=ssh.user or _local_user(),
        keys=tuple(key for file in credentials.key_files(ssh) for key in key_of(file)),
        agent=ssh.agent,
        agent_first=credentials.agent_keys(ssh),
        agent_only_these=ssh.identities_only,
        password=ssh.password,
    )
    if not (means.keys or means.agent or means.password or may_ask):
        raise _config(
            f"nothing to log in with as {cleaned(means.user)}: no key in ~/.ssh that can be used, "
            "no agent, no password; name a key with -i, or use --agent"
        )
    return means


def _local_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise _config(
            "no user to log in as: this process's user has no name; give one with -u"
        ) from error


def _config(message: str) -> HostError:
    return HostError(Category.CONFIG, Phase.CONFIG, message)
