"""Resolve hosts of the inventory, each with its variables, into `Host` values ready to connect to.

Jump hosts log in with the scan's own identity files and agent, never with the password or the user
of the host behind them, as with ``ssh -J``.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core.errors import UsageError
from ...core.record import record
from ...core.text import escape, has_unsafe, quote
from ..addresses import check_address, check_label
from ..errors import InventoryError
from ..models import Connection, Host, Inventory, InventoryHost, Secret, SshSettings
from ..ssh_options.arguments import SshOption
from ..ssh_options.config_files import WITHOUT_DEFAULT_FILES, ConfigSource
from ..ssh_options.keywords import IgnoredOptions
from ..ssh_options.login import (
    Credentials,
    EffectiveOptions,
    Login,
    LoginResolver,
)
from . import variables as variables_
from .defaults import ConnectionDefaults, check_defaults
from .group_caps import GroupCaps
from .misspellings import find_intended_name
from .option_precedence import order_options
from .secret_variables import remove_secrets
from .templates import evaluate_templates
from .variables import OtherConnectionError, Variables

__all__ = ["Fault", "check_hosts", "resolve_hosts", "resolve_login"]

_SHOWN_FAULTS = 5
_LOCAL_LOGIN = Login(address="localhost", port=22, ssh=SshSettings(), depends_on_host=False)


@record
class Fault:
    """Why the variables of one host cannot be used."""

    host: str
    source: str
    """Where the host is first named."""
    problem: str
    other_connection: str | None = None
    """The connection of Ansible's that reaches the host (``winrm``), where it is not SSH."""

    def __str__(self) -> str:
        where = f"{self.source}: " if self.source else ""
        return f"{where}{_describe(self)}"


def resolve_hosts(
    inventory: Inventory, names: Sequence[str], defaults: ConnectionDefaults
) -> tuple[list[Host], list[str]]:
    """Return the named hosts in order, and notes for the user (each once, not once per host).

    Hosts that Ansible reaches by another connection than SSH are left out, with a note. Raises
    UsageError where ``names`` is empty, InventoryError naming the first faulty hosts and their
    number, also where no host is left.
    """
    if not names:
        raise UsageError("no host is selected: the inventory or the limit leaves none")
    hosts, notes, faults = check_hosts(inventory, names, defaults)
    others = [fault for fault in faults if fault.other_connection]
    if len(others) < len(names):
        notes += _describe_left_out(others)
        faults = [fault for fault in faults if not fault.other_connection]
    if not faults:
        return hosts, notes
    if len(faults) == 1:
        raise InventoryError(faults[0].source or "inventory", _describe(faults[0]))
    if all(fault.problem == faults[0].problem for fault in faults):  # one line of an ssh_config
        first = f"host {quote(faults[0].host)} and {len(faults) - 1} more"
        raise InventoryError(faults[0].source or "inventory", f"{first}: {faults[0].problem}")
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
    """Return the hosts that can be resolved, the notes, and a fault for each other host.

    Raises UsageError where the command line itself or its ssh_config cannot be used, InventoryError
    where a group's ``sockfleet_max_connections`` is no number.
    """
    resolver = _HostResolver(
        defaults,
        GroupCaps(inventory),
        evaluate_templates(inventory.hosts[name] for name in names),
    )
    hosts: list[Host] = []
    faults: list[Fault] = []
    for name in names:
        described = inventory.hosts[name]
        try:
            hosts.append(resolver.resolve(described))
        except InventoryError as error:
            faults.append(
                Fault(
                    host=name,
                    source=described.source,
                    problem=resolver.describe(error),
                    other_connection=error.connection
                    if isinstance(error, OtherConnectionError)
                    else None,
                )
            )
    return hosts, resolver.ignored.notes(), faults


def resolve_login(
    inventory: Inventory, name: str, defaults: ConnectionDefaults
) -> tuple[Host, EffectiveOptions, list[str]]:
    """Return one host, the ssh options that decided, and the notes.

    Raises InventoryError and UsageError, as `check_hosts` does.
    """
    described = inventory.hosts[name]
    resolver = _HostResolver(defaults, GroupCaps(inventory), evaluate_templates([described]))
    try:
        host, options = resolver.resolve_with_options(described)
    except InventoryError as error:
        where = described.source or "inventory"
        raise InventoryError(where, f"host {quote(name)}: {resolver.describe(error)}") from None
    return host, options, resolver.ignored.notes()


def _describe_left_out(others: Sequence[Fault]) -> list[str]:
    by_connection: dict[str, list[str]] = {}
    for fault in others:
        by_connection.setdefault(str(fault.other_connection), []).append(escape(fault.host))
    return [
        f"{len(hosts)} of the selected hosts left out, as ansible_connection {quote(connection)} "
        f"is not SSH: {', '.join(hosts[:_SHOWN_FAULTS])}"
        + (f" and {len(hosts) - _SHOWN_FAULTS} more" if len(hosts) > _SHOWN_FAULTS else "")
        + "; leave them out with -l to be rid of this warning"
        for connection, hosts in by_connection.items()
    ]


def _describe(fault: Fault) -> str:
    return f"host {quote(fault.host)}: {fault.problem}"


@record
class _LoginInput:
    """The options and credentials of one distinct set of connection variables."""

    options: Sequence[SshOption]
    config_file: ConfigSource
    credentials: Credentials


