"""Which worker asks which hosts: all take from one pile as they have room, so that none runs dry.

The pile is a pipe full of numbers that all processes may read: the kernel gives each number to one
of them (a reader holds the pipe's lock while it reads, and reads whole numbers). So a worker that
dies holds no lock and no number but its own. A file with a common position would not do: that of a
memfd is not locked, and numbers came twice.

A limit on connections (a group's, a bastion's) holds for the whole run. Hosts that share one go to
one worker together; where that would leave the others without work, each worker gets its part of
the hosts and of the limit beforehand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...core.record import record
from ...inventory.models import Host
from .schedule import caps_of

__all__ = ["Partition", "partition", "share"]

UNIT_HOSTS = 16
"""Hosts that are taken together, if possible: few, so that none waits long at the end."""
MOST_UNITS = 500
"""And two that are not full: their numbers fit into the smallest pipe, one page (pipe(7))."""


@record
class Partition:
    """Every host in one place: in a unit of the pile, or with one of the workers."""

    units: Sequence[Sequence[int]]
    """Indexes of hosts that go to whoever takes the unit; those with shared limits first."""
    own: Sequence[Sequence[int]]
    """For each worker: indexes of hosts that are its own from the start."""
    shared: Mapping[str, int]
    """Limits that all workers use in common, by the names of `schedule.caps_of`, whole."""

    def shares(self, worker: int) -> dict[str, int]:
        """What this worker may use of each limit in `shared`."""
        return {name: share(most, worker, len(self.own)) for name, most in self.shared.items()}


def share(whole: int, worker: int, workers: int) -> int:
    """The worker's part of a number that is to be divided without a rest."""
    return whole // workers + (worker < whole % workers)


def partition(hosts: Sequence[Host], workers: int, *, bastion_connections: int) -> Partition:
    """Deal the hosts to this many workers."""
    free: list[int] = []
    bound = _Bound()
    for index, host in enumerate(hosts):
        limits = dict(caps_of(host, bastion_connections))
        if limits:
            bound.add(index, limits)
        else:
            free.append(index)
    whole: list[list[int]] = []
    own: list[list[int]] = [[] for _ in range(workers)]
    shared: dict[str, int] = {}
    for together, limits in bound.parts():
        if len(together) * workers <= len(hosts) or min(limits.values()) < workers:
            whole.append(together)
            continue
        shared |= limits
        for worker, mine in enumerate(own):
            mine += together[worker::workers]
    whole.sort(key=len, reverse=True)
    size = max(UNIT_HOSTS, -(-len(hosts) // MOST_UNITS))
    units = [*_packed(whole, size), *_packed(([index] for index in free), size)]
    return Partition(units=units, own=own, shared=shared)


def _packed(parts: Iterable[list[int]], size: int) -> Iterator[list[int]]:
    """Units of at least ``size`` hosts, the last one apart, that leave each part whole."""
    unit: list[int] = []
    for part in parts:
        unit += part
        if len(unit) >= size:
            yield unit
            unit = []
    if unit:
        yield unit


class _Bound:
    """Hosts with shared limits; two that share one, also through a third host, belong together."""

    def __init__(self) -> None:
        self._limits: dict[str, int] = {}
        self._above: dict[str, str] = {}
        self._hosts: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, index: int, limits: Mapping[str, int]) -> None:
        first, *others = limits
        self._limits |= limits
        top = self._top(first)
        for other in others:
            self._above[self._top(other)] = top
        self._hosts[first].append(index)

    def parts(self) -> Iterator[tuple[list[int], dict[str, int]]]:
        """The hosts of each part, in their order, and its limits."""
        hosts: defaultdict[str, list[int]] = defaultdict(list)
        limits: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for name, most in self._limits.items():
            limits[self._top(name)][name] = most
        for name, indexes in self._hosts.items():
            hosts[self._top(name)] += indexes
        for top, indexes in hosts.items():
            yield sorted(indexes), limits[top]

    def _top(self, name: str) -> str:
        above = self._above.setdefault(name, name)
        while above != name:
            # Halving the way on each look keeps it short.
            self._above[name] = self._above[above]
            name, above = above, self._above[above]
        return name
