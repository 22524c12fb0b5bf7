"""The network namespaces of one host, as the JSON of a scan shows them.

The fields have the names and shapes of ``hosts[].namespaces`` in the document.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..collector.probe.containers import Container
from ..collector.probe.namespaces import Namespace, Namespaces
from ..core.record import record

__all__ = [
    "NamespaceSummary",
    "RestSummary",
    "find_impossible_counts",
    "inuse_elsewhere",
    "namespace_summaries",
    "rest_summary",
    "uncertainty",
]


@record
class RestSummary:
    """The namespaces that are not listed one by one, on a host with hundreds."""

    namespaces: int
    inuse: int
    """Their sockets in use, IPv4 and IPv6."""


@record
class NamespaceSummary:
    """One namespace: its counters, one of its processes, and the bound of its closed sockets."""

    inode: int
    netns: int | None = None
    host: bool
    """Whether it is the host's own; ``tcp`` shows its counters too."""
    pid: int
    command: str | None = None
    container: Container | None = None
    """None for a namespace of the host's own processes."""
    unit: str | None = None
    """The service or scope of systemd that the process is in; None in a container and outside of a
    lasting one."""
    inuse: int
    inuse6: int | None = None
    tw: int | None = None
    used: int | None = None
    tcp_close_max: int | None = None
    """An upper bound of its closed sockets; ``tcp_close`` is exact for the whole host only."""


def namespace_summaries(namespaces: Namespaces) -> tuple[NamespaceSummary, ...]:
    """Summarize the namespaces: the host's own first, then by inode."""
    return tuple(
        NamespaceSummary(
            inode=one.inode,
            netns=one.netns,
            host=one.is_host,
            pid=one.pid,
            command=one.command,
            container=one.container,
            unit=one.unit,
            inuse=one.inuse,
            inuse6=one.inuse6,
            tw=one.tw,
            used=one.used,
            tcp_close_max=one.tcp_close_max,
        )
        for one in namespaces.seen
    )


def rest_summary(namespaces: Namespaces | None) -> RestSummary | None:
    """Summarize the namespaces that are not listed; None where all are."""
    if namespaces is None or not namespaces.rest_namespaces:
        return None
    return RestSummary(namespaces=namespaces.rest_namespaces, inuse=namespaces.rest_inuse)


def inuse_elsewhere(namespaces: Namespaces | None) -> list[int]:
    """Sockets in use, IPv4 and IPv6, of each namespace but the host's own; the rest in one sum."""
    if namespaces is None:
        return []
    return [*(_both(one) for one in namespaces.seen if not one.is_host), namespaces.rest_inuse]


def find_impossible_counts(namespaces: Namespaces | None) -> Iterator[tuple[int, str]]:
    """Yield the counts below 0 of other namespaces than the host's own.

    Each as `arithmetic.find_contradictions` yields its contradictions: ``tcp_close`` is too high by
    that much at least.
    """
    if namespaces is None:
        return
    counts: list[tuple[str, int | None]] = []
    for one in namespaces.seen:
        if not one.is_host:
            where = f"in the namespace of process {one.pid}"
            counts += [(f"inuse {where}", one.inuse), (f"inuse6 {where}", one.inuse6)]
    counts.append(("inuse in the namespaces that are not listed", namespaces.rest_inuse))
    for name, count in counts:
        if count is not None and count < 0:
            yield -count, f"{name} is {count}, which no number of sockets can be"


def uncertainty(
    namespaces: Namespaces | None, alloc: int | None, inuse_here: int | None
) -> int | None:
    """By how many sockets ``tcp_close`` may be off, as the files are not read at one instant.

    The spread of ``alloc`` over all reads, plus that of every namespace's ``inuse``: 0 on a quiet
    host. ``alloc`` and ``inuse_here`` come from the first read, in the host's own namespace. None
    where the files were read once only.
    """
    if namespaces is None or namespaces.change is None or alloc is None or inuse_here is None:
        return None
    allocs = (alloc, *namespaces.allocs)
    moved = sum(abs(_both(one) - inuse_here) for one in namespaces.seen if one.is_host)
    return max(allocs) - min(allocs) + namespaces.change + moved


def _both(namespace: Namespace) -> int:
    return namespace.inuse + (namespace.inuse6 or 0)
