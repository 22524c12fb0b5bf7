"""``sockfleet alert``: judge the scans of the store by rules, and notify."""

from __future__ import annotations

import click

from ...command_group import LazyGroup, load_from

__all__ = ["COMMANDS", "command"]

COMMANDS = {
    "run": ("run", "Judge the newest scans by rules, and notify."),
    "list": ("list_alerts", "List what fires, what waits, and the silences."),
    "ack": ("ack", "Acknowledge an alert: no repeats until it is worse."),
    "silence": ("silence", "Keep alerts of some hosts from direct sinks."),
}
"""Each command with its module in this folder, which holds it as ``command``, and its help."""


class AlertGroup(LazyGroup):
    """A group whose first command need not be named: ``sockfleet alert RULES.yml``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` before what is neither a command nor a wish for help."""
        if args and args[0] not in (*self.texts, *self.get_help_option_names(ctx)):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(
    "alert",
    cls=AlertGroup,
    texts={name: text for name, (_, text) in COMMANDS.items()},
    load=load_from(__package__, COMMANDS),
)
def command() -> None:
    """Judge saved scans by the rules of a file, and notify: "sockfleet alert RULES.yml"."""
