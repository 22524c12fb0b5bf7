"""``sockfleet alert RULES.yml``: judge the newest scans by rules, and notify."""

from __future__ import annotations

from typing import Any

import click

from ....scan.option_declaration import OptionGroup
from ...configuration.config_option import configuration_options
from ...help_screen import Example, HelpfulCommand
from ...options.click_options import (
    CONNECTION,
    FilesArgument,
    message_options,
    option,
    scan_options,
    store_option,
)

__all__ = ["command"]

_EXAMPLES = (
    Example("sockfleet alert --print-rules > rules.yml", "rules to begin with"),
    Example("sockfleet alert --check rules.yml", "all faults, and the examples"),
    Example("sockfleet alert rules.yml --since 7d --dry-run", "what would have been sent"),
    Example("sockfleet alert rules.yml", "judge the newest scans, and notify"),
)


@click.command("run", cls=HelpfulCommand, examples=_EXAMPLES)
@click.argument("rules", cls=FilesArgument, required=False, metavar="[RULES.yml]")
@option(
    "--check",
    is_flag=True,
    envvar=None,
    help="Check the file and run the examples of its rules; read no store, send nothing.",
    group=OptionGroup.SELECTION,
    brief="Check the file and its examples only",
)
@option(
    "--print-rules",
    is_flag=True,
    envvar=None,
    help="Print the rules that come with sockfleet.",
    group=OptionGroup.SELECTION,
    brief="Print rules to begin with",
)
@option(
    "--dry-run",
    is_flag=True,
    envvar=None,
    help="Print what would be sent; change and send nothing.",
    group=OptionGroup.SELECTION,
    brief="Print what would be sent",
)
@option(
    "--since",
    metavar="TIME",
    envvar=None,
    help="With --dry-run: judge all scans from then on again, as if none had been judged.",
    group=OptionGroup.SELECTION,
    brief="With --dry-run: all scans from then on",
)
@option(
    "--fleet",
    metavar="KEY",
    envvar=None,
    help="Only scans of this selection of hosts, as sockfleet history list shows it.  [default: "
    "each that was scanned twice or more in a week]",
    group=OptionGroup.SELECTION,
)
@option(
    "--exit-code",
    is_flag=True,
    envvar=None,
    help="Exit with 11 where an alert of severity warning fires, 12 where a critical one does.",
    group=OptionGroup.OUTPUT,
    brief="11: a warning fires, 12: a critical one",
)
@option(
    "--inventory",
    multiple=True,
    metavar="INVENTORY",
    is_path=True,
    envvar=None,
    help="Probe a host on which an alert begins for the processes that hold its sockets: the "
    "inventory that names the login; repeatable.",
    group=OptionGroup.LOGIN,
    brief="Probe who holds the sockets",
)
@scan_options("become", "become_method", *CONNECTION)
@store_option(group=OptionGroup.HISTORY)
@configuration_options()
@message_options()
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Judge the newest saved scans by the rules of a file, and notify its sinks.

    \f
    Each scan is judged once. A host that could not be read keeps its state: an alert neither
    begins nor ends by it. What could not be sent is sent by the next run, and the exit code is 5.
    "sockfleet scan --save --alert RULES.yml" does both.
    """
    from ...console import streams

    streams.open_missing_streams()
    if given["print_rules"]:
        from ....alerting.rules.load import shipped_rules

        streams.write(shipped_rules())
        return
    if given["rules"] is None:
        raise click.UsageError("RULES.yml is missing; sockfleet alert --print-rules has some", ctx)
    if given["since"] is not None and not given["dry_run"]:
        raise click.UsageError("--since is for --dry-run: no alert of last week is sent", ctx)
    from ...runs.alert_run import AlertRun, check_rules

    if given["check"]:
        ctx.exit(check_rules(given["rules"]))
    ctx.exit(AlertRun(given).run())
