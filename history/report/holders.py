"""Who holds the closed sockets of a host: its processes and network namespaces."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nlargest

from ...aggregator.host import HostSummary
from ...aggregator.namespaces import NamespaceSummary
from ...collector.probe.containers import Container
from ...collector.probe.processes import Process
from .model import Holder, HostDetail, NamespaceLine

__all__ = ["describe_holders", "find_details"]

_MOST_HOSTS = 100
_MOST_ROWS = 8
_ID_LENGTH = 12


def describe_holders(host: HostSummary) -> tuple[Holder, ...] | None:
    """The processes of a host, the one that holds the most first; None: they were not read."""
    if host.processes is None:
        return None
    return tuple(_describe(process) for process in host.processes)


def find_details(hosts: Iterable[HostSummary]) -> tuple[HostDetail, ...]:
    """The details of the hosts with the most closed sockets, of those that have some."""
    having = [host for host in hosts if host.processes or _is_divided(host)]
    largest = nlargest(_MOST_HOSTS, having, key=lambda host: (_held(host) or 0, host.name))
    return tuple(_detail(host) for host in largest)


def _is_divided(host: HostSummary) -> bool:
    return host.namespaces is not None and len(host.namespaces) > 1


def _held(host: HostSummary) -> int | None:
    return None if host.tcp is None else host.tcp.tcp_close


def _detail(host: HostSummary) -> HostDetail:
    namespaces = (host.namespaces or ()) if _is_divided(host) else ()
    largest = nlargest(_MOST_ROWS, namespaces, key=_size)
    rest = 0 if host.namespaces_rest is None else host.namespaces_rest.namespaces
    processes = host.processes or ()
    return HostDetail(
        host=host.name,
        tcp_close=_held(host),
        namespaces=tuple(
            NamespaceLine(
                name=_name(one),
                inuse=one.inuse + (one.inuse6 or 0),
                tcp_close_max=one.tcp_close_max,
            )
            for one in largest
        ),
        more_namespaces=len(namespaces) - len(largest) + rest,
        holders=tuple(_describe(process) for process in processes[:_MOST_ROWS]),
        more_holders=max(0, len(processes) - _MOST_ROWS),
    )


def _size(one: NamespaceSummary) -> tuple[int, int]:
    return one.tcp_close_max or 0, one.inuse


def _name(one: NamespaceSummary) -> str:
    if one.host:
        return "host"
    if one.container is not None:
        return _container(one.container)
    return f"{one.command or 'process'} ({one.pid})"


def _container(container: Container) -> str:
    return f"{container.runtime} {container.id[:_ID_LENGTH]}"


def _describe(process: Process) -> Holder:
    return Holder(
        command=process.command or f"pid {process.pid}",
        user=process.user,
        container=None if process.container is None else _container(process.container),
        tcp_close=process.tcp_close,
        open_files=process.open_files,
        open_files_limit=process.open_files_limit,
    )
