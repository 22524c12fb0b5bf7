"""``sockfleet merge``: scans of parts of a fleet as one."""

from __future__ import annotations

import click

from ..configuration.options import configuration_options
from ..options import against_option, color_option, option, output_options

__all__ = ["command"]


@click.command("merge")
@click.argument("scan", nargs=-1, required=True, metavar="SCAN.json...")
@output_options()
@against_option()
@configuration_options()
@color_option()
@option("-q", "--quiet", is_flag=True, help="No notes; errors only.")
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
    top: int | None,
    color: str,
    quiet: bool,
) -> None:
    """Join scans of parts of a fleet into one, as one scan of the whole would have given it.

    SCAN.json is what "sockfleet scan --format json" wrote, "-" standard input. A host that stands
    in several counts once: a reading before a failure, then the newer scan.
    """
    from ...aggregator.merge import merge_scans
    from ...core.exit_codes import Exit, code_for_hosts
    from ..delivery import Delivery
    from ..saved_scans import comparison_with, earlier_scan, read_scan
    from ..terminal import render_options

    shown = render_options(color, top=top)
    delivery = Delivery(output, format_name, shown, mode=mode, quiet=quiet)
    summary = merge_scans([read_scan(name) for name in scan])
    earlier = None if against is None else earlier_scan(against, quiet=quiet)
    if earlier is not None and against is not None:
        began, names = summary.scan.started_at, {host.name for host in summary.hosts}
        comparison = comparison_with(earlier, against, started_at=began, names=names)
        summary = summary if comparison is None else comparison.whole(summary)
    written = delivery.deliver(summary)
    hosts = summary.fleet.hosts
    ctx.exit(code_for_hosts(hosts.ok, hosts.failed) if written else Exit.LOCAL)
