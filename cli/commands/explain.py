"""``sockfleet explain``: the arithmetic of one host, or what ``ss -s`` prints there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ...scan.option_declaration import OptionGroup
from ..configuration.config_option import configuration_options
from ..help_screen import Example, HelpfulCommand
from ..options.click_options import (
    CONNECTION,
    PACE,
    PROBE,
    FilesArgument,
    color_option,
    option,
    scan_options,
    scan_options_from,
    store_option,
)

if TYPE_CHECKING:  # --help needs none of it
    from ...collector.outcome import HostReading

__all__ = ["command"]


_EXAMPLES = (
    Example("sockfleet explain", "this machine"),
    Example("sockfleet explain --processes", "its processes too"),
    Example("sockfleet explain --host web1 --inventory inventory.yml", "a host, over SSH"),
    Example("sockfleet explain sosreport/", "a saved sosreport"),
    Example("sockfleet explain sosreport/ --ss", "its ss -s"),
)


@click.command("explain", cls=HelpfulCommand, examples=_EXAMPLES)
@click.argument("file", cls=FilesArgument, nargs=-1, metavar="[FILE]...")
@option(
    "--ss",
    "as_ss",
    is_flag=True,
    envvar=None,
    help="Print exactly what ss -s prints on that host.",
    group=OptionGroup.OUTPUT,
    brief="Print what ss -s prints there",
)
@option(
    "--host",
    metavar="NAME",
    envvar=None,
    help="Read this host now, over SSH.",
    group=OptionGroup.SELECTION,
    brief="Read this host now, over SSH",
)
@option(
    "--inventory",
    multiple=True,
    metavar="FILE",
    help="The inventory that --host is in.",
    group=OptionGroup.SELECTION,
    brief="The inventory that --host is in",
)
@store_option(group=OptionGroup.HISTORY, brief=None)
@scan_options("threshold", *CONNECTION, *PROBE, *PACE)
@configuration_options()
@color_option()
def command(
    file: tuple[str, ...],
    *,
    as_ss: bool,
    host: str | None,
    threshold: tuple[str, ...],
    store: str | None,
    color: str,
    **given: Any,
) -> None:
    """Show the arithmetic of one host's TCP sockets, step by step.

    FILE is a saved sockstat, sockstat6 or net/snmp, in any order; a folder that holds proc/net, as
    a sosreport does; or "-" for standard input. Without FILE and --host, this machine.
    """
    from ...aggregator.thresholds import parse_thresholds
    from ...core.errors import SockfleetError
    from ...output.text.explanation import explanation, one_host
    from ...output.text.ss_summary import MissingCounterError, ss_summary
    from ..console.streams import warn, write
    from ..console.terminal import render_options
    from ..runs.saved_files import read_own_files, read_saved_host

    if host is not None and file:
        raise click.UsageError("--host and FILE exclude each other")
    thresholds = parse_thresholds(threshold)
    if file:
        shown = read_saved_host(file, thresholds)
    elif host is None and as_ss:
        shown = read_own_files()
    else:
        reading = _read_host(host, given)
        shown = one_host(reading, origin=reading.host.name, thresholds=thresholds)
    if not as_ss:
        over_time: Sequence[str] = ()
        if host is not None:
            from ..runs.stored_trends import describe_host

            over_time = describe_host(store, host)
        write(explanation(shown, render_options(color), over_time=over_time))
        return
    try:
        text = ss_summary(shown.sockstat, shown.sockstat6, shown.kernel.tcp_estab)
    except MissingCounterError as error:
        raise SockfleetError(
            f"ss -s needs what is missing here: {error}. Give that host's /proc/net/sockstat, "
            "sockstat6 and snmp"
        ) from error
    if shown.sockstat6 is None and not shown.is_ipv6_off:
        warn("no sockstat6 given: the IPv6 column is 0, as where IPv6 is off")
    write(text.encode("ascii"))


def _read_host(name: str | None, given: Mapping[str, Any]) -> HostReading:
    """Read that host, or this machine, now."""
    from ...collector.runtime.signals import StopSignals
    from ...core.exit_codes import code_for_signal
    from ...scan.one_host import HostNotReadError, read_one_host, read_this_machine
    from ..runs.terminal_hooks import terminal_hooks

    signals = StopSignals()
    options, hooks = scan_options_from(given), terminal_hooks(signals, quiet=False)
    try:
        if name is None:
            return read_this_machine(options, hooks)
        return read_one_host(name, options, hooks)
    except HostNotReadError as error:
        if signals.received:
            error.exit_code = code_for_signal(signals.received[0])
        raise
