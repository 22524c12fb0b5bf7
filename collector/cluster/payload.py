"""What a Dask worker gets: hosts and settings, without secrets unless the user sends them.

A worker is another machine. A path means the worker's file (below the user's home here: below the
home of the worker's user there), an agent is the worker's own, and passwords and passphrases are
the worker's SOCKFLEET_PASSWORD and SOCKFLEET_PASSPHRASE. Private keys are never sent. Neither are
an inventory's variables and groups, as the worker needs only addresses and login settings.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Mapping
from dataclasses import field, replace
from importlib.metadata import version
from pathlib import Path

from ...core.record import record
from ...inventory.models import Host, Secret, SshSettings
from ..engine import EngineSettings
from ..errors import HostError
from ..ssh.credentials.store import PASSPHRASE_VARIABLE
from ..ssh.credentials.user import login_user

__all__ = [
    "PASSWORD_VARIABLE",
    "PayloadBuilder",
    "Software",
    "TaskPayload",
    "installed_software",
    "prepare_login",
]

PASSWORD_VARIABLE = "SOCKFLEET_PASSWORD"  # noqa: S105 (the variable's name)
_AGENT_VARIABLE = "SSH_AUTH_SOCK"
"""As an agent's path it means the agent of the process that reads it, as IdentityAgent in
ssh_config(5)."""


@record
class Software:
    """The versions that must be the same on both sides, as values are pickled between them."""

    sockfleet: str
    python: str
    """Major and minor: ``3.11``."""

    def __str__(self) -> str:
        return f"sockfleet {self.sockfleet} on Python {self.python}"


def installed_software() -> Software:
    """The versions of this process."""
    return Software(
        sockfleet=version("sockfleet"), python=f"{sys.version_info[0]}.{sys.version_info[1]}"
    )


@record
class _SentPassphrases:
    """The passphrases of key files, by their paths as sent; ``default`` for all others."""

    known: Mapping[str, Secret]
    default: Secret | None

    def __call__(self, path: str) -> Secret | None:
        return self.known.get(path, self.default)


@record
class TaskPayload:
    """Some hosts on their way to a worker. Dask logs its repr, which shows no content."""

    scan: str
    """Identifies the scan, as a worker may serve several."""
    software: Software
    settings: bytes = field(repr=False)
    """The scan's `EngineSettings`, pickled once for all payloads."""
    hosts: bytes = field(repr=False)
    """Hosts by index. Pickled apart, so that a worker of another version can read the rest."""
    spent_s: float
    """How much of the run's deadline had passed when it was sent."""

    def unpack(self) -> tuple[EngineSettings, dict[int, Host]]:
        """The settings and the hosts as the worker uses them, with its own agent and password.

        Unpickling adds no risk: every message of Dask can run code (docs/dask.md).
        """
        settings: EngineSettings = pickle.loads(self.settings)  # noqa: S301 (what a cluster sends may run code anyway: docs/dask.md)
        hosts: dict[int, Host] = pickle.loads(self.hosts)  # noqa: S301 (it came with the settings)
        settings = replace(settings, deadline_spent_s=self.spent_s)
        logins = {host.ssh for host in hosts.values()}
        own = {ssh: _with_local_credentials(ssh, is_hop=False) for ssh in logins}
        return settings, {index: replace(host, ssh=own[host.ssh]) for index, host in hosts.items()}


class PayloadBuilder:
    """Builds the payloads of one scan; `prepare_login` says what is not sent."""

    def __init__(
        self,
        scan: str,
        settings: EngineSettings,
        *,
        with_secrets: bool,
        passphrases: Mapping[str, Secret] | None = None,
    ) -> None:
        """``passphrases``, by key file, are sent only ``with_secrets``."""
        self.scan = scan
        self._software = installed_software()
        self._with_secrets = with_secrets
        self._logins: dict[SshSettings, SshSettings] = {}
        answers = _collect_passphrases(passphrases or {}) if with_secrets else None
        transport = settings.transport_settings
        self._settings = pickle.dumps(
            replace(
                settings,
                transport_settings=replace(
                    transport,
                    defaults=prepare_login(transport.defaults, with_secrets=with_secrets),
                    known_hosts_files=tuple(map(_home_relative, transport.known_hosts_files)),
                    ask_passphrase=answers,
                    ask_password=None,
                ),
            )
        )

    def build(self, hosts: Mapping[int, Host], *, spent_s: float) -> TaskPayload:
        """The payload of these hosts."""
        sent = {
            index: replace(host, groups=(), variables={}, ssh=self._prepare_login(host.ssh))
            for index, host in hosts.items()
        }
        return TaskPayload(
            scan=self.scan,
            software=self._software,
            settings=self._settings,
            hosts=pickle.dumps(sent),
            spent_s=spent_s,
        )

    def _prepare_login(self, ssh: SshSettings) -> SshSettings:
        sent = self._logins.get(ssh)
        if sent is None:
            sent = self._logins[ssh] = prepare_login(ssh, with_secrets=self._with_secrets)
        return sent


def prepare_login(ssh: SshSettings, *, with_secrets: bool) -> SshSettings:
    """A login for another machine: its own files and agent, but the same user."""
    identities, known_hosts = ssh.identity_files, ssh.known_hosts_files
    return replace(
        ssh,
        user=_resolve_user(ssh),
        identity_files=None if identities is None else tuple(map(_home_relative, identities)),
        certificate_files=tuple(map(_home_relative, ssh.certificate_files)),
        known_hosts_files=None if known_hosts is None else tuple(map(_home_relative, known_hosts)),
        agent=_AGENT_VARIABLE if _is_own_agent(ssh.agent) else ssh.agent,
        password=ssh.password if with_secrets else None,
        jumps=tuple(
            replace(hop, ssh=prepare_login(hop.ssh, with_secrets=with_secrets)) for hop in ssh.jumps
        ),
    )


def _with_local_credentials(ssh: SshSettings, *, is_hop: bool) -> SshSettings:
    password = None if is_hop else os.environ.get(PASSWORD_VARIABLE)
    agent = ssh.agent
    if agent == _AGENT_VARIABLE:
        # Without one the login fails with the message that no agent answers.
        agent = os.environ.get(_AGENT_VARIABLE) or _AGENT_VARIABLE
    return replace(
        ssh,
        agent=agent,
        password=ssh.password or (Secret(password) if password else None),
        jumps=tuple(
            replace(hop, ssh=_with_local_credentials(hop.ssh, is_hop=True)) for hop in ssh.jumps
        ),
    )


def _resolve_user(ssh: SshSettings) -> str | None:
    """The login user by this machine; None: the user here has no name, so the logins will fail."""
    try:
        return login_user(ssh)
    except HostError:
        return None


def _home_relative(path: str) -> str:
    """``~/…`` for a file below the home directory here, else its absolute path."""
    whole = Path(path).expanduser().absolute()
    try:
        return f"~/{whole.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # elsewhere, or without a known home
        return str(whole)


def _is_own_agent(path: str | None) -> bool:
    return path is not None and path == os.environ.get(_AGENT_VARIABLE)


def _collect_passphrases(known: Mapping[str, Secret]) -> _SentPassphrases:
    default = os.environ.get(PASSPHRASE_VARIABLE)
    return _SentPassphrases(
        known={_home_relative(path): secret for path, secret in known.items()},
        default=Secret(default) if default else None,
    )
