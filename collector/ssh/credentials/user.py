"""Who logs in, and that there is something to log in with: the same for both SSH transports."""

from __future__ import annotations

import getpass

from ....core.text import clean
from ....inventory.models import SshSettings
from ...errors import Category, HostError, Phase

__all__ = ["config_error", "login_user", "no_credentials"]


def login_user(ssh: SshSettings) -> str:
    """The user to log in as. Raises HostError ``config``: none given, and we have no name."""
    if ssh.user is not None:
        return ssh.user
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise config_error(
            "no user to log in as: this process's user has no name; give one with -u"
        ) from error


def no_credentials(user: str) -> HostError:
    """No key, no agent, no password, and nobody who can be asked."""
    return config_error(
        f"nothing to log in with as {clean(user)}: no key in ~/.ssh that can be used, no agent, "
        "no password; name a key with -i, or use --agent"
    )


def config_error(message: str) -> HostError:
    """The settings cannot be used as they are, whatever the host says."""
    return HostError(Category.CONFIG, Phase.CONFIG, message)
