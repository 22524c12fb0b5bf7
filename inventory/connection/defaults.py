"""Connection settings of the command line, which apply where the inventory sets none."""

from __future__ import annotations

from ...core.errors import UsageError
from ...core.record import record
from ..addresses import check_port, check_user
from ..models import Probe, Secret
from ..ssh_options.config_files import ConfigSource

__all__ = ["ConnectionDefaults", "check_defaults"]


@record
class ConnectionDefaults:
    """Connection settings of the command line.

    The inventory's variables take precedence over them, as over Ansible's -u and -i.
    """

    user: str | None = None
    identity_files: tuple[str, ...] = ()
    port: int | None = None
    agent: str | None = None
    """Path of an agent's socket; None: no agent is used."""
    refuses_agent: bool = False
    """Whether an option says that no agent is used; only for reports."""
    password: Secret | None = None
    ssh_config: ConfigSource = None
    """Applies after all other options: the path of a file, or those that ssh reads by itself. None
    and ``none``: no file is read."""
    overridden: frozenset[str] = frozenset()
    """Keywords, in lower case, that have no effect in an ssh_config, as an option of the command
    line takes their place (``userknownhostsfile``)."""
    allow_proxy_command: bool = False
    """Whether a ProxyCommand may run a program on this machine; otherwise it is refused."""
    probe: Probe = Probe.FULL


def check_defaults(defaults: ConnectionDefaults) -> None:
    """Raise UsageError for a user or port that no host can have."""
    try:
        if defaults.user:
            check_user(defaults.user)
        if defaults.port is not None:
            check_port(str(defaults.port))
    except ValueError as error:
        raise UsageError(str(error)) from None
