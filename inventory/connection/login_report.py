"""What a login to one host uses, and where each setting is from: for a login that fails."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Sequence

from ...core.record import record
from ...core.text import endpoint, escape
from ..models import Connection, Host, HostKeyPolicy, Inventory, InventoryHost
from ..ssh_options.arguments import SshOption
from ..ssh_options.login import EffectiveOptions
from . import variables as variables_
from .defaults import ConnectionDefaults
from .resolve import resolve_login

__all__ = ["LoginSetting", "report_login"]

_DEFAULT = "default"
_LISTS = (
    ("key exchange", "kexalgorithms", "kex_algorithms"),
    ("ciphers", "ciphers", "ciphers"),
    ("MACs", "macs", "macs"),
    ("host key algorithms", "hostkeyalgorithms", "host_key_algorithms"),
    ("key algorithms", "pubkeyacceptedalgorithms", "public_key_algorithms"),
    ("login methods", "preferredauthentications", "login_methods"),
)


@record
class LoginSetting:
    """One setting of a login."""

    name: str
    value: str
    source: str
    """The option of the command line, the variable with its group or host, ``FILE:LINE`` of an
    ssh_config, or ``default``."""


def report_login(
    inventory: Inventory,
    name: str,
    defaults: ConnectionDefaults,
    *,
    policy: HostKeyPolicy,
    known_hosts: Sequence[str],
    default_keys: Callable[[], Sequence[str]],
) -> tuple[list[LoginSetting], list[str]]:
    """Return the settings of the login to the host, and the notes of resolving them.

    ``policy`` and ``known_hosts`` are those of the scan, ``default_keys`` finds the keys of ~/.ssh.
    Raises InventoryError where the host cannot be reached as it is described, UsageError where the
    ssh_config cannot be read.
    """
    host, options, notes = resolve_login(inventory, name, defaults)
    report = _Report(inventory, inventory.hosts[name], host, options)
    rows = [*report.route(), *report.credentials(defaults, default_keys)]
    rows += [*report.host_keys(policy, known_hosts), *report.others()]
    return [row for row in rows if host.connection is Connection.SSH or row.name == "host"], notes


class _Report:
    def __init__(
        self,
        inventory: Inventory,
        described: InventoryHost,
        host: Host,
        options: EffectiveOptions,
    ) -> None:
        self._inventory = inventory
        self._described = described
        self._host = host
        self._options = options

    def route(self) -> Iterator[LoginSetting]:
        """The host, its address, and the way there."""
        host = self._host
        where = self._described.source or "command line"
        kind = (
            host.connection if host.transport is None else f"{host.connection} ({host.transport})"
        )
        yield LoginSetting(name="host", value=f"{host.name}, by {kind}", source=where)
        address = self._find("hostname") or self._find_variable(variables_.ADDRESS)
        yield self._row("address", host.address, address or "the name of the host")
        yield self._row("port", str(host.port), self._find("port"))
        if host.ssh.proxy_command is not None:
            yield self._row("proxy command", host.ssh.proxy_command, self._find("proxycommand"))
        for hop in host.ssh.jumps:
            user = "" if hop.ssh.user is None else f"{hop.ssh.user}@"
            source = self._find("proxyjump") or self._find("proxycommand")
            yield self._row("jump host", f"{user}{endpoint(hop.address, hop.port)}", source)

    def credentials(
        self, defaults: ConnectionDefaults, default_keys: Callable[[], Sequence[str]]
    ) -> Iterator[LoginSetting]:
        """Who logs in, by which keys."""
        ssh = self._host.ssh
        user = ssh.user if ssh.user is not None else getpass.getuser()
        yield self._row("user", user, self._find("user"))
        if ssh.password is not None:
            source = self._find_variable(variables_.PASSWORD)
            yield self._row("password", "set", source or "an option or the environment")
        named = self._options.accumulated.get("identityfile", ())
        if ssh.identity_files is None:
            files = default_keys()
            yield self._row("key", ", ".join(files) or "none in ~/.ssh", None)
        elif not ssh.identity_files:
            yield self._row("key", "none", self._source(named[0]) if named else None)
        for index, path in enumerate(ssh.identity_files or ()):
            option = named[index] if len(named) == len(ssh.identity_files or ()) else named[0]
            yield self._row("key", path, self._source(option))
        for path in ssh.certificate_files:
            option = self._options.accumulated["certificatefile"][0]
            yield self._row("certificate", path, self._source(option))
        yield self._agent(defaults)

    def _agent(self, defaults: ConnectionDefaults) -> LoginSetting:
        agent, source = self._host.ssh.agent, self._find("identityagent")
        if source is None and defaults.agent is not None:
            source = "SSH_AUTH_SOCK"
        elif source is None:
            source = "--no-agent" if defaults.refuses_agent else "SSH_AUTH_SOCK is not set"
        only = self._find("identitiesonly") if self._host.ssh.identities_only else None
        limit = "" if only is None else f" (keys that are named only: {only})"
        return self._row("agent", f"{agent or 'none'}{limit}", source)

    def host_keys(
        self, policy: HostKeyPolicy, known_hosts: Sequence[str]
    ) -> Iterator[LoginSetting]:
        """How the host's own key is checked."""
        ssh = self._host.ssh
        user, machine = self._find("userknownhostsfile"), self._find("globalknownhostsfile")
        if ssh.known_hosts_files is not None:
            files, source = ssh.known_hosts_files or ("none",), user or machine
        else:
            files, source = tuple(known_hosts), None
        for file in files:
            yield self._row("known_hosts", file, source)
        if ssh.host_key_alias is not None:
            yield self._row("known there as", ssh.host_key_alias, self._find("hostkeyalias"))
        own = self._find("stricthostkeychecking") or self._find("batchmode")
        if ssh.host_keys is not None:
            yield self._row("unknown host key", _describe_policy(ssh.host_keys), own)
        elif policy is HostKeyPolicy.ACCEPT_NEW:
            yield self._row("unknown host key", _describe_policy(policy), "--host-keys")
        else:
            yield self._row("unknown host key", "asked about on a terminal, else refused", own)

    def others(self) -> Iterator[LoginSetting]:
        """What is shown only where it is set."""
        ssh = self._host.ssh
        for name, keyword, field in _LISTS:
            value: tuple[str, ...] = getattr(ssh, field)
            if value:
                yield self._row(name, ",".join(value), self._find(keyword))
        if ssh.connect_timeout_s is not None:
            value_s = f"{ssh.connect_timeout_s:g} s"
            yield self._row("connect timeout", value_s, self._find("connecttimeout"))
        if ssh.bind_address is not None:
            yield self._row("local address", ssh.bind_address, self._find("bindaddress"))

    def _row(self, name: str, value: str, source: str | None) -> LoginSetting:
        return LoginSetting(name=name, value=escape(value), source=escape(source or _DEFAULT))

    def _find(self, keyword: str) -> str | None:
        option = self._options.first.get(keyword)
        return None if option is None else self._source(option)

    def _source(self, option: SshOption) -> str:
        is_variable = option.source in variables_.NAMES
        return self._locate(option.source) if is_variable else option.source

    def _find_variable(self, names: Sequence[str]) -> str | None:
        set_ = [name for name in names if self._described.variables.get(name) is not None]
        return self._locate(set_[-1]) if set_ else None

    def _locate(self, variable: str) -> str:
        """The variable with the group that gives it its value, or with the host."""
        value = self._described.variables.get(variable)
        for name in (*self._described.groups, "all"):
            group = self._inventory.groups.get(name)
            if group is not None and group.variables.get(variable) == value:
                return f"{variable} of group {name}"
        where = f" ({self._described.source})" if self._described.source else ""
        return f"{variable} of host {self._described.name}{where}"


def _describe_policy(policy: HostKeyPolicy) -> str:
    return "refused" if policy is HostKeyPolicy.STRICT else "accepted and remembered"
