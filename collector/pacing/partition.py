"""Which worker process contacts which hosts.

Workers pull units of hosts from a shared queue (`workers.pipe_queue`), so none idles. A limit on
connections (a group's, a bastion's) holds for the whole run: hosts that share one form a unit, as
one worker can keep it alone. Where such a unit would leave the other workers without work, each
worker gets a fixed part of its hosts and of its limit beforehand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...core.record import record
from ...inventory.models import Host
from .schedule import caps_of

__all__ = ["Partition", "partition", "share"]

UNIT_HOSTS = 16
"""Hosts in a unit, where limits allow: few, so that all workers end at about the same time."""
MOST_UNITS = 500
"""And up to two small ones: their numbers fit into the smallest pipe, one page (pipe(7))."""


@record
class Partition:
    """Each host is in one unit of the queue, or belongs to one worker from the start."""

    units: Sequence[Sequence[int]]
    """For each unit: the indexes of its hosts. Units with shared limits come first."""
    own: Sequence[Sequence[int]]
    """For each worker: the indexes of the hosts that it gets from the start."""
    shared: Mapping[str, int]
    """The limits that all workers use, undivided, by the names of `schedule.caps_of`."""

    def shares(self, worker: int) -> dict[str, int]:
        """This worker's share of each limit in ``shared``."""
        return {name: share(most, worker, len(self.own)) for name, most in self.shared.items()}


def share(whole: int, worker: int, workers: int) -> int:
    """The worker's share of ``whole``; the shares of all workers add up to it."""
    return whole // workers + (worker < whole % workers)


def partition(hosts: Sequence[Host], workers: int, *, bastion_connections: int) -> Partition:
    """Divide the hosts between this many workers."""
    free: list[int] = []
    limited = _LimitedHosts()
    for index, host in enumerate(hosts):
        limits = dict(caps_of(host, bastion_connections))
        if limits:
            limited.add(index, limits)
        else:
            free.append(index)
    whole: list[list[int]] = []
    own: list[list[int]] = [[] for _ in range(workers)]
    shared: dict[str, int] = {}
    for together, limits in limited.parts():
        if len(together) * workers <= len(hosts) or min(limits.values()) < workers:
            whole.append(together)
            continue
        shared |= limits
        for worker, hosts_of_worker in enumerate(own):
            hosts_of_worker += together[worker::workers]
    whole.sort(key=len, reverse=True)
    size = max(UNIT_HOSTS, -(-len(hosts) // MOST_UNITS))
    units = [*_pack(whole, size), *_pack(([index] for index in free), size)]
    return Partition(units=units, own=own, shared=shared)


def _pack(parts: Iterable[list[int]], size: int) -> Iterator[list[int]]:
    """Join whole parts to units of at least ``size`` hosts; the last one may be smaller."""
    unit: list[int] = []
    for part in parts:
        unit += part
        if len(unit) >= size:
            yield unit
            unit = []
    if unit:
        yield unit


class _LimitedHosts:
    """Hosts with shared limits, joined into parts: two hosts of one limit are in the same part.

    A union-find structure over the names of the limits.
    """

    def __init__(self) -> None:
        self._limits: dict[str, int] = {}
        self._parent: dict[str, str] = {}
        self._hosts: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, index: int, limits: Mapping[str, int]) -> None:
        first, *others = limits
        self._limits |= limits
        root = self._root(first)
        for other in others:
            self._parent[self._root(other)] = root
        self._hosts[first].append(index)

    def parts(self) -> Iterator[tuple[list[int], dict[str, int]]]:
        """Yield the hosts of each part, in their order, and the part's limits."""
        hosts: defaultdict[str, list[int]] = defaultdict(list)
        limits: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for name, most in self._limits.items():
            limits[self._root(name)][name] = most
        for name, indexes in self._hosts.items():
            hosts[self._root(name)] += indexes
        for root, indexes in hosts.items():
            yield sorted(indexes), limits[root]

    def _root(self, name: str) -> str:
        parent = self._parent.setdefault(name, name)
        while parent != name:
            # Path halving keeps the chain short.
            self._parent[name] = self._parent[parent]
            name, parent = parent, self._parent[parent]
        return name
