"""The numbers of a host that Prometheus and InfluxDB show, each declared once.

Those of TCP are declared in aggregator/numbers.py; a number that is not of TCP is added here.
"""

from __future__ import annotations

from collections.abc import Callable

from ...aggregator.host import HostSummary
from ...aggregator.numbers import TCP_HELP, TcpNumbers
from ...collector.probe.kernel import Kernel
from ...collector.probe.processes import Process
from ...core.record import record

__all__ = ["HOST_NUMBERS", "HostNumber"]

_NO_TCP, _NO_KERNEL = TcpNumbers(), Kernel()
_NO_HOLDER = Process(pid=0, tcp_close=0)


@record
class HostNumber:
    """A number of a host that was read."""

    name: str
    """The field of InfluxDB; Prometheus puts ``sockfleet_host_`` before it."""
    help: str
    """One line, as Prometheus shows it."""
    value: Callable[[HostSummary], int | None]
    """None where the host did not give it."""


def _tcp_value(name: str) -> Callable[[HostSummary], int | None]:
    def value(host: HostSummary) -> int | None:
        number: int | None = getattr(host.tcp or _NO_TCP, name)
        return number

    return value


HOST_NUMBERS = (
    *(
        HostNumber(name=name, help=help_text, value=_tcp_value(name))
        for name, help_text in TCP_HELP.items()
    ),
    HostNumber(
        name="mem_bytes",
        help="Memory of all TCP buffers; absent where the host did not give its page size.",
        value=lambda host: host.mem_bytes,
    ),
    HostNumber(
        name="sockets_used",
        help="Sockets of every kind in the host's own namespace.",
        value=lambda host: host.sockets_used,
    ),
    HostNumber(
        name="tcp_estab",
        help="TCP connections of the host's own namespace in state ESTABLISHED or CLOSE_WAIT.",
        value=lambda host: (host.kernel or _NO_KERNEL).tcp_estab,
    ),
    HostNumber(
        name="tcp_max_orphans",
        help="The kernel's limit of orphan sockets.",
        value=lambda host: (host.kernel or _NO_KERNEL).tcp_max_orphans,
    ),
    HostNumber(
        name="file_nr",
        help="Open files of the whole machine, sockets among them.",
        value=lambda host: (host.kernel or _NO_KERNEL).file_nr,
    ),
    HostNumber(
        name="file_max",
        help="The kernel's limit of open files; 2**63 - 1 is none.",
        value=lambda host: (host.kernel or _NO_KERNEL).file_max,
    ),
    HostNumber(
        name="uncertainty",
        help="By how many sockets tcp_close may be off, as not all was read at one instant.",
        value=lambda host: host.uncertainty,
    ),
    HostNumber(
        name="unattributed",
        help="The part of tcp_close that no process was seen to hold; only with --processes.",
        value=lambda host: host.unattributed,
    ),
    HostNumber(
        name="holder_open_files",
        help="Open files of the holder of closed sockets that has the fewest left; only with "
        "--processes.",
        value=lambda host: (host.fullest_holder or _NO_HOLDER).open_files,
    ),
    HostNumber(
        name="holder_open_files_limit",
        help="The limit of these (RLIMIT_NOFILE), at which accept() and open() fail with EMFILE.",
        value=lambda host: (host.fullest_holder or _NO_HOLDER).open_files_limit,
    ),
)
"""In the order in which they are written."""
