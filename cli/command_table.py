"""The commands: name, line of help, and the module that is imported when one runs.

`sockfleet --help` must stay light (asyncssh alone takes longer to import than Python to start), so
nothing is imported for a command that does not run.
"""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["COMMANDS", "COMMAND_GROUPS", "load_command", "runnable_commands"]

COMMANDS = {
    "scan": "Read every host of an inventory and rank them.",
    "check": "Judge the fleet for a monitoring system.",
    "alert": "Judge saved scans by rules, and notify.",
    "explain": "Show the arithmetic of one host, step by step.",
    "merge": "Join scans of parts of a fleet into one.",
    "report": "Report who leaks, as text, page or mail.",
    "history": "List, show, import, export and prune saved scans.",
    "inventory": "Show how an inventory is understood.",
    "demo": "Scan a simulated fleet: no hosts needed.",
    "authorized-key": "Print a line that restricts a key to the probe.",
    "become-rule": "Print a sudo or doas rule for the probe alone.",
    "config": "Show what sockfleet.toml sets, and its errors.",
    "schema": "Print the JSON Schema of JSON and NDJSON.",
    "completion": "Print the completion script for bash, zsh or fish.",
}
"""Command and its line of help; the module of that name in commands/ holds it as ``command``."""


COMMAND_GROUPS = {
    "Hosts": ("scan", "explain", "demo"),
    "Monitoring": ("check", "alert", "merge"),
    "History": ("report", "history"),
    "Setup": ("inventory", "config", "authorized-key", "become-rule"),
    "Programs": ("schema", "completion"),
}
"""Title and commands; a command of no group stands under a title of its own at the end."""


def load_command(name: str) -> click.Command:
    """Import a command of `COMMANDS`, or one of a group: ``history list``."""
    first, _, inner = name.partition(" ")
    command: click.Command = import_module(
        f".commands.{first.replace('-', '_')}", __package__
    ).command
    if inner and isinstance(command, click.Group):
        found = command.get_command(click.Context(command, info_name=first), inner)
        if found is not None:
            return found
    return command


def runnable_commands() -> list[str]:
    """The commands that run, those of a group in its place: ``history list``."""
    names: list[str] = []
    for name in COMMANDS:
        command = load_command(name)
        if isinstance(command, click.Group):
            inner = command.list_commands(click.Context(command, info_name=name))
            names += [f"{name} {each}" for each in inner]
        else:
            names.append(name)
    return names
