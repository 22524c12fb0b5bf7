"""The TCP numbers of one host, or of several: raw counters beside the derived ones."""

from __future__ import annotations

from ..core.record import record

__all__ = ["TCP_NUMBERS", "TcpNumbers"]


@record
class TcpNumbers:
    """The TCP counters of one host, or their sums over several; None where they were not given."""

    alloc: int | None = None
    """Sockets of the whole machine, in every namespace and state but TIME_WAIT."""
    inuse: int | None = None
    """IPv4 sockets of the host's own namespace in any state but CLOSE and TIME_WAIT."""
    inuse6: int | None = None
    """The same for IPv6; None where IPv6 is off."""
    tw: int | None = None
    """TIME_WAIT (and FIN_WAIT2 mini-sockets) of the host's own namespace."""
    orphan: int | None = None
    """Sockets of the whole machine that no process holds any more and that still say goodbye."""
    mem_pages: int | None = None
    """Memory of all TCP buffers, in pages of that host."""
    closed: int | None = None
    """What ``ss -s`` calls closed there (`arithmetic.closed`); may be negative."""
    tcp_close: int | None = None
    """Sockets in state TCP_CLOSE (`arithmetic.tcp_close`); may be negative."""


TCP_NUMBERS = ("alloc", "inuse", "inuse6", "tw", "orphan", "mem_pages", "closed", "tcp_close")
"""The names of `TcpNumbers`, in the order of the JSON."""
