"""The values that the inventory hands on: groups and hosts as written, and hosts ready to reach.

Two stages. `Inventory` is what the sources say, inheritance already resolved, values not yet
judged: ``sockfleet inventory`` shows it. `Host` is one selected host, its connection variables
judged and flattened: everything after the inventory sees only this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..core.record import record

__all__ = [
    "Connection",
    "Group",
    "Hop",
    "Host",
    "HostKeyPolicy",
    "Inventory",
    "InventoryHost",
    "Probe",
    "Secret",
    "SshSettings",
]


@record
class Group:
    """A group as the sources define it, ``all`` and ``ungrouped`` included."""

    name: str
    children: tuple[str, ...] = ()
    """Direct child groups, in the order of their definition."""
    hosts: tuple[str, ...] = ()
    """Direct members only, in the order of their definition."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """The group's own variables, its group_vars files included, nothing inherited."""


@record
class InventoryHost:
    """A host as the sources define it, all its variables resolved."""

    name: str
    groups: tuple[str, ...]
    """Every group it is in, ancestors included, sorted, without ``all`` and ``ungrouped``."""
    variables: Mapping[str, Any]
    """Everything that holds for it: groups', group_vars', its own and host_vars', by precedence."""
    source: str = ""
    """Where it was first named: ``inventory.yml:12`` or ``inventory.yml: all.hosts``."""


@record
class Inventory:
    """All sources of one call, merged as Ansible merges them."""

    groups: Mapping[str, Group]
    hosts: Mapping[str, InventoryHost]
    """In the order of their first definition."""
    sources: tuple[str, ...] = ()
    """The sources as the user named them, for ``scan.inventory`` in the JSON."""
    notes: tuple[str, ...] = ()
    """Warnings for the user, each complete as it stands."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A password or passphrase: no log, repr, format or JSON shows it by accident."""

    _text: str

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"


class Connection(StrEnum):
    """How a host is reached (``ansible_connection``)."""

    SSH = "ssh"
    LOCAL = "local"


class Probe(StrEnum):
    """What a host is asked to run (``sockfleet_probe``)."""

    FULL = "full"
    FORCED = "forced"
    """Its key's own forced command answers, whatever is asked (`collector.probe.forced`)."""


class HostKeyPolicy(StrEnum):
    """What to do with an unknown host key; a changed one is always refused."""

    STRICT = "strict"
    ACCEPT_NEW = "accept-new"


@record
class SshSettings:
    """How to log in, apart from the address: hashable and shared by many hosts.

    Transports make keys and options once per distinct value, so equal settings must compare
    equal. An empty tuple or None means: what the scan as a whole says (`TransportSettings`).
    """

    user: str | None = None
    """None: the local user's name, as ssh does."""
    identity_files: tuple[str, ...] = ()
    """Private keys in the order to offer them, ``~`` expanded. Empty: the default ones."""
    certificate_files: tuple[str, ...] = ()
    agent: str | None = None
    """Path of the agent's socket; None: no agent is asked."""
    identities_only: bool = False
    """Of the agent's keys only those are offered whose files are named (IdentitiesOnly)."""
    password: Secret | None = None
    gssapi: bool = False
    known_hosts_files: tuple[str, ...] | None = None
    host_key_alias: str | None = None
    """The name to look up in known_hosts instead of the address (HostKeyAlias)."""
    host_keys: HostKeyPolicy | None = None
    connect_timeout_s: float | None = None
    kex_algorithms: tuple[str, ...] = ()
    """This and the next three as ssh_config(5) writes them, cut at the commas: the first may begin
    with ``+``, ``-`` or ``^``, which change the transport's own list."""
    ciphers: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    host_key_algorithms: tuple[str, ...] = ()
    address_family: int = 0
    """socket.AF_INET, AF_INET6, or 0 for either (AddressFamily)."""
    bind_address: str | None = None
    jumps: tuple[Hop, ...] = ()
    """ProxyJump, the first hop first; excludes ``proxy_command``."""
    proxy_command: str | None = None
    """Run by a local shell, with %h %p %r already filled in; only where the user opted in."""


@record
class Hop:
    """One jump host on the way (its own ``ssh.jumps`` is always empty)."""

    address: str
    port: int = 22
    ssh: SshSettings


@record
class Host:
    """One host, ready to be asked: nothing about it needs resolving any more but its address."""

    name: str
    """The inventory's name: what every output calls it."""
    address: str
    """What to connect to: ``ansible_host``, else the name; an IP address or a DNS name."""
    port: int = 22
    groups: tuple[str, ...] = ()
    connection: Connection = Connection.SSH
    transport: str | None = None
    """The transport this host asks for (``ansible_connection: paramiko``); None: the scan's."""
    ssh: SshSettings = field(default_factory=SshSettings)
    probe: Probe = Probe.FULL
    region: str | None = None
    """Which Dask workers can reach it (``sockfleet_region``); None: any."""
    caps: tuple[tuple[str, int], ...] = ()
    """(group, most connections at once) for each group that sets ``sockfleet_max_connections``."""
    variables: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """For ``--group-by``; never shown as a whole."""
