"""What a Dask worker is given: hosts to ask and how, without secrets unless they are to be sent.

A worker is another machine. A path means the worker's file (below the user's home: below the home
of whoever runs the worker), an agent the worker's own, and passwords and passphrases are the
worker's SOCKFLEET_PASSWORD and SOCKFLEET_PASSPHRASE. Private keys are never sent. An inventory's
variables and groups stay here too: only the address and how to log in are needed to ask.
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
    "prepare_host",
]

PASSWORD_VARIABLE = "SOCKFLEET_PASSWORD"  # noqa: S105 (the variable's name)
_AGENT_VARIABLE = "SSH_AUTH_SOCK"
"""Stands for the agent of whoever reads it, as in ssh_config(5)'s IdentityAgent."""


@record
class Software:
    """What must be the same on both sides, or a value would be read as another."""

    sockfleet: str
    python: str
    """Major and minor: ``3.11``."""

    def __str__(self) -> str:
        return f"sockfleet {self.sockfleet} on Python {self.python}"


def installed_software() -> Software:
    """What runs here."""
    return Software(
        sockfleet=version("sockfleet"), python=f"{sys.version_info[0]}.{sys.version_info[1]}"
    )


@record
class _SentPassphrases:
    """Answers for key files by their paths as they travelled; ``default`` for all others."""

    known: Mapping[str, Secret]
    default: Secret | None

    def __call__(self, path: str) -> Secret | None:
        return self.known.get(path, self.default)


@record
class TaskPayload:
    """Some hosts on their way to a worker. Its repr, which Dask logs, shows no content."""

    scan: str
    """Tells apart the scans that one worker takes part in."""
    software: Software
    settings: bytes = field(repr=False)
    """The scan's `EngineSettings`, pickled once for all parcels."""
    hosts: bytes = field(repr=False)
    """Hosts by index, pickled apart: another version must be able to read the rest and say so."""
    spent_s: float
    """How much of the run's deadline was over when it was sent."""

    def contents(self) -> tuple[EngineSettings, dict[int, Host]]:
        """The settings and the hosts, as the receiver is to use them.

        What is unpickled here came through Dask, whose every message can run code anyway.
        """
        settings: EngineSettings = pickle.loads(self.settings)  # noqa: S301 (what a cluster sends may run code anyway: docs/dask.md)
        hosts: dict[int, Host] = pickle.loads(self.hosts)  # noqa: S301 (it came with the settings)
        settings = replace(settings, deadline_spent_s=self.spent_s)
        logins = {host.ssh for host in hosts.values()}
        own = {ssh: _with_own_means(ssh, is_hop=False) for ssh in logins}
        return settings, {index: replace(host, ssh=own[host.ssh]) for index, host in hosts.items()}


class PayloadBuilder:
    """Makes the parcels of one scan; see `prepare_host` for what stays here."""

    def __init__(
        self,
        scan: str,
        settings: EngineSettings,
        *,
        with_secrets: bool,
        passphrases: Mapping[str, Secret] | None = None,
    ) -> None:
        """``passphrases``, by key file, are sent only ``with_secrets``."""
        self._scan = scan
        self._software = installed_software()
        self._with_secrets = with_secrets
        self._logins: dict[SshSettings, SshSettings] = {}
        answers = _sent_passphrases(passphrases or {}) if with_secrets else None
        transport = settings.transport_settings
        self._settings = pickle.dumps(
            replace(
                settings,
                transport_settings=replace(
                    transport,
                    defaults=prepare_host(transport.defaults, with_secrets=with_secrets),
                    known_hosts_files=tuple(map(_home_relative, transport.known_hosts_files)),
                    ask_passphrase=answers,
                    ask_password=None,
                ),
            )
        )

    def parcel(self, hosts: Mapping[int, Host], *, spent_s: float) -> TaskPayload:
        """The hosts, ready to be sent."""
        sent = {
            index: replace(host, groups=(), variables={}, ssh=self._login(host.ssh))
            for index, host in hosts.items()
        }
        return TaskPayload(
            scan=self._scan,
            software=self._software,
            settings=self._settings,
            hosts=pickle.dumps(sent),
            spent_s=spent_s,
        )

    def _login(self, ssh: SshSettings) -> SshSettings:
        sent = self._logins.get(ssh)
        if sent is None:
            sent = self._logins[ssh] = prepare_host(ssh, with_secrets=self._with_secrets)
        return sent


def prepare_host(ssh: SshSettings, *, with_secrets: bool) -> SshSettings:
    """A login as another machine is to read it: its own files, its own agent, the same user."""
    known_hosts = ssh.known_hosts_files
    return replace(
        ssh,
        user=_user(ssh),
        identity_files=tuple(map(_home_relative, ssh.identity_files)),
        certificate_files=tuple(map(_home_relative, ssh.certificate_files)),
        known_hosts_files=None if known_hosts is None else tuple(map(_home_relative, known_hosts)),
        agent=_AGENT_VARIABLE if _is_own_agent(ssh.agent) else ssh.agent,
        password=ssh.password if with_secrets else None,
        jumps=tuple(
            replace(hop, ssh=prepare_host(hop.ssh, with_secrets=with_secrets)) for hop in ssh.jumps
        ),
    )


def _with_own_means(ssh: SshSettings, *, is_hop: bool) -> SshSettings:
    password = None if is_hop else os.environ.get(PASSWORD_VARIABLE)
    agent = ssh.agent
    if agent == _AGENT_VARIABLE:
        # Without one the login says that no agent answers there.
        agent = os.environ.get(_AGENT_VARIABLE) or _AGENT_VARIABLE
    return replace(
        ssh,
        agent=agent,
        password=ssh.password or (Secret(password) if password else None),
        jumps=tuple(replace(hop, ssh=_with_own_means(hop.ssh, is_hop=True)) for hop in ssh.jumps),
    )


def _user(ssh: SshSettings) -> str | None:
    """The same wherever it is done from; None: the user here has no name, and hosts will fail."""
    try:
        return login_user(ssh)
    except HostError:
        return None


def _home_relative(path: str) -> str:
    """``~/…`` for a file below the home directory here, else its whole path."""
    whole = Path(path).expanduser().absolute()
    try:
        return f"~/{whole.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # elsewhere, or nobody knows where home is
        return str(whole)


def _is_own_agent(path: str | None) -> bool:
    return path is not None and path == os.environ.get(_AGENT_VARIABLE)


def _sent_passphrases(known: Mapping[str, Secret]) -> _SentPassphrases:
    default = os.environ.get(PASSPHRASE_VARIABLE)
    return _SentPassphrases(
        known={_home_relative(path): secret for path, secret in known.items()},
        default=Secret(default) if default else None,
    )
