"""``sockfleet history show``: a saved scan in any format, or one host over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ....scan.option_declaration import OptionGroup
from ...configuration.config_option import configuration_options
from ...help_screen import Example, HelpfulCommand
from ...options.click_options import color_option, option, output_options, store_option
from ...options.history_options import time_options

__all__ = ["command"]

_EXAMPLES = (
    Example("sockfleet history show last", "the last scan, as scan printed it"),
    Example("sockfleet history show last-1 -o before.json", "the one before it"),
    Example("sockfleet history show --host web1 --every 1h", "one host over time"),
)


@click.command("show", cls=HelpfulCommand, examples=_EXAMPLES)
@click.argument("scan", required=False, metavar="[ID|last]")
@option(
    "--host",
    metavar="NAME",
    envvar=None,
    help="Show this host over time instead of a scan.",
    group=OptionGroup.SELECTION,
    brief="This host over time, instead of a scan",
)
@option(
    "--metric",
    default="tcp_close",
    metavar="NAME",
    envvar=None,
    help="With --host: tcp_close, alloc, orphan or another number of a host.  [default: tcp_close]",
    group=OptionGroup.SELECTION,
    brief="With --host: the number",
)
@time_options("1d", group=OptionGroup.SELECTION)
@option(
    "--every",
    metavar="SPAN",
    envvar=None,
    help="With --host: the median of each span, such as 1h.  [default: each reading]",
    group=OptionGroup.SELECTION,
    brief="With --host: medians of 1h, 15min, 1d",
)
@store_option(group=OptionGroup.SELECTION)
@output_options()
@configuration_options()
@color_option()
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Show a saved scan in any format of "sockfleet scan", or one host over time.

    A scan is named by "last", "last-1" and so on, or by the first characters of its ID in
    "sockfleet history list".

    \f
    A scan whose details are not kept any more has no namespaces and processes.
    """
    if bool(given["scan"]) == bool(given["host"]):
        raise click.UsageError("name either a scan (ID or last) or --host NAME", ctx)
    if given["host"]:
        _show_host(given)
    else:
        ctx.exit(_show_scan(given))


def _show_scan(given: Mapping[str, Any]) -> int:
    from ....core.exit_codes import Exit
    from ....history.store.opening import use_store
    from ....history.store.read import find_scan, read_scan
    from ...runs.scan_run import make_delivery

    delivery = make_delivery({**given, "quiet": False})
    with use_store(given["store"]) as store:
        summary = read_scan(store, find_scan(store, given["scan"]).id)
    return Exit.OK if delivery.deliver(summary) else Exit.LOCAL


def _show_host(given: Mapping[str, Any]) -> None:
    from ....core.errors import UsageError
    from ....history.host_series import host_series
    from ....history.moments import parse_duration
    from ....history.store.opening import use_store
    from ....history.store.series import check_metric, read_series
    from ....output.machine.history_documents import host_series_document, write_document
    from ....output.text.over_time.history_tables import host_table
    from ...console import streams, terminal
    from ...options.history_options import local_now, read_times

    shown = given["format_name"] or "table"
    if shown not in ("table", "json") or given["output"]:
        raise UsageError("--host is shown as table or json, on standard output")
    check_metric(given["metric"])
    every_s = 0 if given["every"] is None else int(parse_duration(given["every"]).total_seconds())
    since, until = read_times(given)
    with use_store(given["store"]) as store:
        end = local_now() if until is None else until
        block = read_series(store, given["metric"], since or end, end, [given["host"]])
        where = str(store.location)
    if not block.hosts:
        raise UsageError(
            f"the store {where} has no scan of a host {given['host']!r} in this time: "
            "sockfleet history show last names its hosts"
        )
    series = host_series(block, every_s=every_s)
    if shown == "json":
        streams.write(write_document(host_series_document(where, series)))
    else:
        streams.write(host_table(series, terminal.render_options(given["color"])))
