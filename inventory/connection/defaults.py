"""Connection settings of the command line, which apply where the inventory sets none."""

from __future__ import annotations

from ...core.errors import UsageError
from ...core.record import record
from ..addresses import check_port, check_user
from ..models import Probe, Secret

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
    password: Secret | None = None
    ssh_config: str | None = None
    """Path of an ssh_config file, which applies after all other options; None: none is read."""
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
