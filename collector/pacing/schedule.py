"""Which host comes next: in order, but at most as many of a group or bastion as its cap allows.

A host whose cap is used up is parked, so that it takes no slot and does not block the hosts behind
it. It comes first again as soon as its cap allows another host.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping

from ...inventory.models import Host
from .host_feed import HostFeed

__all__ = ["Schedule", "caps_of"]


def caps_of(host: Host, bastion_connections: int) -> Iterator[tuple[str, int]]:
    """The limits that the host shares with others: name, and how many hosts at once."""
    for group, most in host.caps:
        yield f"group {group}", most
    if host.ssh.jumps:
        hop = host.ssh.jumps[0]
        yield f"bastion {hop.address}:{hop.port}", bastion_connections


class Schedule:
    """Yields each host once from `next`; call `release` when a host has its outcome.

    ``shares`` is this process's share of each limit that other processes use too, by its name.
    """

    def __init__(
        self,
        hosts: Iterable[Host],
        *,
        bastion_connections: int,
        shares: Mapping[str, int] | None = None,
    ) -> None:
        self._hosts: Iterator[Host] = iter(hosts)
        self._bastion_connections = bastion_connections
        self._shares = shares or {}
        self._running: Counter[str] = Counter()
        self._parked: dict[str, deque[Host]] = {}
        self._freed: deque[Host] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._feed = hosts if isinstance(hosts, HostFeed) else None
        if self._feed is not None:
            loop = asyncio.get_running_loop()
            self._feed.on_change(lambda: loop.call_soon_threadsafe(self._wake))

    async def next(self) -> Host | None:
        """Wait for the next host that its caps allow; None: no host is left.

        A `HostFeed` has hosts left until it is closed.
        """
        while True:
            host = self._take_ready()
            if host is not None:
                for name, _ in self._caps(host):
                    self._running[name] += 1
                return host
            if self._is_over():
                return None
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    def release(self, host: Host) -> None:
        """Let the next host use this host's share of its caps."""
        for name, _ in self._caps(host):
            self._running[name] -= 1
            parked = self._parked.get(name)
            if parked:
                self._freed.append(parked.popleft())
                if not parked:
                    del self._parked[name]
        self._wake()

    def remaining(self) -> Iterator[Host]:
        """Yield every host that `next` did not return, as the run was stopped."""
        yield from self._freed
        for parked in self._parked.values():
            yield from parked
        yield from self._hosts
        if self._feed is not None:
            self._feed.on_change(None)
        self._freed.clear()
        self._parked.clear()
        self._wake()

    def _take_ready(self) -> Host | None:
        while self._freed:
            host = self._freed.popleft()
            if self._park(host) is None:
                return host
        for host in self._hosts:
            if self._park(host) is None:
                return host
        return None

    def _park(self, host: Host) -> str | None:
        """Park the host where one of its caps is used up, and return that cap; else None."""
        for name, most in self._caps(host):
            if self._running[name] >= most:
                self._parked.setdefault(name, deque()).append(host)
                return name
        return None

    def _caps(self, host: Host) -> Iterator[tuple[str, int]]:
        for name, most in caps_of(host, self._bastion_connections):
            yield name, self._shares.get(name, most)

    def _is_over(self) -> bool:
        return not (self._parked or (self._feed is not None and self._feed.is_open))

    def _wake(self) -> None:
        """Wake the waiters; with an open feed only as many as there are hosts."""
        wanted = len(self._waiting)
        if self._feed is not None and not self._is_over():
            wanted = len(self._freed) + len(self._feed)
        while self._waiting and wanted:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                wanted -= 1
