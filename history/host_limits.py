"""The limits that a number of a host may meet."""

from __future__ import annotations

from ..aggregator.host import HostSummary
from .store.subjects import HostFacts
from .trends.forecast import Limit

__all__ = ["holder_limits", "kernel_limits"]

_SOCKET_METRICS = frozenset({"tcp_close", "closed", "alloc", "sockets_used"})
"""Numbers of which each one is a descriptor of its holder."""


def kernel_limits(metric: str, fact: HostFacts) -> tuple[Limit, ...]:
    """Return the limits of the kernel that the number itself counts against."""
    if metric == "mem_pages" and fact.tcp_mem is not None:
        return (Limit(name="tcp_mem", value=float(fact.tcp_mem[2])),)
    if metric == "orphan" and fact.tcp_max_orphans is not None:
        return (Limit(name="tcp_max_orphans", value=float(fact.tcp_max_orphans)),)
    return ()


def holder_limits(metric: str, host: HostSummary) -> tuple[Limit, ...]:
    """Return the limit of the process that holds the most closed sockets.

    It is the number that the host has once that process has no descriptor left, if it alone leaks.
    """
    if metric not in _SOCKET_METRICS:
        return ()
    level = host.sockets_used if metric == "sockets_used" else getattr(host.tcp, metric, None)
    for process in host.processes or ():
        left = process.open_files_left
        if level is not None and left is not None:
            name = f"open files of {process.command or 'process'} ({process.pid})"
            return (Limit(name=name, value=float(level + left)),)
    return ()
