"""The limits that a number of a host, or of one of its namespaces, may meet."""

from __future__ import annotations

from collections.abc import Iterable

from ..aggregator.host import HostSummary
from ..collector.probe.processes import Process
from .store.subjects import HostFacts
from .trends.forecast import Limit

__all__ = ["holder_limits", "kernel_limits", "namespace_limits"]

_SOCKET_METRICS = frozenset({"tcp_close", "closed", "alloc", "sockets_used"})
"""Numbers of which each one is a descriptor of its holder, and an open file of the machine."""
_UNLIMITED = 1 << 53
"""Many kernels set fs.file-max to 2**63 - 1, which nothing meets."""


def kernel_limits(metric: str, fact: HostFacts) -> tuple[Limit, ...]:
    """Return the limits of the kernel that the number itself counts against."""
    if metric == "mem_pages" and fact.tcp_mem is not None:
        return (Limit(name="tcp_mem", value=float(fact.tcp_mem[2])),)
    if metric == "orphan" and fact.tcp_max_orphans is not None:
        return (Limit(name="tcp_max_orphans", value=float(fact.tcp_max_orphans)),)
    return _open_files_of_machine(metric, fact)


def _open_files_of_machine(metric: str, fact: HostFacts) -> tuple[Limit, ...]:
    """Return the number that the host has once the whole machine has no open file left."""
    level, most, now = fact.latest.get(metric), fact.file_max, fact.file_nr
    if metric not in _SOCKET_METRICS or level is None or most is None or now is None:
        return ()
    if most >= _UNLIMITED:
        return ()
    return (Limit(name="file-max", value=float(level + max(0, most - now))),)


def holder_limits(metric: str, host: HostSummary) -> tuple[Limit, ...]:
    """Return the limit of the process that holds the most closed sockets.

    It is the number that the host has once that process has no descriptor left, if it alone leaks.
    """
    if metric not in _SOCKET_METRICS:
        return ()
    level = host.sockets_used if metric == "sockets_used" else getattr(host.tcp, metric, None)
    return _descriptors(level, host.processes or ())


def namespace_limits(metric: str, host: HostSummary, inode: int) -> tuple[Limit, ...]:
    """Return the limit of the process in a namespace that holds the most, as `holder_limits`."""
    if metric not in _SOCKET_METRICS:
        return ()
    levels = [
        one.used if metric == "sockets_used" else one.tcp_close_max
        for one in host.namespaces or ()
        if one.inode == inode
    ]
    within = [process for process in host.processes or () if process.namespace == inode]
    return _descriptors(levels[0] if levels else None, within)


def _descriptors(level: int | None, processes: Iterable[Process]) -> tuple[Limit, ...]:
    for process in processes:
        left = process.open_files_left
        if level is not None and left is not None:
            name = f"open files of {process.command or 'process'} ({process.pid})"
            return (Limit(name=name, value=float(level + left)),)
    return ()
