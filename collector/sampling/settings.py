"""How a fleet is sampled, and which of its connections stay open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from ...core.record import record
from ...inventory.models import Connection, Host
from ..engine import EngineSettings
from ..pacing.schedule import caps_of

__all__ = ["KEPT_BY", "MEMORY_PER_CONNECTION", "SamplingSettings", "kept_hosts"]

MEMORY_PER_CONNECTION = 30 * 1024
"""Bytes of an open connection with its session, at most (bench/warm.py measures it)."""

KEPT_BY = "asyncssh"
"""The transport whose connections can stay open; a paramiko connection would take a thread."""


@record
class SamplingSettings:
    """How a fleet is sampled, beside what holds for a single scan."""

    interval_s: float
    """From the beginning of a round to that of the next; 0: each begins when the one before has
    ended, whatever its slowest host took."""
    most_kept: int = 256 * 1024 * 1024 // MEMORY_PER_CONNECTION
    """Connections that stay open; the hosts beyond are asked over a new one in each round. By
    default what fits in 256 MiB: 8,738."""


def kept_hosts(hosts: Collection[Host], settings: EngineSettings, most: int) -> frozenset[str]:
    """The names of the hosts whose connections stay open: the first ``most`` that may.

    Those that asyncssh connects to, unless they share a limit on connections (a group's, or a
    bastion's) with more hosts than it allows at once: these take turns, as in a scan.
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
