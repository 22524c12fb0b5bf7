"""``sockfleet explain``: the arithmetic of one host, or what ``ss -s`` prints there."""

from __future__ import annotations

from typing import Any

import click

from .options import color_option, connection_options, option, pace_options, probe_options

__all__ = ["command"]


@click.command("explain")
@click.argument("file", nargs=-1, metavar="[FILE]...")
@click.option("--ss", "as_ss", is_flag=True, help="Print exactly what ss -s prints on that host.")
@click.option("--host", metavar="NAME", help="Ask this host now, over SSH.")
@option("--inventory", multiple=True, metavar="FILE", help="Where --host stands.")
@connection_options()
@probe_options()
@pace_options()
@color_option()
def command(
    file: tuple[str, ...], *, as_ss: bool, host: str | None, color: str, **given: Any
) -> None:
    """Show the arithmetic of one host's TCP sockets, step by step.

    FILE is a saved sockstat, sockstat6 or net/snmp, in any order; a folder that holds proc/net, as
    a sosreport does; or "-" for standard input. Without FILE and --host, this machine.
    """
    from ..inventory.errors import SockfleetError
    from ..output.explanation import explanation
    from ..output.ss_summary import MissingCounterError, ss_summary
    from .saved_files import saved_host, this_machine
    from .terminal import note, render_options, write

    if host is not None and file:
        raise click.UsageError("--host and FILE exclude each other")
    if host is not None:
        from .live_host import live_host

        shown = live_host(host, given)
    else:
        shown = saved_host(file) if file else this_machine()
    if not as_ss:
        write(explanation(shown, render_options(color)))
        return
    try:
        text = ss_summary(shown.sockstat, shown.sockstat6, shown.tcp_estab)
    except MissingCounterError as error:
        raise SockfleetError(
            f"ss -s needs what is missing here: {error}. Give that host's /proc/net/sockstat, "
            "sockstat6 and snmp"
        ) from error
    if shown.sockstat6 is None and not shown.is_ipv6_off:
        note("no sockstat6 given: the IPv6 column is 0, as where IPv6 is off")
    write(text.encode("ascii"))
