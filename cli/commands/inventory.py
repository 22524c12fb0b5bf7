"""``sockfleet inventory``: an inventory as understood, shaped like ``ansible-inventory``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from ...core.errors import UsageError
from ...core.suggestion import nearest
from ...core.text import has_unsafe
from ...inventory.connection.defaults import ConnectionDefaults
from ...inventory.connection.resolve import check_hosts, resolve_hosts
from ...inventory.connection.secret_variables import hide_secrets
from ...inventory.errors import InventoryError
from ...inventory.models import Inventory
from ...inventory.overview import graph_lines, list_document
from ...inventory.patterns import match_hosts
from ...inventory.sources.load import load_inventory
from ...scan.option_declaration import OptionGroup
from ..configuration.config_option import configuration_options
from ..console import streams
from ..help_screen import Example, HelpfulCommand
from ..options.click_options import (
    CONNECTION,
    Decorator,
    inventory_argument,
    message_options,
    option,
    scan_options,
    scan_options_from,
)
from ..options.parameter_types import WholeNumber, WordChoice

__all__ = ["command"]

_SHOWN_FAULTS = 5
_EXPORTER_PORT = 9100
"""That of node_exporter."""


def _output_option(*names: str, **settings: Any) -> Decorator:
    """An option whose help is short enough for --help."""
    brief = settings["help"].rstrip(".").partition(", instead")[0]
    return option(*names, group=OptionGroup.OUTPUT, brief=brief, **settings)


_EXAMPLES = (
    Example("sockfleet inventory inventory.yml --graph", "groups and hosts"),
    Example("sockfleet inventory inventory.yml --list", "all variables, as JSON"),
    Example("sockfleet inventory inventory.yml --host web1", "those of one host"),
    Example("sockfleet inventory inventory.yml -f prometheus-sd", "Prometheus's targets"),
)


@click.command("inventory", cls=HelpfulCommand, examples=_EXAMPLES)
@inventory_argument()
@_output_option("--list", "as_list", is_flag=True, help="All groups and variables, as JSON.")
@_output_option("--graph", is_flag=True, help="The tree of groups and hosts.")
@_output_option("--host", metavar="NAME", help="One host's variables, as JSON.")
@_output_option("--vars", "with_vars", is_flag=True, help="With --graph: show variables too.")
@_output_option("--show-secrets", is_flag=True, help="Print passwords as they are, instead of '…'.")
@_output_option(
    "--connection",
    is_flag=True,
    help="With --host: what the login uses, and where each setting is from.",
)
@_output_option(
    "-f",
    "--format",
    "format_name",
    type=WordChoice(["prometheus-sd"]),
    envvar=None,
    help="prometheus-sd: the hosts as targets of Prometheus (file_sd_configs), instead of one of "
    "these views.",
)
@_output_option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    envvar=None,
    is_path=True,
    help="With --format: write to a file, whole or not at all.",
)
@_output_option(
    "--exporter-port",
    type=WholeNumber(min=1, max=65535),
    metavar="PORT",
    help="With --format: the port of the exporter on every host.  [default: 9100]",
)
@scan_options("limit", *CONNECTION)
@configuration_options()
@message_options()
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    inventory: tuple[str, ...],
    as_list: bool,
    graph: bool,
    host: str | None,
    with_vars: bool,
    show_secrets: bool,
    connection: bool,
    format_name: str | None,
    file: str | None,
    exporter_port: int | None,
    limit: str | None,
    quiet: bool,
    verbose: int,
    **login: Any,
) -> None:
    """Show how an inventory is understood; no host is contacted.

    The output has the shape of ansible-inventory's. Settings that keep a host from being reached
    are warnings on stderr. "--host NAME --connection" takes the options of a login that scan takes,
    and is the first thing to look at where a login fails.
    """
    if (as_list, graph, host is not None, format_name is not None).count(True) != 1:
        raise click.UsageError("name one of --list, --graph, --host NAME and --format FORMAT")
    for name, given in (("--output", file), ("--exporter-port", exporter_port)):
        if given is not None and format_name is None:
            raise click.UsageError(f"{name} goes with --format")
    if with_vars and not graph:
        raise click.UsageError("--vars goes with --graph")
    if connection and host is None:
        raise click.UsageError("--connection goes with --host NAME")
    read = load_inventory(inventory, stdin=sys.stdin.buffer)
    names, notes = _select(read, host, limit)
    if connection and host is not None:
        from ..login_report import login_report

        text, more = login_report(ctx, login, read, host)
        streams.warn_all([*read.notes, *notes, *more], quiet=quiet)
        streams.write(text.encode("utf-8", "backslashreplace"))
        return
    streams.warn_all([*read.notes, *notes], quiet=quiet)
    if format_name is not None:
        _write_targets(read, names, login, file=file, port=exporter_port, quiet=quiet)
        return
    shown = _PrintedVariables(read, names, show_secrets=show_secrets)
    streams.warn_all(_warnings(read, names, verbose=verbose), quiet=quiet)
    if host is not None:
        output = _json(shown.hosts[host])
    elif as_list:
        output = _json(list_document(read, shown.hosts))
    else:
        output = shown.graph(limited=limit is not None, with_vars=with_vars)
    _print(output)


def _print(output: bytes) -> None:
    try:
        streams.write(output)
    except BrokenPipeError:
        return  # the reader has what it wanted


def _write_targets(
    inventory: Inventory,
    names: Sequence[str],
    login: Mapping[str, Any],
    *,
    file: str | None,
    port: int | None,
    quiet: bool,
) -> None:
    """Write the hosts that ``scan`` would read, at the addresses to which it connects.

    Raises UsageError where ``scan`` would: a file without the faulty hosts would hide them.
    """
    from ...output.atomic_file import replace_whole
    from ...output.machine.prometheus_sd import format_targets
    from ...scan.selection import connection_defaults

    options = scan_options_from({**login, "ask_pass": False, "password_file": None})
    hosts, notes = resolve_hosts(inventory, names, connection_defaults(options, None))
    streams.warn_all(notes, quiet=quiet)
    output = format_targets(hosts, port=_EXPORTER_PORT if port is None else port)
    if file is None:
        _print(output)
    else:
        # Prometheus runs as its own user, which must be able to read the file.
        replace_whole(Path(file), output, new_mode=0o644)


class _PrintedVariables:
    """The variables as they are printed."""

    def __init__(self, inventory: Inventory, names: Sequence[str], *, show_secrets: bool) -> None:
        self._inventory = inventory
        self._show_secrets = show_secrets
        # Hosts without variables of their own share one mapping, which is searched once.
        self._known: dict[int, Mapping[str, Any]] = {}
        self.hosts = {name: self._hide_secrets(inventory.hosts[name].variables) for name in names}

    def graph(self, *, limited: bool, with_vars: bool) -> bytes:
        groups = {
            name: self._hide_secrets(group.variables)
            for name, group in self._inventory.groups.items()
        }
        lines = graph_lines(
            self._inventory,
            selected=self.hosts if limited else None,
            group_variables=groups if with_vars else None,
            host_variables=self.hosts if with_vars else None,
        )
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")

    def _hide_secrets(self, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._show_secrets:
            return variables
        known = self._known.get(id(variables))
        if known is None:
            known = self._known[id(variables)] = hide_secrets(variables)
        return known


def _select(
    inventory: Inventory, host: str | None, limit: str | None
) -> tuple[Sequence[str], Sequence[str]]:
    if host is not None:
        if host not in inventory.hosts:
            near = nearest(host, inventory.hosts)
            hint = "" if near is None else f"; did you mean {near}?"
            raise UsageError(f"no host {host!r} among the {len(inventory.hosts)}{hint}")
        return (host,), ()
    if limit is None:
        return tuple(inventory.hosts), ()
    found = match_hosts(inventory, limit)
    return found.hosts, found.notes


def _warnings(inventory: Inventory, names: Sequence[str], *, verbose: int) -> list[str]:
    """The faults that ``scan`` would refuse, and with -v what it would ignore."""
    try:
        _, notes, faults = check_hosts(inventory, names, ConnectionDefaults())
    except InventoryError as error:
        return [str(error)]
    warnings = [str(fault) for fault in faults[:_SHOWN_FAULTS]]
    if len(faults) > _SHOWN_FAULTS:
        warnings.append(f"{len(faults) - _SHOWN_FAULTS} more hosts cannot be reached as described")
    return warnings + (notes if verbose else [])


def _json(value: object) -> bytes:
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    try:
        data = orjson.dumps(value, default=str, option=options | orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # Whole numbers beyond 64 bits and unpaired surrogates, which orjson refuses.
        text = json.dumps(value, default=_format_date, indent=2, ensure_ascii=False)
        data = text.encode("utf-8", "backslashreplace") + b"\n"
    return _UNSAFE_FOR_TERMINAL.sub(_escape_json, data.decode()).encode()


# JSON allows DEL, C1 controls and format characters unescaped; they would steer a terminal.
_UNSAFE_FOR_TERMINAL = re.compile(r"[^ -~\n]")


def _escape_json(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1] if has_unsafe(match[0]) else match[0]


def _format_date(value: object) -> str:
    """YAML's dates as orjson and Ansible print them."""
    return value.isoformat() if isinstance(value, date) else str(value)
