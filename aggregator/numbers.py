"""The TCP numbers of one host, or of several: raw counters beside the derived ones.

`TcpNumbers` is the one declaration of a number. Its name is the key of the JSON, the field of CSV
and InfluxDB, the gauge of Prometheus, the key of ``--sort`` and of a level, and the column that
the table shows when it is sorted by it. host.py gives it a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from operator import attrgetter

from ..core.record import record

__all__ = ["TCP_HELP", "TCP_NUMBERS", "TcpNumbers", "tcp_values"]


def _number(help_text: str) -> int | None:
    """Declare a number with one line of help, as Prometheus shows it."""
    return field(default=None, metadata={"help": help_text})


@record
class TcpNumbers:
    """The TCP counters of one host, or their sums over several; None where they were not given."""

    alloc: int | None = _number("TCP sockets of the whole machine, in every state but TIME_WAIT.")
    inuse: int | None = _number(
        "IPv4 TCP sockets of the host's own namespace that are neither closed nor TIME_WAIT."
    )
    inuse6: int | None = _number("The same of IPv6 TCP sockets; absent where IPv6 is off.")
    tw: int | None = _number("TIME_WAIT sockets of the host's own namespace.")
    """With FIN_WAIT2 mini-sockets, which the kernel counts there too."""
    orphan: int | None = _number(
        "TCP sockets that no process holds any more and that are still being closed."
    )
    mem_pages: int | None = _number("Memory of all TCP buffers, in pages of that host.")
    closed: int | None = _number("What ss -s prints as closed: alloc - (inuse + inuse6 - tw).")
    """`arithmetic.closed`; may be negative."""
    tcp_close: int | None = _number(
        "Sockets in state TCP_CLOSE; an upper bound unless the scope is all-namespaces."
    )
    """`arithmetic.tcp_close`; may be negative."""


TCP_HELP: Mapping[str, str] = {
    number.name: number.metadata["help"] for number in fields(TcpNumbers)
}
"""Each number's line of help, by its name, in the order of the JSON."""

TCP_NUMBERS = tuple(TCP_HELP)
"""The names of `TcpNumbers`, in the order of the JSON."""

tcp_values: Callable[[TcpNumbers], tuple[int | None, ...]] = attrgetter(*TCP_NUMBERS)
"""The values of the numbers, in the order of `TCP_NUMBERS`."""
