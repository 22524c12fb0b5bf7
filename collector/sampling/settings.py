"""Settings of repeated samples, and which connections stay open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from ...core.record import record
from ...inventory.models import Connection, Host
from ..engine import EngineSettings
from ..pacing.schedule import caps_of

__all__ = ["KEPT_BY", "MEMORY_PER_CONNECTION", "SamplingSettings", "kept_hosts"]

MEMORY_PER_CONNECTION = 30 * 1024
"""Bytes of an open connection with its session, at most (measured by bench/warm.py)."""

KEPT_BY = "asyncssh"
"""The transport whose connections can stay open; a paramiko connection would take a thread."""


@record
class SamplingSettings:
    """Settings of repeated samples, besides those of a single scan."""

    interval_s: float
    """From the beginning of a round to that of the next; 0: a round begins when the one before has
    ended."""
    most_kept: int = 300 * 1024 * 1024 // MEMORY_PER_CONNECTION
    """Connections that stay open; all other hosts get a new one in each round. By default as many
    as fit in 300 MiB: 10,240."""


def kept_hosts(hosts: Collection[Host], settings: EngineSettings, most: int) -> frozenset[str]:
    """The names of the hosts whose connections stay open: the first ``most`` that may.

    Only asyncssh keeps connections. Hosts that share a limit on connections (a group's, or a
    bastion's) with more hosts than it allows at once take turns instead, as in a scan.
    """
    bastion = settings.transport_settings.bastion_connections
    members = Counter(name for host in hosts for name, _ in caps_of(host, bastion))
    may_stay = [
        host.name
        for host in hosts
        if host.connection is not Connection.LOCAL
        and (host.transport or settings.transport) == KEPT_BY
        and all(members[name] <= allowed for name, allowed in caps_of(host, bastion))
    ]
    return frozenset(may_stay[:most])
