"""Which host is asked next: in order, but never more of a group or a bastion than its cap allows.

A host whose cap is used up is set aside, so that it takes no slot and holds up nobody behind it;
it comes first again as soon as a place in its cap is free.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping

from ...inventory.models import Host
from .host_feed import HostFeed

__all__ = ["Schedule", "caps_of"]


def caps_of(host: Host, bastion_connections: int) -> Iterator[tuple[str, int]]:
    """The limits that the host shares with others: a name, and how many may be asked at once."""
    for group, most in host.caps:
        yield f"group {group}", most
    if host.ssh.jumps:
        hop = host.ssh.jumps[0]
        yield f"bastion {hop.address}:{hop.port}", bastion_connections


class Schedule:
    """Hands out each host once; `done` must be told when a host's slot is free again.

    ``shares`` is what this process may use of the limits that others use too, by their names.
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
        """The next host that may be asked, waiting for one if need be; None when none is left.

        A feed has hosts left until it is closed.
        """
        while True:
            host = self._ready()
            if host is not None:
                for name, _ in self._caps(host):
                    self._running[name] += 1
                return host
            if self._is_over():
                return None
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn

    def done(self, host: Host) -> None:
        """The host's outcome is known: its places are free."""
        for name, _ in self._caps(host):
            self._running[name] -= 1
            parked = self._parked.get(name)
            if parked:
                self._freed.append(parked.popleft())
                if not parked:
                    del self._parked[name]
        self._wake()

    def rest(self) -> Iterator[Host]:
        """Every host that `next` did not hand out, for the account of a run that ends early."""
        yield from self._freed
        for parked in self._parked.values():
            yield from parked
        yield from self._hosts
        if self._feed is not None:
            self._feed.on_change(None)
        self._freed.clear()
        self._parked.clear()
        self._wake()

    def _ready(self) -> Host | None:
        while self._freed:
            host = self._freed.popleft()
            if self._park(host) is None:
                return host
        for host in self._hosts:
            if self._park(host) is None:
                return host
        return None

    def _park(self, host: Host) -> str | None:
        """The cap that keeps the host from being asked now, under which it was set aside."""
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
        """Wake as many as there are hosts for: of a feed's many waiting none in vain."""
        wanted = len(self._waiting)
        if self._feed is not None and not self._is_over():
            wanted = len(self._freed) + len(self._feed)
        while self._waiting and wanted:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                wanted -= 1
