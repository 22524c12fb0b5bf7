"""The user to log in as, and the errors of settings that allow no login."""

from __future__ import annotations

import getpass

from ....core.text import clean
from ....inventory.models import SshSettings
from ...errors import Category, HostError, Phase

__all__ = ["config_error", "login_user", "no_credentials"]


def login_user(ssh: SshSettings) -> str:
    """Return the user to log in as.

    Raises HostError ``config`` when none is configured and this process's user has no name.
    """
    if ssh.user is not None:
        return ssh.user
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise config_error(
            "no user to log in as: this process's user has no name; give one with -u"
        ) from error


def no_credentials(user: str) -> HostError:
    """The settings have no key, agent or password, and no user can be prompted."""
    return config_error(
        f"nothing to log in with as {clean(user)}: no key in ~/.ssh that can be used, no agent, "
        "no password; name a key with -i, or have an ssh-agent hold one (ssh-add)"
    )


def config_error(message: str) -> HostError:
    """The settings are unusable; no connection to the host is needed to know it."""
    return HostError(Category.CONFIG, Phase.CONFIG, message)