class _HostResolver:
    """Resolves each distinct set of connection variables once."""

    def __init__(
        self,
        defaults: ConnectionDefaults,
        caps: GroupCaps,
        evaluated: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """``evaluated`` holds the values of templates, as `evaluate_templates` returns them."""
        self._evaluated = evaluated
        self._checked_names: set[str] = set()
        self.ignored = IgnoredOptions()
        self._defaults = defaults
        self._caps = caps
        check_defaults(defaults)
        self._inputs: dict[tuple[Any, ...], _LoginInput] = {}
        self._logins: dict[tuple[Any, ...], Login] = {}
        self._settings: dict[SshSettings, SshSettings] = {}
        self._login_resolver = LoginResolver(
            hop_credentials=Credentials(
                identity_files=tuple(
                    str(Path(path).expanduser()) for path in defaults.identity_files
                ),
                agent=defaults.agent,
            ),
            allow_proxy_command=defaults.allow_proxy_command,
            ignored=self.ignored,
            overridden=defaults.overridden,
        )
        named = defaults.ssh_config
        if isinstance(named, str) and named.lower() != "none":
            self._login_resolver.configs.load(named)

    def resolve(self, described: InventoryHost) -> Host:
        """Raise InventoryError naming the variable that cannot be used."""
        return self.resolve_with_options(described)[0]

    def resolve_with_options(self, described: InventoryHost) -> tuple[Host, EffectiveOptions]:
        """As `resolve`, with the ssh options that decided."""
        values = {
            name: value
            for name in variables_.NAMES
            if (value := described.variables.get(name)) is not None
        }
        if described.name in self._evaluated:
            values |= self._evaluated[described.name]
        for name in described.variables.keys() - self._checked_names:
            self._checked_names.add(name)
            intended = find_intended_name(name)
            if intended is not None:
                self.ignored.add_note(
                    f"{escape(name)}: ignored, as it is no variable of a connection; did you mean "
                    f"{intended}?"
                )
        variables = Variables(values)
        try:
            check_label(described.name)
        except ValueError as error:
            raise InventoryError("name", str(error)) from None
        groups, caps = _escape_groups(described.groups), self._caps.for_host_in(described.groups)
        probe = variables.probe() or self._defaults.probe
        region = variables.region()
        if variables.connection is Connection.LOCAL:
            login = _LOCAL_LOGIN
        else:
            login = self._resolve_login(_read_address(described, variables), values, variables)
        host = Host(
            name=escape(described.name),
            address=login.address,
            port=login.port,
            groups=groups,
            connection=variables.connection,
            transport=variables.transport,
            ssh=login.ssh,
            probe=probe,
            region=region,
            caps=caps,
            variables=remove_secrets(described.variables),
        )
        return host, login.options

    def describe(self, error: InventoryError) -> str:
        """The error's text, with the way out where a file is at fault that ssh reads by itself."""
        if self._login_resolver.configs.holds_by_default(error.where):
            return f"{error}; {WITHOUT_DEFAULT_FILES}"
        return str(error)

    def _resolve_login(self, alias: str, values: Mapping[str, Any], variables: Variables) -> Login:
        key = _make_key(values)
        if key not in self._inputs:
            self._inputs[key] = self._read_input(values, variables)
        given = self._inputs[key]
        matched = self._login_resolver.configs.match(alias, given.options, given.config_file)
        known = self._logins.get((key, matched.blocks))
        if known is not None:
            return replace(known, address=alias)
        login = self._login_resolver.resolve(
            alias,
            given.options,
            given.credentials,
            config_file=given.config_file,
            matched=matched,
        )
        login = replace(login, ssh=self._settings.setdefault(login.ssh, login.ssh))
        if not login.depends_on_host:
            self._logins[key, matched.blocks] = login
        return login

    def _read_input(self, values: Mapping[str, Any], variables: Variables) -> _LoginInput:
        for name in variables_.IGNORED:
            if name in values:
                self.ignored.add_note(f"{name}: ignored, as no ssh program is run")
        variables.refuse_unsupported()
        options, config_file = order_options(variables, self._defaults)
        password, _ = variables.text(variables_.PASSWORD)
        return _LoginInput(
            options=options,
            config_file=config_file,
            credentials=Credentials(
                agent=self._defaults.agent,
                password=Secret(password) if password else self._defaults.password,
            ),
        )


def _read_address(described: InventoryHost, variables: Variables) -> str:
    """Return ``ansible_host``, otherwise the name; raise InventoryError for an invalid address."""
    address, name = variables.text(variables_.ADDRESS)
    if name and not address:
        raise InventoryError(name, "it is empty: an address or a name is expected")
    try:
        return check_address(address if name else described.name)
    except ValueError as error:
        hint = "" if name else " (ansible_host gives it another address)"
        raise InventoryError(name or "name", f"{error}{hint}") from None


def _escape_groups(groups: tuple[str, ...]) -> tuple[str, ...]:
    """Escape unsafe characters for output; Ansible allows any text as a group's name."""
    return tuple(map(escape, groups)) if any(map(has_unsafe, groups)) else groups


def _make_key(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Equal for two hosts whose logins differ at most in the address.

    The type is part of it: True equals 1, but is no port.
    """
    return tuple(
        (name, type(value), value if isinstance(value, Hashable) else repr(value))
        for name, value in values.items()
        if name not in variables_.ADDRESS
    )
