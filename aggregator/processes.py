"""Who holds the closed sockets of one host, as the JSON of a scan shows it.

The fields are those of ``hosts[].processes`` and ``hosts[].attribution``, by name and shape.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..collector.containers import Container
from ..collector.processes import Processes

__all__ = ["Attribution", "ProcessSummary", "attribution", "process_summaries", "unattributed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSummary:
    """One process and the closed TCP sockets that it holds open."""

    pid: int
    command: str | None = None
    """Its short name, never its arguments."""
    arguments: str | None = None
    """Only under --process-args."""
    user: str | None = None
    namespace: int | None = None
    """The ``inode`` of its namespace."""
    container: Container | None = None
    tcp_close: int
    bound: bool = False
    """Whether ``tcp_close`` is an upper bound: nothing on that host could tell the protocols."""
    shared: int = 0
    """How many other processes hold one of its sockets too; each socket counts once."""


@dataclass(frozen=True, slots=True, kw_only=True)
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


def process_summaries(processes: Processes) -> tuple[ProcessSummary, ...]:
    """Those with the most closed sockets first."""
    return tuple(
        ProcessSummary(
            pid=one.pid,
            command=one.command,
            arguments=one.arguments,
            user=one.user,
            namespace=one.namespace,
            container=one.container,
            tcp_close=one.tcp_close,
            bound=one.is_bound,
            shared=one.shared,
        )
        for one in processes.seen
    )


def attribution(processes: Processes) -> Attribution:
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
