"""The two derived numbers, as pure arithmetic on the kernel's counters.

Sources: ``closed`` is print_summary() of iproute2's misc/ss.c; what the counters cover is in the
kernel's net/ipv4/proc.c, sockstat_seq_show(): ``alloc`` counts the TCP sockets of the whole
machine (IPv4 and IPv6, every network namespace), ``inuse`` and ``tw`` those of one namespace.

Both numbers may be negative: the kernel's two files are not read at one instant, and the counters
of a busy host change in between. A negative result is kept; a 0 in its place would hide the error.
Some kernels also give counters that contradict each other, such as an ``inuse`` above ``alloc`` in
one line: `find_contradictions` names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..collector.probe.sockstat import Sockstat
from .numbers import TcpNumbers

__all__ = ["closed", "find_contradictions", "inuse_both", "tcp_close"]


def inuse_both(sockstat: Sockstat, sockstat6: Sockstat | None) -> int | None:
    """TCP sockets of one namespace in any state but CLOSE and TIME_WAIT, IPv4 and IPv6.

    A missing sockstat6 file counts as 0: the kernel has that file unless IPv6 is off, and then
    there are no IPv6 sockets. A file without ``inuse`` gives None.
    """
    inuse = sockstat.get("TCP", "inuse")
    inuse6 = 0 if sockstat6 is None else sockstat6.get("TCP6", "inuse")
    return None if inuse is None or inuse6 is None else inuse + inuse6


def closed(alloc: int | None, inuse: int | None, tw: int | None) -> int | None:
    """The number that ``ss -s`` prints as "closed": ``alloc - (inuse + inuse6 - tw)``.

    ``inuse`` is `inuse_both` of the host's own namespace. TIME_WAIT sockets are added although no
    other counter includes them: on an idle host the result is their number. None where any of the
    three is absent.
    """
    return None if alloc is None or tw is None or inuse is None else alloc - (inuse - tw)


def tcp_close(alloc: int | None, inuse: Iterable[int | None]) -> int | None:
    """TCP sockets in state TCP_CLOSE: ``alloc`` minus the namespaces' `inuse_both`.

    Exact when ``inuse`` covers every network namespace of the machine, else an upper bound. None
    where ``alloc`` or any of the counts is absent.
    """
    if alloc is None:
        return None
    rest = alloc
    for count in inuse:
        if count is None:
            return None
        rest -= count
    return rest


def find_contradictions(tcp: TcpNumbers, uncertainty: int | None) -> Iterator[tuple[int, str]]:
    """Yield why ``tcp_close`` cannot be exact: by how much at least, and a complete phrase.

    ``uncertainty`` is what sockets that came and went between the reads explain; None counts as 0.
    """
    for name in ("alloc", "inuse", "inuse6"):
        count: int | None = getattr(tcp, name)
        if count is not None and count < 0:
            yield -count, f"{name} is {count}, which no number of sockets can be"
    if tcp.tcp_close is not None and tcp.alloc is not None and tcp.tcp_close < -(uncertainty or 0):
        in_use = tcp.alloc - tcp.tcp_close
        yield (
            -tcp.tcp_close,
            f"alloc {tcp.alloc} and {in_use} in use contradict each other: alloc counts all",
        )
