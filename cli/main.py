"""``sockfleet``: the group of commands, each loaded only when it is asked for.

`sockfleet --help` must stay light (asyncssh alone takes longer to import than Python to start), so
a command's module is imported when the command runs; its line of help stands here.
"""

from __future__ import annotations

import gc
import signal
import sys
from importlib import import_module

import click

from ..core.errors import SockfleetError
from ..core.exit_codes import code_for_signal
from .streams import open_missing_streams, warn

__all__ = ["cli", "main"]

COMMANDS = {
    "scan": "Collect from every host of an inventory and print a ranked table.",
    "check": "Tell a monitoring system how the fleet is (exit codes 0 to 3).",
    "explain": "Show the arithmetic of one host, step by step.",
    "merge": "Join scans of parts of a fleet into one.",
    "inventory": "Show what was understood of an inventory.",
    "demo": "Scan a simulated fleet of real SSH servers on this machine.",
    "authorized-key": "Print the authorized_keys line that lets a key answer the probe, no more.",
    "become-rule": "Print the sudo or doas rule that allows the probe and nothing else.",
    "config": "Tell what sockfleet.toml says to each command, and what is wrong in it.",
    "schema": "Print the JSON Schema of the documents that are written.",
    "completion": "Print the completion script for bash, zsh or fish.",
}
"""Command and its line of help; the module of the same name holds it as ``command``."""


class LazyCommands(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(
            f".commands.{cmd_name.replace('-', '_')}", __package__
        ).command
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # | head -1 has what it wanted
            ctx.exit(0)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sockfleet", message="sockfleet %(version)s")
def cli() -> None:
    """How many TCP sockets are closed but still held, on every host of a Linux fleet, over SSH."""


def main() -> None:
    """The console script: every error becomes one line on stderr and an exit code.

    A command ends before its garbage matters, and imports make none: looking for it took a fifth
    of the time for one host. What runs long (`event_loop`) looks for its own.
    """
    gc.disable()
    open_missing_streams()
    try:
        code = cli.main(prog_name="sockfleet", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:  # click's word for SIGINT outside of a scan, which handles its own
        code = code_for_signal(signal.SIGINT)
    except SockfleetError as error:
        warn(f"error: {error}")
        code = error.exit_code
    gc.freeze()  # or the interpreter's end goes through all that was imported, several times
    sys.exit(code if isinstance(code, int) else 0)
