"""What is known of who holds the closed sockets of one host, and how much of them is not.

The fields are those of ``hosts[].attribution`` in the JSON of a scan, by name and shape; its
``processes`` are `collector.probe.processes.Process` as they come.
"""

from __future__ import annotations

from ..collector.probe.processes import Processes
from ..core.record import record

__all__ = ["Attribution", "attribute", "unattributed"]


@record
class Attribution:
    """How the processes were found, and what may be missing of them."""

    tool: str | None = None
    """What told the protocols: python3, perl, getfattr or lsof; None: nothing, or nothing to
    tell."""
    exact: bool
    denied: int = 0
    """Processes of others, whose descriptors only root may look at."""
    partial: bool = False
    """Whether the time on the host ended before all was looked at."""
    rest_processes: int = 0
    """Processes with fewer sockets than those that are listed."""
    rest_tcp_close: int = 0


def attribute(processes: Processes) -> Attribution:
    """The account of the look-up."""
    return Attribution(
        tool=processes.tool,
        exact=processes.exact,
        denied=processes.denied,
        partial=processes.partial,
        rest_processes=processes.rest_processes,
        rest_tcp_close=processes.rest_tcp_close,
    )


def unattributed(processes: Processes | None, tcp_close: int | None) -> int | None:
    """``tcp_close`` minus what the processes hold, so that both together are always ``tcp_close``.

    Others' processes for an ordinary user, sockets that only the kernel or a message in flight
    holds; negative where the counts are bounds, or sockets changed between the reads.
    """
    if processes is None or tcp_close is None:
        return None
    return tcp_close - sum(one.tcp_close for one in processes.seen) - processes.rest_tcp_close
