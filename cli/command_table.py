"""The commands: name, line of help, and the module that is imported when one runs.

`sockfleet --help` must stay light (asyncssh alone takes longer to import than Python to start), so
nothing is imported for a command that does not run.
"""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["COMMANDS", "COMMAND_GROUPS", "load_command"]

COMMANDS = {
    "scan": "Read every host of an inventory and rank them.",
    "check": "Judge the fleet for a monitoring system.",
    "explain": "Show the arithmetic of one host, step by step.",
    "merge": "Join scans of parts of a fleet into one.",
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
    "Monitoring": ("check", "merge"),
    "Setup": ("inventory", "config", "authorized-key", "become-rule"),
    "Programs": ("schema", "completion"),
}
"""Title and commands; a command of no group stands under a title of its own at the end."""


def load_command(name: str) -> click.Command:
    """Import a command of `COMMANDS`."""
    command: click.Command = import_module(
        f".commands.{name.replace('-', '_')}", __package__
    ).command
    return command
