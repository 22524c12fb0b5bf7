"""Scans of a made fleet, for the store's benchmark and tests: numbers without any host."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sockfleet.aggregator.fleet import FleetSummary, ScanInfo, summarize_fleet
from sockfleet.aggregator.host import FailureReason, HostSummary, Status
from sockfleet.aggregator.namespaces import NamespaceSummary
from sockfleet.aggregator.numbers import TcpNumbers
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.scope import Scope

__all__ = ["BEGIN", "EVERY", "ScannedFleet", "made_host", "scan_of_hosts"]

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
EVERY = timedelta(minutes=5)


def made_host(
    name: str,
    alloc: int,
    tcp_close: int,
    namespaces: tuple[NamespaceSummary, ...] | None = None,
) -> HostSummary:
    """A host that was read whole, with these numbers alone."""
    return HostSummary(
        name=name,
        port=22,
        status=Status.OK,
        attempts=1,
        elapsed_s=0.1,
        tcp=TcpNumbers(alloc=alloc, tcp_close=tcp_close),
        scope=Scope.ALL_NAMESPACES,
        namespaces=namespaces,
    )


def scan_of_hosts(
    uid: str, at: datetime, hosts: Iterable[HostSummary], duration_s: float = 1.0
) -> FleetSummary:
    """A whole scan of these hosts, which began then."""
    info = ScanInfo(
        id=uid,
        started_at=at,
        finished_at=at + timedelta(seconds=duration_s),
        duration_s=duration_s,
        complete=True,
        inventory=("inventory.yml",),
    )
    return summarize_fleet(hosts, info)


class ScannedFleet:
    """A fleet whose sockets are born and die, so that numbers resemble those of the scan before."""

    def __init__(self, hosts: int, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self.names = [f"host{number:06d}" for number in range(hosts)]
        self._held = [int(self._random.paretovariate(0.7) * 3) % 50_000 for _ in self.names]
        self._used = [self._random.randrange(50, 900) for _ in self.names]
        self._fixed: list[dict[str, Any]] = [
            {
                "name": name,
                "address": f"10.{place >> 16 & 255}.{place >> 8 & 255}.{place & 255}",
                "port": 22,
                "groups": ("web" if place % 3 else "db", "linux"),
                "attempts": 1,
            }
            for place, name in enumerate(self.names)
        ]
        self._kernels = [
            Kernel(
                release="6.1.0-13-amd64",
                boot_id=f"{self._random.getrandbits(32):08x}-0000-4000-8000-000000000000",
                page_size=4096,
                tcp_mem=(188_000, 250_000, 376_000),
                tcp_max_orphans=65_536,
                tcp_estab=20,
            )
            for _ in self.names
        ]

    def scan(self, at: datetime) -> FleetSummary:
        """The next scan, which began then; three hosts of a thousand fail in each."""
        hosts = [self._host(place) for place in range(len(self.names))]
        return scan_of_hosts(f"{random.getrandbits(128):032x}", at, hosts, duration_s=9.0)

    def scans(
        self, count: int, begin: datetime = BEGIN, every: timedelta = EVERY
    ) -> Iterator[FleetSummary]:
        """Yield that many scans at this interval."""
        for number in range(count):
            yield self.scan(begin + number * every)

    def _host(self, place: int) -> HostSummary:
        draw = self._random.random
        elapsed_s = 0.02 + draw() * 0.05
        if draw() < 0.003:
            reason = FailureReason(category="tcp_timeout", phase="connect", message="no answer")
            return HostSummary(
                **self._fixed[place], status=Status.FAILED, elapsed_s=elapsed_s, error=reason
            )
        step = int((draw() - 0.5) * (3 + self._held[place] ** 0.5))
        held = self._held[place] = max(0, self._held[place] + step)
        used = self._used[place] = max(10, self._used[place] + int((draw() - 0.5) * 12))
        tw = int(draw() ** 3 * 200)
        return HostSummary(
            **self._fixed[place],
            status=Status.OK,
            elapsed_s=elapsed_s,
            tcp=TcpNumbers(
                alloc=held + used,
                inuse=used - 4,
                inuse6=4,
                tw=tw,
                orphan=int(draw() ** 6 * 9),
                mem_pages=40 + used // 3 + int(draw() * 20),
                closed=held + tw,
                tcp_close=held,
            ),
            scope=Scope.ALL_NAMESPACES,
            uncertainty=0,
            sockets_used=used + 130,
            kernel=self._kernels[place],
        )
