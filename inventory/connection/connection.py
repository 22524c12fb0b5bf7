"""From a host of the inventory to a `Host` that is ready to be asked.

The order in which values win is that of the command line which ansible-core 2.19's ssh connection
builds, where ssh keeps the first value it gets: ``ansible_ssh_args``, host key checking, port,
identity, user and timeout of the variables, ``ansible_ssh_common_args``,
``ansible_ssh_extra_args``, then an ssh_config. Command-line defaults (``-u``, ``-i``) stand where
the variable they stand in for would.

Jump hosts log in with the scan's own identity files and agent, never with the password or the user
of the host behind them, as with ``ssh -J``.
"""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core.errors import UsageError
from ...core.record import record
from ...core.text import escape, has_unsafe, quote
from ..addresses import check_address, check_label, check_port, check_user
from ..errors import InventoryError
from ..models import Connection, Host, Inventory, InventoryHost, Probe, Secret, SshSettings
from ..ssh_options.arguments import SshArguments, SshOption, read_arguments
from ..ssh_options.keywords import OtherOptions
from ..ssh_options.login import Credentials, Login, LoginResolver
from . import variables as variables_
from .group_caps import GroupCaps
from .secret_variables import without_secrets
from .variables import Variables

__all__ = ["ConnectionDefaults", "Fault", "check_hosts", "resolve_hosts"]

_SHOWN_FAULTS = 5


@record
class ConnectionDefaults:
    """What the command line says; the inventory's variables win, as over Ansible's -u and -i."""

    user: str | None = None
    identity_files: tuple[str, ...] = ()
    port: int | None = None
    agent: str | None = None
    """Path of an agent's socket; None: no agent is asked."""
    password: Secret | None = None
    ssh_config: str | None = None
    """An ssh_config file, asked after everything else; None: none is read."""
    allow_proxy_command: bool = False
    """Whether a ProxyCommand may run a program here; else it is refused by name."""
    probe: Probe = Probe.FULL


@record
class Fault:
    """Why one host cannot be reached as its variables say."""

    host: str
    source: str
    """Where the host was first named."""
    problem: str

    def __str__(self) -> str:
        where = f"{self.source}: " if self.source else ""
        return f"{where}host {quote(self.host)}: {self.problem}"


def resolve_hosts(
    inventory: Inventory, names: Sequence[str], defaults: ConnectionDefaults
) -> tuple[list[Host], list[str]]:
    """The named hosts in order, and notes for the user (each once, not once per host).

    Raises UsageError where no name is given, InventoryError naming the first faulty hosts and how
    many there are.
    """
    if not names:
        raise UsageError("no host is selected: the inventory or the limit leaves none")
    hosts, notes, faults = check_hosts(inventory, names, defaults)
    if not faults:
        return hosts, notes
    if len(faults) == 1:
        raise InventoryError(faults[0].source or "inventory", _headless(faults[0]))
    listed = [f"\n  {fault}" for fault in faults[:_SHOWN_FAULTS]]
    if len(faults) > _SHOWN_FAULTS:
        listed.append(f"\n  and {len(faults) - _SHOWN_FAULTS} more")
    raise InventoryError(
        ", ".join(inventory.sources) or "inventory",
        f"{len(faults)} of {len(names)} selected hosts cannot be reached as they are described:"
        + "".join(listed),
    )


def check_hosts(
    inventory: Inventory, names: Sequence[str], defaults: ConnectionDefaults
) -> tuple[list[Host], list[str], list[Fault]]:
    """The hosts that can be reached, the notes, and a fault for each of the others.

    Raises UsageError where the command line itself cannot be used, its ssh_config included, and
    InventoryError where a group's ``sockfleet_max_connections`` is no number.
    """
    resolver = _Resolver(defaults, GroupCaps(inventory))
    hosts: list[Host] = []
    faults: list[Fault] = []
    for name in names:
        described = inventory.hosts[name]
        try:
            hosts.append(resolver.host(described))
        except InventoryError as error:
            faults.append(Fault(host=name, source=described.source, problem=str(error)))
    return hosts, resolver.passed.notes(), faults


def _headless(fault: Fault) -> str:
    return f"host {quote(fault.host)}: {fault.problem}"


@record
class _Asked:
    """What connection variables ask for, whichever host they belong to."""

    options: Sequence[SshOption]
    config_file: str | None
    credentials: Credentials


