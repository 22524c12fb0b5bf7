"""The last reading of hosts that a scan did not read, as the store keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..aggregator.diagnosis import diagnose
from ..aggregator.host import HostSummary, Status
from ..aggregator.numbers import TCP_NUMBERS, TcpNumbers
from ..aggregator.thresholds import Thresholds
from ..collector.probe.kernel import Kernel
from ..collector.probe.scope import Scope
from .store.database.connection import Store
from .store.subjects import HostFacts, read_hosts

__all__ = ["read_last_readings"]

OLDEST = timedelta(days=1)
"""An older reading does not count: the host is left out of sums."""


def read_last_readings(
    store: Store, hosts: Sequence[HostSummary], before: datetime
) -> dict[str, HostSummary]:
    """The last reading of each of these hosts within a day before a time. Raises StoreError."""
    if not hosts:
        return {}
    facts = read_hosts(store, [host.name for host in hosts])
    found: dict[str, HostSummary] = {}
    for host in hosts:
        fact = facts.get(host.name)
        if fact is None or fact.read_at is None or fact.scope is None:
            continue
        if before - OLDEST <= fact.read_at <= before:
            found[host.name] = _as_read(host, fact, Scope(fact.scope))
    return found


def _as_read(host: HostSummary, fact: HostFacts, scope: Scope) -> HostSummary:
    tcp = TcpNumbers(**{name: fact.latest.get(name) for name in TCP_NUMBERS})
    kernel = Kernel(
        boot_id=fact.boot_id,
        page_size=fact.page_size,
        tcp_mem=fact.tcp_mem,
        tcp_max_orphans=fact.tcp_max_orphans,
    )
    is_bound = scope is not Scope.ALL_NAMESPACES
    return HostSummary(
        name=host.name,
        address=host.address,
        port=host.port,
        groups=host.groups,
        status=Status.OK,
        attempts=host.attempts,
        elapsed_s=host.elapsed_s,
        tcp=tcp,
        scope=scope,
        sockets_used=fact.latest.get("sockets_used"),
        kernel=kernel,
        diagnosis=diagnose(tcp, kernel, is_bound=is_bound, thresholds=Thresholds()),
    )
