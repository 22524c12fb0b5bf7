"""How the holders of a host's closed sockets were found, and how many sockets have none.

The fields have the names and shapes of ``hosts[].attribution`` in the JSON of a scan; its
``processes`` are those of `collector.probe.processes.Process`.
"""

from __future__ import annotations

from ..collector.probe.processes import Processes
from ..core.record import record

__all__ = ["Attribution", "attribute", "unattributed"]


@record
class Attribution:
    """How the processes were found, and which may be missing."""

    tool: str | None = None
    """The program that read the sockets' protocols: python3, perl, getfattr or lsof; None where
    the host has none of them, or no socket needed one."""
    exact: bool
    denied: int = 0
    """Processes of other users, whose descriptors only root may read."""
    partial: bool = False
    """Whether the time on the host ended before all descriptors were read."""
    rest_processes: int = 0
    """Processes with fewer sockets than the listed ones."""
    rest_tcp_close: int = 0


def attribute(processes: Processes) -> Attribution:
    """Return how the processes were found."""
    return Attribution(
        tool=processes.tool,
        exact=processes.exact,
        denied=processes.denied,
        partial=processes.partial,
        rest_processes=processes.rest_processes,
        rest_tcp_close=processes.rest_tcp_close,
    )


def unattributed(processes: Processes | None, tcp_close: int | None) -> int | None:
    """``tcp_close`` minus the sockets that the processes hold; None where either is unknown.

    It counts sockets of other users' processes (for an ordinary user), and sockets that only the
    kernel or a message in flight holds. Negative where the counts are bounds, or sockets changed
    between the reads.
    """
    if processes is None or tcp_close is None:
        return None
    return tcp_close - sum(one.tcp_close for one in processes.seen) - processes.rest_tcp_close
