"""``sockfleet history``: the scans that are saved, and what becomes of them."""

from __future__ import annotations

import click

from ...command_group import LazyGroup, load_from

__all__ = ["COMMANDS", "command"]

COMMANDS = {
    "list": ("list_scans", "List the scans that are saved."),
    "show": ("show", "Show a saved scan, or one host over time."),
    "trend": ("trend", "Show who leaks sockets, since when, how fast."),
    "import": ("import_scans", "Save scans that were written as JSON."),
    "export": ("export", "Write every reading of a time to a file."),
    "prune": ("prune", "Drop what is older or larger than the limits."),
    "check": ("check_store", "Check the store, and show its size by part."),
}
"""Each command with its module in this folder, which holds it as ``command``, and its help."""


@click.group(
    "history",
    cls=LazyGroup,
    texts={name: text for name, (_, text) in COMMANDS.items()},
    load=load_from(__package__, COMMANDS),
)
def command() -> None:
    """The scans that "sockfleet scan --save" keeps: list, show, import, export and prune them."""
