"""``sockfleet scan``: from an inventory to a ranked table, or what ``--format`` says."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from ...scan.option_declaration import OptionGroup
from ...scan.options import RepeatOptions
from ..configuration.config_option import configuration_options
from ..help_screen import Example, HelpfulCommand
from ..options.click_options import (
    CONNECTION,
    PACE,
    PROBE,
    SCALE,
    color_option,
    inventory_argument,
    message_options,
    option,
    output_options,
    repeat_options,
    save_options,
    scan_options,
    scan_options_from,
)

if TYPE_CHECKING:  # a scan without --alert needs none of it
    from ..runs.alert_after_scan import ScanAlerter

__all__ = ["command"]


_EXAMPLES = (
    Example("sockfleet scan web1,web2,", "hosts by name"),
    Example("sockfleet scan inventory.yml -l 'web:!web7'", "an Ansible pattern"),
    Example("sockfleet scan inventory.yml -o fleet.json", "keep the result"),
    Example("sockfleet scan inventory.yml --against fleet.json", "what grew since"),
    Example("sockfleet scan inventory.yml --processes --become", "who holds the sockets"),
)


@click.command("scan", cls=HelpfulCommand, examples=_EXAMPLES)
@inventory_argument(required=False)
@scan_options("limit", *PROBE)
@output_options()
@scan_options("sort", "group_by", "against", "threshold", *CONNECTION, *PACE, "shard", *SCALE)
@repeat_options()
@save_options()
@option(
    "--alert",
    metavar="RULES.yml",
    is_path=True,
    help="Judge the saved scans by these rules, and notify; needs --save.",
    group=OptionGroup.HISTORY,
)
@option(
    "--lock",
    metavar="FILE",
    is_path=True,
    help="Do nothing and exit with 75 while another run holds this lock.",
    group=OptionGroup.LIMITS,
    brief="Exit with 75 while another run holds it",
)
@option(
    "--list-hosts",
    is_flag=True,
    envvar=None,
    help="Show the selection and contact no host.",
    group=OptionGroup.SELECTION,
    brief="Show the hosts and contact none",
)
@option(
    "--print-probe",
    is_flag=True,
    envvar=None,
    help="Show the command that each host would run.",
    group=OptionGroup.SELECTION,
)
@configuration_options()
@color_option()
@message_options()
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Read every host of an inventory and print a ranked table.

    \f
    INVENTORY is an Ansible inventory (YAML or INI), a folder of them, a script, a plain list of
    names, "-" for standard input, or names with commas: "web1,web2,".
    """
    # Imported here: --help and completion need none of it.
    from ..console.log_lines import log_to_stderr
    from ..console.streams import open_missing_streams
    from ..lock import run_lock

    open_missing_streams()
    if given["print_probe"]:
        from ...scan.engine_settings import probe_command

        repeated = given["rounds"] is not None
        click.echo(probe_command(scan_options_from(given), repeated=repeated))
        return
    if not given["inventory"]:
        raise click.UsageError("INVENTORY... is missing", ctx)
    log_to_stderr(given["verbose"])
    if given["list_hosts"]:
        for name in _list_hosts(given):
            click.echo(name)
        return
    with run_lock(given["lock"]):
        from ..runs.next_commands import next_commands
        from ..runs.scan_run import ScanRun, make_delivery

        delivery, saver = make_delivery(given, next_commands(ctx)), None
        if given["save"]:
            from ..runs.saving import ScanSaver

            saver = ScanSaver(given["store"], quiet=given["quiet"])
            ctx.call_on_close(saver.close)
        alerter = _make_alerter(ctx, given)
        # Log lines on the same terminal would be drawn over.
        in_place = not (given["verbose"] and sys.stderr.isatty())
        options = scan_options_from(given)
        run = ScanRun(
            options,
            delivery,
            quiet=given["quiet"],
            saver=saver,
            in_place=in_place,
            store=given["store"],
            alerter=alerter,
        )
        if given["rounds"] is None:
            ctx.exit(run.run())
        ctx.exit(run.repeat(RepeatOptions(rounds=given["rounds"], interval_s=given["interval_s"])))


def _make_alerter(ctx: click.Context, given: Mapping[str, Any]) -> ScanAlerter | None:
    """What judges the scan by rules, which are checked before any host is contacted."""
    if given["alert"] is None:
        return None
    if not given["save"]:
        raise click.UsageError("--alert judges saved scans: add --save", ctx)
    from ..runs.alert_after_scan import ScanAlerter

    options = scan_options_from(given)
    return ScanAlerter(given["alert"], given["store"], options, quiet=given["quiet"])


def _list_hosts(given: Mapping[str, Any]) -> list[str]:
    from ...collector.runtime.signals import StopSignals
    from ...scan.scan import Scan
    from ..runs.terminal_hooks import terminal_hooks

    hooks = terminal_hooks(StopSignals(), quiet=given["quiet"])
    return [host.name for host in Scan(scan_options_from(given), hooks).selection.hosts]
