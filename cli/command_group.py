"""A command that has commands of its own: they are imported when they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from .help_screen import command_help, write_groups

if TYPE_CHECKING:  # a run without a completion needs none of it
    from click.shell_completion import CompletionItem

__all__ = ["LazyGroup", "load_from"]


def load_from(
    package: str, modules: Mapping[str, tuple[str, str]]
) -> Callable[[str], click.Command]:
    """Return what imports a command: ``command`` of its module, the first word of its entry."""

    def load(name: str) -> click.Command:
        module, _ = modules[name]
        found: click.Command = import_module(f".{module}", package).command
        return found

    return load


class LazyGroup(click.Group):
    """A group that knows the names of its commands, and imports one when it runs."""

    def __init__(
        self,
        *args: Any,
        texts: Mapping[str, str],
        load: Callable[[str], click.Command],
        **settings: Any,
    ) -> None:
        super().__init__(*args, **settings)
        self.texts = texts
        """Each command with its line of help."""
        self._load = load

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in their order."""
        del ctx
        return list(self.texts)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None where there is none of that name."""
        del ctx
        return self._load(cmd_name) if cmd_name in self.texts else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a line; the error for a mistyped one names the nearest."""
        name = args[0]
        if name not in self.texts and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(self.describe_unknown_command(name), ctx)
        return super().resolve_command(ctx, args)

    def describe_unknown_command(self, name: str) -> str:
        """The words for a command that does not exist."""
        from ..core.suggestion import suggest

        return f"no command {name!r}{suggest(name, self.texts)}"

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Complete the names without an import of the commands."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=text)
            for name, text in self.texts.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the group is for, and its commands."""
        self.format_usage(ctx, formatter)
        formatter.write_text(command_help(self))
        formatter.write_paragraph()
        names = [(name, text.rstrip(".")) for name, text in self.texts.items()]
        write_groups([("Commands", names)], formatter)
        formatter.write_paragraph()
        formatter.write_text(f"{ctx.command_path} COMMAND --help lists the options of one.")
