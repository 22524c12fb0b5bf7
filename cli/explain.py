"""``sockfleet explain``: the arithmetic of one host, or what ``ss -s`` prints there."""

from __future__ import annotations

import click

from .options import color_option

__all__ = ["command"]


@click.command("explain")
@click.argument("file", nargs=-1, metavar="[FILE]...")
@click.option("--ss", "as_ss", is_flag=True, help="Print exactly what ss -s prints on that host.")
@color_option()
def command(file: tuple[str, ...], *, as_ss: bool, color: str) -> None:
    """Show the arithmetic of one host's TCP sockets, step by step.

    FILE is a saved sockstat, sockstat6 or net/snmp, in any order; a folder that holds proc/net, as
    a sosreport does; or "-" for standard input. Without FILE, this machine.
    """
    from ..inventory.errors import SockfleetError
    from ..output.explanation import explanation
    from ..output.ss_summary import MissingCounterError, ss_summary
    from .saved_files import saved_host, this_machine
    from .terminal import note, render_options, write

    host = saved_host(file) if file else this_machine()
    if not as_ss:
        write(explanation(host, render_options(color)))
        return
    try:
        text = ss_summary(host.sockstat, host.sockstat6, host.tcp_estab)
    except MissingCounterError as error:
        raise SockfleetError(
            f"ss -s needs what is missing here: {error}. Give that host's /proc/net/sockstat, "
            "sockstat6 and snmp"
        ) from error
    if host.sockstat6 is None and not host.is_ipv6_off:
        note("no sockstat6 given: the IPv6 column is 0, as where IPv6 is off")
    write(text.encode("ascii"))
