"""``sockfleet.toml``: defaults of the options, below the command line and the environment.

    [defaults]                  # for every command that has the option
    user = "monitor"
    [scan]                      # for that command
    lock = "/run/sockfleet/lock"
    [profile.night]             # for every command, when --profile night chooses it
    timeout = 60

A profile wins over a command's table, and that over [defaults]. One file is read: that of
--config, or the first one found in the folders of the XDG base directory specification
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
from ...core.suggestion import suggest
from ...core.text import escape, quote
from .keys import (
    COMMANDS,
    ConfigurationError,
    Fault,
    all_keys,
    check_table,
    keys_of,
)

__all__ = [
    "PATH_KEY",
    "Configuration",
    "Setting",
    "candidate_files",
    "choose_profile",
    "configure",
    "find_file",
    "read_configuration",
    "settings_of",
]

PATH_KEY = "sockfleet.configuration_file"
"""In the meta of click's context: the path of the file that `configure` read."""

_MOST_BYTES = 1 << 20
_NAME = Path("sockfleet/sockfleet.toml")


class Setting(NamedTuple):
    """The value that a file gives an option, and the table that holds it."""

    value: Any
    table: str


@record
class Configuration:
    """One file, checked; settings with a fault are left out of the tables."""

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


def candidate_files(environment: Mapping[str, str]) -> Iterator[Path]:
    """The files that are looked for when none is named, the user's own first."""
    home = environment.get("XDG_CONFIG_HOME") or _home_folder(environment)
    others = environment.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    for folder in (home, *others.split(":")):
        if folder and Path(folder).is_absolute():  # the specification: others are to be ignored
            yield folder / _NAME


def _home_folder(environment: Mapping[str, str]) -> str | None:
    home = environment.get("HOME")
    return f"{home}/.config" if home else None


def find_file(config: str | None) -> Path | None:
    """The file that ``config`` names, else the first of `candidate_files` that is there.

    None where no file exists, or none in a folder that this process may search.
    """
    if config:
        return Path(config)
    for path in candidate_files(os.environ):
        try:
            path.stat()
        except OSError:
            continue
        return path
    return None


def read_configuration(path: Path, *, named: bool) -> Configuration:
    """Read and check a file. ``named``: the user gave its name, so another user may own it.

    Raises ConfigurationError where it cannot be read or is not TOML, and where another user could
    have written it: it names what is run (inventory scripts) and trusted (known hosts).
    """
    import tomllib

    try:
        with path.open("rb") as file:
            _check_owner(os.fstat(file.fileno()), path, named=named)
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
    return _check_document(document, path) if document else Configuration(path=path)


def _check_owner(status: os.stat_result, path: Path, *, named: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        return  # /dev/null, and what a shell's <(…) gives
    if status.st_mode & stat.S_IWOTH:
        raise ConfigurationError(f"{path}: every user can write to it; run chmod o-w {path}")
    if not named and status.st_uid not in (0, os.geteuid()):
        raise ConfigurationError(
            f"{path}: belongs to another user (uid {status.st_uid}); name it with --config if you "
            "trust it, or turn it off with --config /dev/null"
        )


def _check_document(document: Mapping[str, Any], path: Path) -> Configuration:
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
            faults.append(Fault(escape(name), _describe_unknown_table(name, table)))
    return Configuration(
        path=path, defaults=defaults, commands=commands, profiles=profiles, faults=faults
    )


def _describe_unknown_table(name: str, content: object) -> str:
    if isinstance(content, dict):
        return f"no such table{suggest(name, ('defaults', *COMMANDS, 'profile'))}"
    return "stands in no table; put it under [defaults] or under a command such as [scan]"


def choose_profile(file: Configuration | None, profile: str | None) -> Mapping[str, Any]:
    """The settings of a profile; raises ConfigurationError where no profile has that name."""
    if profile is None:
        return {}
    if file is None:
        raise ConfigurationError(f"--profile {quote(profile)}: there is no configuration file")
    try:
        return file.profiles[profile]
    except KeyError:
        near = suggest(profile, file.profiles) or "; it has none"
        raise ConfigurationError(f"{file.path}: no profile {quote(profile)}{near}") from None


def settings_of(command: str, file: Configuration, profile: str | None) -> dict[str, Setting]:
    """The settings of the file for a command, by key."""
    tables = {
        "defaults": file.defaults,
        command: file.commands.get(command, {}),
        f"profile.{profile}": choose_profile(file, profile),
    }
    keys = keys_of(command)
    return {
        key: Setting(value, name)
        for name, table in tables.items()
        for key, value in table.items()
        if key in keys
    }


def configure(ctx: click.Context, config: str | None, profile: str | None) -> None:
    """Set the defaults of the context's command from a file.

    ``config`` names the file; None searches for one. Raises ConfigurationError.
    """
    path = find_file(config)
    file = None if path is None else read_configuration(path, named=bool(config))
    if file is None:
        choose_profile(None, profile)
        return
    if file.faults:
        (key, problem), *more = file.faults
        others = f" (and {len(more)} more: sockfleet config --check)" if more else ""
        raise ConfigurationError(f"{file.path}: {key}: {problem}{others}")
    # "history list" reads the table of history.
    is_in_group = ctx.parent is not None and ctx.parent.parent is not None
    command = (ctx.parent.command if ctx.parent and is_in_group else ctx.command).name or ""
    keys = keys_of(command)
    ctx.meta[PATH_KEY] = str(file.path)
    ctx.default_map = {
        str(keys[key].name): setting.value
        for key, setting in settings_of(command, file, profile).items()
    }