class _Resolver:
    """Judges each distinct set of connection variables once."""

    def __init__(self, defaults: ConnectionDefaults, caps: GroupCaps) -> None:
        self.passed = OtherOptions()
        self._defaults = defaults
        self._caps = caps
        _judge_defaults(defaults)
        self._asked: dict[tuple[Any, ...], _Asked] = {}
        self._logins: dict[tuple[Any, ...], Login] = {}
        self._settings: dict[SshSettings, SshSettings] = {}
        self._judge = LoginResolver(
            hop_credentials=Credentials(
                identity_files=tuple(
                    str(Path(path).expanduser()) for path in defaults.identity_files
                ),
                agent=defaults.agent,
            ),
            allow_proxy_command=defaults.allow_proxy_command,
            passed=self.passed,
        )
        if defaults.ssh_config is not None and defaults.ssh_config.lower() != "none":
            self._judge.config(defaults.ssh_config)

    def host(self, described: InventoryHost) -> Host:
        values = {
            name: value
            for name in variables_.NAMES
            if (value := described.variables.get(name)) is not None
        }
        variables = Variables(values)
        try:
            check_label(described.name)
        except ValueError as error:
            raise InventoryError("name", str(error)) from None
        groups, caps = _harmless(described.groups), self._caps.of(described.groups)
        shown_variables = without_secrets(described.variables)
        probe = variables.probe() or self._defaults.probe
        region = variables.region()
        if variables.connection is Connection.LOCAL:
            return Host(
                name=described.name,
                address="localhost",
                groups=groups,
                connection=Connection.LOCAL,
                transport=variables.transport,
                probe=probe,
                region=region,
                caps=caps,
                variables=shown_variables,
            )
        address, name = variables.text(variables_.ADDRESS)
        if name and not address:
            raise InventoryError(name, "it is empty: an address or a name is expected")
        try:
            alias = check_address(address if name else described.name)
        except ValueError as error:
            hint = "" if name else " (ansible_host gives it another address)"
            raise InventoryError(name or "name", f"{error}{hint}") from None
        login = self._login(alias, values, variables)
        return Host(
            name=described.name,
            address=login.address,
            port=login.port,
            groups=groups,
            transport=variables.transport,
            ssh=login.ssh,
            probe=probe,
            region=region,
            caps=caps,
            variables=shown_variables,
        )

    def _login(self, alias: str, values: Mapping[str, Any], variables: Variables) -> Login:
        key = _key(values)
        known = self._logins.get(key)
        if known is not None:
            return replace(known, address=alias)
        if key not in self._asked:
            self._asked[key] = self._read(values, variables)
        asked = self._asked[key]
        login = self._judge.login(
            alias, asked.options, asked.credentials, config_file=asked.config_file
        )
        login = replace(login, ssh=self._settings.setdefault(login.ssh, login.ssh))
        if not login.bound:
            self._logins[key] = login
        return login

    def _read(self, values: Mapping[str, Any], variables: Variables) -> _Asked:
        self._note(values)
        variables.refuse_unknown_keys()
        options, config_file = self._options(variables)
        password, _ = variables.text(variables_.PASSWORD)
        return _Asked(
            options=options,
            config_file=config_file,
            credentials=Credentials(
                agent=self._defaults.agent,
                password=Secret(password) if password else self._defaults.password,
            ),
        )

    def _options(self, variables: Variables) -> tuple[list[SshOption], str | None]:
        """All options in the order in which they win, and the ssh_config that comes after."""
        parts = [
            _arguments(variables, names)
            for names in (
                variables_.SSH_ARGUMENTS,
                variables_.COMMON_ARGUMENTS,
                variables_.EXTRA_ARGUMENTS,
            )
        ]
        overriding = [o for part in reversed(parts) for o in part.options if o.overrides]
        ssh, common, extra = ([o for o in part.options if not o.overrides] for part in parts)
        command, source = variables.text(variables_.PROXY_COMMAND)
        proxy = [_option("ProxyCommand", command, source)] if command else []
        named = [part.config_file for part in reversed(parts) if part.config_file]
        return (
            [*overriding, *ssh, *self._from_variables(variables), *common, *extra, *proxy],
            named[0] if named else self._defaults.ssh_config,
        )

    def _from_variables(self, variables: Variables) -> list[SshOption]:
        """What the variables say, the command line's defaults where they say nothing."""
        options: list[SshOption] = []
        defaults = self._defaults
        checked, source = variables.host_key_checking()
        if checked is False:
            options.append(_option("StrictHostKeyChecking", "no", source))
        port, source = variables.port()
        if port is None and defaults.port is not None:
            port, source = defaults.port, "--port"
        if port is not None:
            options.append(_option("Port", str(port), source))
        file, source = variables.text(variables_.IDENTITY_FILE)
        # An empty user or file in the inventory means ssh's own, not the command line's.
        identities = [file] if source else defaults.identity_files
        options += [
            _option("IdentityFile", path, source or "--identity") for path in identities if path
        ]
        user, source = variables.text(variables_.USER)
        if not source:
            user, source = defaults.user or "", "--user"
        if user:
            options.append(_option("User", user, source))
        timeout_s, source = variables.seconds()
        if timeout_s is not None:
            options.append(_option("ConnectTimeout", str(timeout_s), source))
        return options

    def _note(self, values: Mapping[str, Any]) -> None:
        for name in variables_.PASSED_OVER:
            if name in values:
                self.passed.say(f"{name}: passed over, as no ssh program is run")


def _harmless(groups: tuple[str, ...]) -> tuple[str, ...]:
    """The groups as every output shows them; Ansible lets a group have any name."""
    return tuple(map(escape, groups)) if any(map(has_unsafe, groups)) else groups


def _judge_defaults(defaults: ConnectionDefaults) -> None:
    try:
        if defaults.user:
            check_user(defaults.user)
        if defaults.port is not None:
            check_port(str(defaults.port))
    except ValueError as error:
        raise UsageError(str(error)) from None


def _key(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two hosts must have in common to be reached alike, their address apart.

    The type belongs to it: True equals 1, yet is no port.
    """
    return tuple(
        (name, type(value), value if isinstance(value, Hashable) else repr(value))
        for name, value in values.items()
        if name not in variables_.ADDRESS
    )


def _arguments(variables: Variables, names: tuple[str, ...]) -> SshArguments:
    text, source = variables.text(names)
    try:
        words = [word.strip() for word in shlex.split(text) if word.strip()]
    except ValueError as error:
        raise InventoryError(source, f"{quote(text)} cannot be split into words: {error}") from None
    return read_arguments(words, source)


def _option(keyword: str, text: str, source: str) -> SshOption:
    return SshOption(keyword=keyword, text=text, words=(text,), source=source)
