"""``sockfleet.toml``: what the options are where neither the command line nor the environment says.

    [defaults]                  # for every command that has the option
    user = "monitor"
    [scan]                      # for that command
    lock = "/run/sockfleet/lock"
    [profile.night]             # for every command, when --profile night chooses it
    timeout = 60

A profile counts before a command's table, and that before [defaults]. One file is read: the one
of --config, or the first that stands in the folders of the XDG base directory specification
(https://specifications.freedesktop.org/basedir-spec/latest/).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, NamedTuple

import click

from ...core.record import record
from ...core.text import escape, quote
from .keys import (
    COMMANDS,
    ConfigurationError,
    Fault,
    all_keys,
    check_table,
    keys_of,
    suggest,
)

__all__ = [
    "Configuration",
    "Setting",
    "chosen_profile",
    "configure",
    "read_configuration",
    "searched_files",
    "settings_of",
    "used_file",
]

_MOST_BYTES = 1 << 20
_NAME = Path("sockfleet/sockfleet.toml")


class Setting(NamedTuple):
    """What one option is by a file, and the table that says so."""

    value: Any
    table: str


@record
class Configuration:
    """One file, judged; what has a fault is left out of the tables."""

    path: Path
    defaults: Mapping[str, Any] = field(default_factory=dict)
    commands: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    faults: Sequence[Fault] = ()

    @property
    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """The settings of each table, by its name in the file."""
        profiles = {f"profile.{name}": table for name, table in self.profiles.items()}
        return {"defaults": self.defaults, **self.commands, **profiles}


def searched_files(environment: Mapping[str, str]) -> Iterator[Path]:
    """Where a file is looked for when none is named, the user's own first."""
    home = environment.get("XDG_CONFIG_HOME") or _home_folder(environment)
    others = environment.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    for folder in (home, *others.split(":")):
        if folder and Path(folder).is_absolute():  # the specification: others are to be ignored
            yield folder / _NAME


def _home_folder(environment: Mapping[str, str]) -> str | None:
    home = environment.get("HOME")
    return f"{home}/.config" if home else None


def used_file(config: str | None) -> Path | None:
    """The file that ``config`` names, else the first of `searched_files` that is there.

    None: there is none. One in a folder that is closed to us is not there.
    """
    if config:
        return Path(config)
    for path in searched_files(os.environ):
        try:
            path.stat()
        except OSError:
            continue
        return path
    return None


def read_configuration(path: Path, *, named: bool) -> Configuration:
    """Read and judge a file. ``named``: the user gave its name, so it may be another user's.

    Raises ConfigurationError where it cannot be read or is no TOML, and where a stranger could
    have written it: what it names is run (inventory scripts) and trusted (known hosts).
    """
    import tomllib

    try:
        with path.open("rb") as file:
            _judge_owner(os.fstat(file.fileno()), path, named=named)
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the configuration {path}: {error.strerror or error}"
        ) from error
    if len(data) > _MOST_BYTES:
        raise ConfigurationError(f"{path}: more than {_MOST_BYTES >> 20} MiB, so no configuration")
    try:
        document = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{path}:{line}: not UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: not TOML: {escape(str(error))}") from error
    return _judged(document, path) if document else Configuration(path=path)


def _judge_owner(status: os.stat_result, path: Path, *, named: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        return  # /dev/null, and what a shell's <(…) gives
    if status.st_mode & stat.S_IWOTH:
        raise ConfigurationError(f"{path}: every user can write to it; run chmod o-w {path}")
    if not named and status.st_uid not in (0, os.geteuid()):
        raise ConfigurationError(
            f"{path}: belongs to another user (uid {status.st_uid}); name it with --config if you "
            "trust it, or turn it off with --config /dev/null"
        )


def _judged(document: Mapping[str, Any], path: Path) -> Configuration:
    keys = all_keys()
    folder = path.absolute().parent
    faults: list[Fault] = []

    def judged(table: object, name: str, *commands: str) -> dict[str, Any]:
        if not isinstance(table, dict):
            faults.append(Fault(name, f"expected a table, [{name}], found {quote(table)}"))
            return {}
        settings, found = check_table(table, name, [keys[each] for each in commands], folder)
        faults.extend(found)
        return settings

    defaults: dict[str, Any] = {}
    commands: dict[str, Mapping[str, Any]] = {}
    profiles: dict[str, Mapping[str, Any]] = {}
    for name, table in document.items():
        if name == "defaults":
            defaults = judged(table, name, *COMMANDS)
        elif name in COMMANDS:
            commands[name] = judged(table, name, name)
        elif name == "profile" and isinstance(table, dict):
            for each, content in table.items():
                profiles[each] = judged(content, f"profile.{escape(each)}", *COMMANDS)
        elif name == "profile":
            faults.append(Fault(name, "expected tables, [profile.NAME]"))
        else:
            faults.append(Fault(escape(name), _unknown_table(name, table)))
    return Configuration(
        path=path, defaults=defaults, commands=commands, profiles=profiles, faults=faults
    )


def _unknown_table(name: str, content: object) -> str:
    if isinstance(content, dict):
        return f"no such table{suggest(name, ('defaults', *COMMANDS, 'profile'))}"
    return "stands in no table; put it under [defaults] or under a command such as [scan]"


def chosen_profile(file: Configuration | None, profile: str | None) -> Mapping[str, Any]:
    """The settings of a profile; raises ConfigurationError where there is none of that name."""
    if profile is None:
        return {}
    if file is None:
        raise ConfigurationError(f"--profile {quote(profile)}: there is no configuration file")
    try:
        return file.profiles[profile]
    except KeyError:
        near = suggest(profile, map(escape, file.profiles)) or "; it has none"
        raise ConfigurationError(f"{file.path}: no profile {quote(profile)}{near}") from None


def settings_of(command: str, file: Configuration, profile: str | None) -> dict[str, Setting]:
    """What the file says for a command, by key."""
    tables = {
        "defaults": file.defaults,
        command: file.commands.get(command, {}),
        f"profile.{profile}": chosen_profile(file, profile),
    }
    keys = keys_of(command)
    return {
        key: Setting(value, name)
        for name, table in tables.items()
        for key, value in table.items()
        if key in keys
    }


def configure(ctx: click.Context, config: str | None, profile: str | None) -> None:
    """Give the command of the context the defaults that a file says.

    ``config`` names the file; None: it is looked for. Raises ConfigurationError.
    """
    path = used_file(config)
    file = None if path is None else read_configuration(path, named=bool(config))
    if file is None:
        chosen_profile(None, profile)
        return
    if file.faults:
        (key, problem), *more = file.faults
        others = f" (and {len(more)} more: sockfleet config --check)" if more else ""
        raise ConfigurationError(f"{file.path}: {key}: {problem}{others}")
    command = ctx.command.name or ""
    keys = keys_of(command)
    ctx.default_map = {
        str(keys[key].name): setting.value
        for key, setting in settings_of(command, file, profile).items()
    }
