"""The keys of ``sockfleet.toml``: the options of the commands, by their long names.

A key takes what its option takes, so there is no second list to maintain. An option without an
environment variable is for one call only (``--list-hosts``) and has no key.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from ...core.errors import UsageError
from ...core.lazy_pattern import lazy_pattern
from ...core.suggestion import suggest
from ...core.text import quote
from ..command_table import load_command
from ..options.parameter_types import WorkerCount

__all__ = [
    "COMMANDS",
    "ConfigurationError",
    "Fault",
    "Keys",
    "all_keys",
    "check_table",
    "keys_of",
]

COMMANDS = ("scan", "check", "alert", "explain", "inventory", "merge", "report", "history")
"""Those that take --config, each with a table of its own."""

Keys = Mapping[str, click.Parameter]

_NOT_IN_A_FILE = frozenset({"config", "profile"})
_SECRET = lazy_pattern(r"pass(word|wd|phrase|code)?$|secret|token", re.IGNORECASE)
_FORMAT_PREFIX = lazy_pattern(r"([a-z][a-z0-9_-]*:)?(.*)", re.DOTALL)


class Fault(NamedTuple):
    """One thing that is wrong in a file."""

    key: str
    """The path of keys: ``scan.concurrency``."""
    problem: str


class ConfigurationError(UsageError):
    """A configuration file or a profile cannot be used.

    The text begins with the file and the path of keys, where there are any.
    """


def keys_of(command: str) -> Keys:
    """The keys of a command's table, each with the parameter that it sets."""
    keys: dict[str, click.Parameter] = {}
    for parameter in _parameters(load_command(command)):
        if parameter.envvar is not None:
            # An argument has its name alone.
            name = next((each for each in parameter.opts if each.startswith("--")), parameter.name)
            keys[name.removeprefix("--")] = parameter
    return {name: keys[name] for name in keys if name not in _NOT_IN_A_FILE}


def _parameters(command: click.Command) -> Iterator[click.Parameter]:
    """The parameters of a command; those of a group's commands share its table."""
    yield from command.params
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=command.name)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from inner.params


def all_keys() -> Mapping[str, Keys]:
    """The keys of each command."""
    return {command: keys_of(command) for command in COMMANDS}


def check_table(
    table: Mapping[str, Any], path: str, places: Iterable[Keys], folder: Path
) -> tuple[dict[str, Any], list[Fault]]:
    """Check a table: its settings, and its faults.

    A key must exist in at least one of ``places``, and its value must fit each of them. Relative
    file names are resolved from ``folder``.
    """
    settings: dict[str, Any] = {}
    faults: list[Fault] = []
    places = list(places)
    for key, value in table.items():
        parameters = [keys[key] for keys in places if key in keys]
        found = None if parameters else _describe_unknown_key(key, value, places)
        for parameter in parameters:
            found = found or _find_fault(parameter, value)
        if found is None:
            settings[key] = _make_paths_absolute(key, value, parameters[0], folder)
        else:
            faults.append(Fault(f"{path}.{_quote_key(key)}", found))
    return settings, faults


def _describe_unknown_key(key: str, value: object, places: list[Keys]) -> str:
    known = sorted({name for keys in places for name in keys})
    if _SECRET().search(key):
        return (
            "secrets do not belong in this file; use an agent, password-file, ask-pass or the "
            "environment (SOCKFLEET_PASSWORD)"
        )
    written = key.replace("_", "-").lower()
    if written.startswith("no-") and written[3:] in known and isinstance(value, bool):
        return f"no such key; write {written[3:]} = {str(not value).lower()}"
    return f"no such key{suggest(written, known)}"


def _find_fault(parameter: click.Parameter, value: object) -> str | None:
    """The fault of a value for this option, in click's words; None where it fits."""
    is_list = parameter.multiple or parameter.nargs == -1
    if is_list != isinstance(value, list):
        wanted = "a list" if is_list else "a single value"
        return f"{quote(value)} is not valid: {wanted} is expected"
    kinds = _toml_types(parameter)
    for one in value if isinstance(value, list) else [value]:
        # click would also read numbers from texts, and 1 from true.
        is_finite = not isinstance(one, float) or math.isfinite(one)
        if type(one) not in kinds or not is_finite or "\0" in str(one):
            return f"{quote(one)} is not a valid {parameter.type.name}."
        try:
            parameter.type.convert(one, parameter, None)
        except click.BadParameter as error:
            return error.message
    return None


def _toml_types(parameter: click.Parameter) -> tuple[type, ...]:
    """The types in which TOML may give this option."""
    if getattr(parameter, "is_flag", False):
        return (bool,)
    if isinstance(parameter.type, WorkerCount):
        return (int, str)
    if isinstance(parameter.type, click.types.IntParamType):  # a counted flag too
        return (int,)
    if isinstance(parameter.type, click.types.FloatParamType):
        return (int, float)
    return (str,)


def _quote_key(name: str) -> str:
    """A key as TOML writes it."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quote(name)


def _make_paths_absolute(key: str, value: Any, parameter: click.Parameter, folder: Path) -> Any:
    """Resolve file names from the folder of the configuration: cron runs in another one."""
    absolute = {
        "inventory": _absolute_inventory,
        "limit": _absolute_limit,
        "output": _absolute_output,
        "against": _absolute_against,
        "store": _absolute_store,
        "ssh-config": _absolute_ssh_config,
    }.get(key, _absolute if getattr(parameter, "is_path", False) else None)
    if absolute is None:
        return value
    if isinstance(value, list):
        return [absolute(one, folder) for one in value]
    return absolute(value, folder)


def _absolute(name: str, folder: Path) -> str:
    if name in ("", "-"):
        return name
    try:
        return str(folder / Path(name).expanduser())
    except RuntimeError:  # ~nobody-of-that-name
        return str(folder / name)


def _absolute_inventory(source: str, folder: Path) -> str:
    return source if "," in source else _absolute(source, folder)


def _absolute_limit(pattern: str, folder: Path) -> str:
    return f"@{_absolute(pattern[1:], folder)}" if pattern.startswith("@") else pattern


def _absolute_against(name: str, folder: Path) -> str:
    """Scans of the store (last, an ID, a time) are no files."""
    is_file = "/" in name or name.lower().endswith(".json") or (folder / name).exists()
    return _absolute(name, folder) if is_file else name


def _absolute_store(place: str, folder: Path) -> str:
    return place if "://" in place else _absolute(place, folder)


def _absolute_ssh_config(name: str, folder: Path) -> str:
    return name if name.lower() == "none" else _absolute(name, folder)


def _absolute_output(target: str, folder: Path) -> str:
    match = _FORMAT_PREFIX().fullmatch(target)
    prefix, name = (match[1] or "", match[2]) if match else ("", target)
    return f"{prefix}{_absolute(name, folder)}"
