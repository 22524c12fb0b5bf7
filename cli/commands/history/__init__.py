"""``sockfleet history``: the scans that are saved, and what becomes of them."""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["COMMANDS", "command"]

COMMANDS = {
    "list": ("list_scans", "List the scans that are saved."),
    "show": ("show", "Show a saved scan, or one host over time."),
    "import": ("import_scans", "Save scans that were written as JSON."),
}
"""Each command with its module in this folder, which holds it as ``command``, and its help."""


class _LazyGroup(click.Group):
    """Imports the module of a command when the command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        found: click.Command = import_module(f".{module}", __package__).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group("history", cls=_LazyGroup)
def command() -> None:
    """The scans that "sockfleet scan --save" keeps: list, show, import, export and prune them."""
