"""Scans of made fleets: plausible numbers without any host."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zlib import crc32

from sockfleet.aggregator.fleet import FleetSummary, ScanInfo, summarize_fleet
from sockfleet.aggregator.host import FailureReason, HostSummary, Status
from sockfleet.aggregator.numbers import TcpNumbers
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.scope import Scope

__all__ = ["BEGIN", "MadeFleet", "host_summary", "scan_of"]

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def host_summary(name: str, tcp_close: int | None = 7, **fields: object) -> HostSummary:
    """A host that was read, or failed where ``tcp_close`` is None."""
    shared: dict[str, object] = {
        "name": name,
        "address": f"10.0.0.{len(name)}",
        "port": 22,
        "groups": ("web",),
        "attempts": 1,
        "elapsed_s": 0.125,
    }
    if tcp_close is None:
        reason = FailureReason(category="tcp_timeout", phase="connect", message="no answer")
        return HostSummary(**{**shared, "status": Status.FAILED, "error": reason, **fields})  # type: ignore[arg-type] # (tests give the fields they mean)
    tcp = TcpNumbers(
        alloc=tcp_close + 150,
        inuse=140,
        inuse6=10,
        tw=3,
        orphan=0,
        mem_pages=40,
        closed=tcp_close + 3,
        tcp_close=tcp_close,
    )
    kernel = Kernel(
        release="6.1.0",
        boot_id=f"{crc32(name.encode()):08x}-0000-4000-8000-000000000000",
        page_size=4096,
        tcp_mem=(1000, 2000, 3000),
        tcp_max_orphans=4096,
        tcp_estab=12,
    )
    made = {
        "status": Status.OK,
        "tcp": tcp,
        "scope": Scope.ALL_NAMESPACES,
        "uncertainty": 0,
        "sockets_used": 300,
        "kernel": kernel,
    }
    return HostSummary(**{**shared, **made, **fields})  # type: ignore[arg-type] # (as above)


def scan_of(
    hosts: Sequence[HostSummary], at: datetime = BEGIN, uid: str = "", **info: object
) -> FleetSummary:
    """A finished scan of these hosts that began then."""
    fields: dict[str, object] = {
        "id": uid or f"{random.getrandbits(128):032x}",
        "started_at": at,
        "finished_at": at + timedelta(seconds=2),
        "duration_s": 2.0,
        "complete": True,
        "inventory": ("inventory.yml",),
        **info,
    }
    return summarize_fleet(hosts, ScanInfo(**fields))  # type: ignore[arg-type] # (as above)


class MadeFleet:
    """A fleet whose sockets are born and die; the same for the same seed."""

    def __init__(self, hosts: int, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self.names = [f"host{number:05d}" for number in range(hosts)]
        self._held = [int(self._random.paretovariate(0.7) * 3) % 50_000 for _ in self.names]
        self._used = [self._random.randrange(50, 900) for _ in self.names]
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

    def scans(
        self, count: int, begin: datetime = BEGIN, every: timedelta = timedelta(minutes=5)
    ) -> Iterator[FleetSummary]:
        """Yield scans at this interval; three hosts of a thousand fail in each."""
        for number in range(count):
            at = begin + number * every
            yield scan_of([self._host(place) for place in range(len(self.names))], at)

    def _host(self, place: int) -> HostSummary:
        draw = self._random.random
        name = self.names[place]
        if draw() < 0.003:
            return host_summary(name, None, address=f"10.{place >> 8 & 255}.{place & 255}.1")
        step = int((draw() - 0.5) * (3 + self._held[place] ** 0.5))
        held = self._held[place] = max(0, self._held[place] + step)
        inuse = self._used[place] = max(10, self._used[place] + int((draw() - 0.5) * 12))
        tw = int(draw() ** 3 * 200)
        tcp = TcpNumbers(
            alloc=held + inuse,
            inuse=inuse - 4,
            inuse6=4,
            tw=tw,
            orphan=int(draw() ** 6 * 9),
            mem_pages=40 + inuse // 3 + int(draw() * 20),
            closed=held + tw,
            tcp_close=held,
        )
        return HostSummary(
            name=name,
            address=f"10.{place >> 8 & 255}.{place & 255}.1",
            port=22,
            groups=("web" if place % 3 else "db", "all-linux"),
            status=Status.OK,
            attempts=1,
            elapsed_s=0.02 + draw() * 0.05,
            tcp=tcp,
            scope=Scope.ALL_NAMESPACES,
            uncertainty=0,
            sockets_used=inuse + 130,
            kernel=self._kernels[place],
        )
