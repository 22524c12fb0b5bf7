"""The inventory's values: groups and hosts as the sources define them, and hosts to connect to.

`Inventory` holds groups and hosts with inheritance resolved and values unchecked, as ``sockfleet
inventory`` shows them. `Host` is one selected host with its connection variables checked; it is all
that the collector needs of the inventory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
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
    "LiteralText",
    "Probe",
    "Secret",
    "SshSettings",
]


@record
class Group:
    """A group as the sources define it; ``all`` and ``ungrouped`` are groups too."""

    name: str
    children: tuple[str, ...] = ()
    """Direct child groups, in order of definition."""
    hosts: tuple[str, ...] = ()
    """Direct members only, in order of definition."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """The group's own variables and those of its group_vars files; none inherited from others."""


@record
class InventoryHost:
    """A host as the sources define it, with all its variables."""

    name: str
    groups: tuple[str, ...]
    """All groups of the host, ancestors included, sorted; without ``all`` and ``ungrouped``."""
    variables: Mapping[str, Any]
    """The variables that apply to the host: its own, those of host_vars, of its groups and of
    group_vars, merged by Ansible's precedence. Values are as written, not checked."""
    source: str = ""
    """Where the host is first named: ``inventory.yml:12`` or ``inventory.yml: all.hosts``."""


@record
class Inventory:
    """All sources of one call, merged by Ansible's rules."""

    groups: Mapping[str, Group]
    hosts: Mapping[str, InventoryHost]
    """By name, in order of first definition."""
    sources: tuple[str, ...] = ()
    """The sources as the user names them, for ``scan.inventory`` in the JSON."""
    notes: tuple[str, ...] = ()
    """Warnings for the user, each a complete message."""


class LiteralText(str):
    """A text of the inventory that Ansible never evaluates as a template (``!unsafe``)."""

    __slots__ = ()


class Secret:
    """A password or passphrase, kept out of logs, repr, formatted text and JSON."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


class Connection(StrEnum):
    """How commands reach a host (``ansible_connection``)."""

    SSH = "ssh"
    LOCAL = "local"
    """The host is this machine; no connection is opened."""


class Probe(StrEnum):
    """The command that a host runs (``sockfleet_probe``)."""

    FULL = "full"
    """The probe's own shell command, with namespaces and processes."""
    FORCED = "forced"
    """The forced command of the key's authorized_keys line (`collector.probe.forced_probe`)."""


class HostKeyPolicy(StrEnum):
    """What to do with an unknown host key; a changed one is always refused."""

    STRICT = "strict"
    """Refuse it."""
    ACCEPT_NEW = "accept-new"
    """Accept it and add it to known_hosts."""


@record
class SshSettings:
    """How to log in to a host: hashable, and shared by hosts with the same settings.

    Transports load keys and build options once per distinct value. Where a field is None, empty,
    False or 0, the setting of the whole scan applies (`collector.ssh.settings`), unless the field's
    own description differs.
    """

    user: str | None = None
    """The login name. None: the local user's name, as with ssh."""
    identity_files: tuple[str, ...] | None = None
    """Paths of private keys, in the order in which they are offered (IdentityFile). None: ssh's
    default files; empty: no file (``none``)."""
    certificate_files: tuple[str, ...] = ()
    """Paths of user certificates (CertificateFile)."""
    agent: str | None = None
    """Path of the agent's socket (IdentityAgent)."""
    identities_only: bool = False
    """Offer only those of the agent's keys whose files are named (IdentitiesOnly)."""
    password: Secret | None = None
    login_methods: tuple[str, ...] = ()
    """The methods of login to try, in this order, by the names of RFC 4252 and RFC 4462
    (PreferredAuthentications, and those that are switched off). Empty: all, in the transport's
    order."""
    gssapi: bool = False
    """Whether GSSAPI authentication is tried (GSSAPIAuthentication)."""
    known_hosts_files: tuple[str, ...] | None = None
    """UserKnownHostsFile and GlobalKnownHostsFile. None: the scan's files; empty: no file, so every
    host key is unknown."""
    host_key_alias: str | None = None
    """The name to look up in known_hosts. None: the address (HostKeyAlias)."""
    host_keys: HostKeyPolicy | None = None
    """What to do with an unknown host key (StrictHostKeyChecking)."""
    connect_timeout_s: float | None = None
    """Seconds (ConnectTimeout)."""
    kex_algorithms: tuple[str, ...] = ()
    """This field and the next four are lists of ssh_config(5), split at the commas. The first item
    may begin with ``+``, ``-`` or ``^``, which change the transport's own list."""
    ciphers: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    host_key_algorithms: tuple[str, ...] = ()
    public_key_algorithms: tuple[str, ...] = ()
    """How the client's keys sign (PubkeyAcceptedAlgorithms)."""
    authority_algorithms: tuple[str, ...] = ()
    """How authorities sign host certificates (CASignatureAlgorithms), as the lists above."""
    least_rsa_bits: int = 0
    """A shorter RSA key, of the host or of the user, is not used (RequiredRSASize)."""
    address_family: int = 0
    """socket.AF_INET, AF_INET6, or 0 for either (AddressFamily)."""
    bind_address: str | None = None
    """The local address to connect from. None: the kernel chooses (BindAddress)."""
    jumps: tuple[Hop, ...] = ()
    """Jump hosts, the first one first (ProxyJump); never set together with ``proxy_command``."""
    proxy_command: str | None = None
    """A command for the local shell, its tokens %h %p %r replaced (ProxyCommand); only set where
    the user allows proxy commands."""


@record
class Hop:
    """One jump host; its own ``ssh.jumps`` is always empty."""

    address: str
    port: int = 22
    ssh: SshSettings


@record
class Host:
    """One host to connect to, with its settings resolved and checked; its DNS name is not looked up
    yet."""

    name: str
    """The inventory's name of the host, as every output shows it."""
    address: str
    """The IP address or DNS name to connect to: ``ansible_host``, else the name."""
    port: int = 22
    groups: tuple[str, ...] = ()
    """As `InventoryHost.groups`, with control characters escaped."""
    connection: Connection = Connection.SSH
    transport: str | None = None
    """The transport of this host (``sockfleet_transport``, or ``ansible_connection: paramiko``).
    None: the scan's."""
    ssh: SshSettings = field(default_factory=SshSettings)
    probe: Probe = Probe.FULL
    region: str | None = None
    """The region of the Dask workers that can reach it (``sockfleet_region``). None: any worker."""
    caps: tuple[tuple[str, int], ...] = ()
    """(group, maximum of connections at once) per group with ``sockfleet_max_connections``."""
    variables: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """The host's variables without secrets, for ``--group-by``; never printed as a whole."""
