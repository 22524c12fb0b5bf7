"""Scans of made fleets: plausible numbers without any host."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zlib import crc32

from scanned_fleet import BEGIN

from sockfleet.aggregator.fleet import FleetSummary, ScanInfo, summarize_fleet
from sockfleet.aggregator.host import FailureReason, HostSummary, Status
from sockfleet.aggregator.namespaces import NamespaceSummary
from sockfleet.aggregator.numbers import TcpNumbers
from sockfleet.collector.probe.containers import Container
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.scope import Scope

__all__ = ["BEGIN", "host_summary", "namespaces_of", "scan_of"]


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
        file_nr=1500 + tcp_close,
        file_max=2**63 - 1,
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


def namespaces_of(
    tcp_close: Mapping[str, int | None], *, first_inode: int = 4026532000
) -> tuple[NamespaceSummary, ...]:
    """The namespace of the host and one for each unit or id of a container, with its sockets."""
    own = NamespaceSummary(
        inode=4026531840, host=True, pid=1, inuse=140, inuse6=10, used=200, tcp_close_max=3
    )
    others = [
        NamespaceSummary(
            inode=first_inode + number,
            host=False,
            pid=100 + number,
            command="server",
            container=None if "." in name else Container(runtime="docker", id=name),
            unit=name if "." in name else None,
            inuse=20,
            inuse6=0,
            tw=1,
            used=None if held is None else 30 + held,
            tcp_close_max=held,
        )
        for number, (name, held) in enumerate(tcp_close.items())
    ]
    return own, *others


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
