"""``sockfleet inventory --host NAME --connection``: what a login uses, and where it is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ..inventory.connection.login_report import LoginSetting, report_login
from ..inventory.models import Inventory
from ..scan.selection import connection_defaults
from .configuration.file import PATH_KEY
from .options.click_options import scan_options_from

__all__ = ["login_report"]


def login_report(
    ctx: click.Context, given: Mapping[str, Any], inventory: Inventory, name: str
) -> tuple[str, list[str]]:
    """Return the text, one line for each setting, and the notes; raises UsageError."""
    from ..collector.ssh.credentials.store import find_default_identity_files
    from ..collector.ssh.host_keys.policy import DEFAULT_KNOWN_HOSTS_FILES

    options = scan_options_from({**given, "ask_pass": False})
    settings, notes = report_login(
        inventory,
        name,
        connection_defaults(options, None),
        policy=options.host_keys,
        known_hosts=tuple(options.known_hosts) or _keep_existing(DEFAULT_KNOWN_HOSTS_FILES),
        default_keys=find_default_identity_files,
    )
    named = {flag: _describe_origin(ctx, flag) for flag in _PARAMETERS}
    if options.known_hosts:
        settings = [_replace_default(each, "known_hosts", "--known-hosts") for each in settings]
    return _format(settings, named), notes


def _keep_existing(files: Sequence[str]) -> tuple[str, ...]:
    """The first, to which keys are added, and those of the others that exist."""
    first, *others = files
    return (first, *(file for file in others if Path(file).expanduser().exists()))


_PARAMETERS = {
    "--user": "user",
    "--identity": "identity",
    "--no-agent": "agent",
    "--known-hosts": "known_hosts",
    "--host-keys": "host_keys",
}


def _describe_origin(ctx: click.Context, flag: str) -> str:
    """Where an option was given: on the command line, in the environment or in a file."""
    source = ctx.get_parameter_source(_PARAMETERS[flag])
    key = flag.removeprefix("--").removeprefix("no-")
    if source is ParameterSource.ENVIRONMENT:
        return f"environment, SOCKFLEET_{key.replace('-', '_').upper()}"
    if source is ParameterSource.DEFAULT_MAP:
        return f"{ctx.meta.get(PATH_KEY, 'sockfleet.toml')}: {key}"
    return f"command line, {flag}"


def _replace_default(setting: LoginSetting, name: str, flag: str) -> LoginSetting:
    if setting.name != name or setting.source != "default":
        return setting
    return LoginSetting(name=setting.name, value=setting.value, source=flag)


def _format(settings: list[LoginSetting], named: Mapping[str, str]) -> str:
    rows = [(each.name, each.value, named.get(each.source, each.source)) for each in settings]
    names, values = (max(len(row[column]) for row in rows) for column in (0, 1))
    values = min(values, _WIDEST_VALUE)
    return "".join(
        f"{name:<{names}}  {value:<{values}}  {source}\n" for name, value, source in rows
    )


_WIDEST_VALUE = 44
