"""The commands: name, line of help, and the module that is imported when one runs.

`sockfleet --help` must stay light (asyncssh alone takes longer to import than Python to start), so
nothing is imported for a command that does not run.
"""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["COMMANDS", "load_command"]

COMMANDS = {
    "scan": "Collect from every host of an inventory and print a ranked table.",
    "check": "Report the state of the fleet to a monitoring system (exit codes 0 to 3).",
    "explain": "Show the arithmetic of one host, step by step.",
    "merge": "Join scans of parts of a fleet into one.",
    "inventory": "Show how an inventory is understood.",
    "demo": "Scan a simulated fleet of real SSH servers on this machine.",
    "authorized-key": "Print the authorized_keys line that restricts a key to the probe.",
    "become-rule": "Print the sudo or doas rule that allows the probe and nothing else.",
    "config": "Show what sockfleet.toml sets for each command, and its errors.",
    "schema": "Print the JSON Schema of the JSON and NDJSON output.",
    "completion": "Print the completion script for bash, zsh or fish.",
}
"""Command and its line of help; the module of that name in commands/ holds it as ``command``."""


def load_command(name: str) -> click.Command:
    """Import a command of `COMMANDS`."""
    command: click.Command = import_module(
        f".commands.{name.replace('-', '_')}", __package__
    ).command
    return command
