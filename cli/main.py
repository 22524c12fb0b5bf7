"""``sockfleet``: the group of commands, and how an error becomes a line and an exit code.

`entry` is the console script, which imports this.
"""

from __future__ import annotations

import gc
import os
import shlex
import signal
import sys
from typing import NoReturn

import click

from ..core.errors import SockfleetError
from ..core.exit_codes import Exit, code_for_signal
from ..core.local_failure import describe_local_failure, describe_shortage, exit_at_once
from ..core.stop_signals import exit_at_stop_signals, received
from .command_group import LazyGroup
from .command_table import COMMAND_GROUPS, COMMANDS, load_command
from .console.streams import log_library_warnings, open_missing_streams, warn
from .help_screen import Example, write_examples, write_groups

__all__ = ["cli", "main"]


_EXAMPLES = (
    Example("sockfleet demo", "a simulated fleet: no hosts needed"),
    Example("sockfleet scan web1,web2,", "your own hosts, over SSH"),
    Example("sockfleet scan inventory.yml", "an Ansible inventory"),
)


class Commands(LazyGroup):
    """The commands by groups; how each ends where its reader has gone, or at a signal."""

    def describe_unknown_command(self, name: str) -> str:
        # A word that is an inventory.
        if "," in name or os.access(name, os.F_OK):  # no error for a word that can be no path
            return f"no command {name!r}; did you mean sockfleet scan {shlex.quote(name)}?"
        return super().describe_unknown_command(name)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # | head -1 has what it wanted
            ctx.exit(Exit.OK)
        except KeyboardInterrupt:  # outside of a scan, which handles its own signals
            _exit_interrupted(ctx)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_usage(ctx, formatter)
        formatter.write_text(self.help or "")
        write_examples(_EXAMPLES, formatter)
        formatter.write_paragraph()
        grouped = {name for names in COMMAND_GROUPS.values() for name in names}
        others = tuple(name for name in COMMANDS if name not in grouped)
        write_groups(
            [
                (title, [(name, COMMANDS[name].rstrip(".")) for name in names])
                for title, names in {**COMMAND_GROUPS, "More": others}.items()
            ],
            formatter,
        )
        formatter.write_paragraph()
        formatter.write_text(
            "sockfleet COMMAND --help lists its options; also -h, --version, man sockfleet."
        )


@click.group(
    cls=Commands,
    texts=COMMANDS,
    load=load_command,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="sockfleet", message="sockfleet %(version)s")
def cli() -> None:
    """Count TCP sockets that are closed but still held, on every host of a fleet."""


def main() -> None:
    """Run the command line: every error becomes one line on stderr and an exit code.

    A command ends before its garbage matters, and imports make none: looking for it took a fifth
    of the time for one host. What runs long (`event_loop`) looks for its own.
    """
    gc.disable()
    open_missing_streams()
    log_library_warnings()
    try:
        if "_SOCKFLEET_COMPLETE" in os.environ:
            from .shell_completion import register_shells

            register_shells()
        code = cli.main(prog_name="sockfleet", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.ClickException as error:
        from .usage_errors import describe_usage_error

        warn(f"error: {describe_usage_error(error)}")
        code = error.exit_code
    except click.Abort:  # click's word for SIGINT while it reads the options of the group itself
        code = code_for_signal(received[0] if received else signal.SIGINT)
    except SockfleetError as error:
        warn(f"error: {error}")
        code = error.exit_code
    except Exception as error:
        problem = describe_local_failure(error)
        if problem is None:
            raise
        warn(f"error: {problem}")
        if describe_shortage(error) is not None:
            exit_at_once(Exit.LOCAL)
        code = Exit.LOCAL
    if received and not code:  # an exception of its handler was lost
        code = code_for_signal(received[0])
    exit_at_stop_signals()
    gc.freeze()  # or the interpreter's end goes through all that was imported, several times
    sys.exit(code if isinstance(code, int) else Exit.OK)


def _exit_interrupted(ctx: click.Context) -> NoReturn:
    """Exit as shells report the signal, with one line that names it."""
    which = received[0] if received else signal.SIGINT
    if sys.stderr.isatty():
        click.echo(err=True)  # after a prompt, or the ^C that the terminal shows
    warn(f"stopped by {which.name}")
    ctx.exit(code_for_signal(which))
