"""``sockfleet merge``: scans of parts of a fleet as one."""

from __future__ import annotations

import click

from ...scan.option_declaration import OptionGroup
from ..configuration.config_option import configuration_options
from ..help_screen import Example, HelpfulCommand
from ..options.click_options import (
    FilesArgument,
    color_option,
    option,
    output_options,
    scan_options,
    store_option,
)

__all__ = ["command"]


_EXAMPLES = (
    Example("sockfleet merge part1.json part2.json -o scan.json", "parts of --shard"),
    Example("sockfleet merge prod.json test.json -f csv", "two fleets as one"),
)


@click.command("merge", cls=HelpfulCommand, examples=_EXAMPLES)
@click.argument("scan", cls=FilesArgument, nargs=-1, required=True, metavar="SCAN.json...")
@output_options()
@scan_options("against")
@store_option(group=OptionGroup.COMPARISON, brief=None)
@configuration_options()
@color_option()
@option(
    "-q",
    "--quiet",
    is_flag=True,
    help="No notes; errors only.",
    group=OptionGroup.OUTPUT,
    brief="Errors only",
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    scan: tuple[str, ...],
    format_name: str | None,
    output: tuple[str, ...],
    mode: str | None,
    against: str | None,
    store: str | None,
    top: int | None,
    show_all: bool,
    failures: bool,
    color: str,
    quiet: bool,
) -> None:
    """Join scans of parts of a fleet into one, equal to one scan of the whole.

    SCAN.json is what "sockfleet scan --format json" wrote, "-" standard input. A host that is
    in several counts once: a reading before a failure, then the newer scan.
    """
    from ...aggregator.merge import merge_scans
    from ...collector.runtime.signals import StopSignals
    from ...core.exit_codes import Exit, code_for_hosts
    from ...scan.saved_scans import Baseline, read_scan
    from ..console.terminal import render_options
    from ..runs.delivery import Delivery
    from ..runs.terminal_hooks import terminal_hooks

    shown = render_options(color, top=top, show_all=show_all, failures=failures)
    delivery = Delivery(output, format_name, shown, mode=mode, quiet=quiet)
    summary = merge_scans([read_scan(name) for name in scan])
    if against is not None:
        hooks = terminal_hooks(StopSignals(), quiet=quiet, store=store)
        baseline = Baseline(against, summary.scan, hooks.on_message, hooks.find_scan)
        comparison = baseline.comparison(
            started_at=summary.scan.started_at, names={host.name for host in summary.hosts}
        )
        summary = summary if comparison is None else comparison.compare(summary)
    written = delivery.deliver(summary)
    hosts = summary.fleet.hosts
    ctx.exit(code_for_hosts(hosts.ok, hosts.failed) if written else Exit.LOCAL)
