"""``sockfleet config --check``: the settings of each command, and every fault."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ..options.click_options import option

if TYPE_CHECKING:
    from ..configuration.file import Configuration
from ..help_screen import Example, HelpfulCommand

__all__ = ["command"]


_EXAMPLES = (
    Example("sockfleet config --check", "what each command takes from it"),
    Example("sockfleet config --check --profile cron", "with a profile"),
)


@click.command("config", cls=HelpfulCommand, examples=_EXAMPLES)
@click.option("--check", is_flag=True, help="Read and check the configuration.")
@option("--config", metavar="FILE", help="Check this file instead of the one that would be found.")
@option("--profile", metavar="NAME", help="Show what the commands do with [profile.NAME].")
@click.pass_context
def command(ctx: click.Context, /, *, check: bool, config: str | None, profile: str | None) -> None:
    """Show which configuration is read, what each command takes from it, and its profiles.

    Errors go to stderr, with exit code 2. The output is TOML: the options that the commands run
    with, each with the table or the variable that sets it.
    """
    from ...core.exit_codes import Exit
    from ..configuration.file import find_file, read_configuration
    from ..configuration.values import find_value_faults
    from ..console.streams import open_missing_streams, warn, write

    if not check:
        raise click.UsageError("name what to do: --check", ctx)
    open_missing_streams()
    path = find_file(config)
    file = None if path is None else read_configuration(path, named=bool(config))
    faults = [*file.faults, *find_value_faults(file)] if file else []
    for key, problem in faults:
        warn(f"error: {path}: {key}: {problem}")
    text = "".join(f"{line}\n" for line in _lines(file, profile))
    write(text.encode("utf-8", "backslashreplace"))
    ctx.exit(Exit.USAGE if faults else Exit.OK)


def _lines(file: Configuration | None, profile: str | None) -> Iterator[str]:
    from ...core.text import escape
    from ..configuration.file import candidate_files, choose_profile, settings_of
    from ..configuration.keys import COMMANDS, keys_of

    choose_profile(file, profile)
    if file is None:
        places = ", ".join(map(str, candidate_files(os.environ)))
        yield f"# no configuration file; looked for {escape(places)}"
    else:
        yield f"# {escape(str(file.path))}"
        profiles = ", ".join(map(escape, file.profiles)) or "none"
        yield f"# profiles: {profiles}; chosen: {escape(profile) if profile else 'none'}"
    for command in COMMANDS:
        settings = settings_of(command, file, profile) if file else {}
        lines = []
        for key, parameter in keys_of(command).items():
            variable = parameter.envvar if isinstance(parameter.envvar, str) else ""
            overruled = bool(os.environ.get(variable))
            if key in settings:
                value, table = settings[key]
                origin = f"[{escape(table)}]" + f", but {variable} is set" * overruled
                lines.append(f"{key} = {_format_toml(value)}  # {origin}")
            elif overruled:
                lines.append(f"# {key}: {variable} is set")
        if lines:
            yield from ("", f"[{command}]", *lines)


def _format_toml(value: Any) -> str:
    """A setting as the file would hold it, safe for a terminal."""
    if isinstance(value, list):
        return f"[{', '.join(map(_format_toml, value))}]"
    # JSON's words for texts, numbers and truth are TOML's, where nothing is a surrogate pair.
    return _UNPRINTABLE.sub(_escape_toml, json.dumps(value, ensure_ascii=False))


_UNPRINTABLE = re.compile(r"[^ -~]")


def _escape_toml(match: re.Match[str]) -> str:
    return match[0] if match[0].isprintable() else f"\\U{ord(match[0]):08x}"
