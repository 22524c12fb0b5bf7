"""Who held the sockets of a host when an alert began on it, where its scan read no processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from ...aggregator.host import HostSummary
from ...collector.probe.processes import Process
from ..store.alerts.evidence import load_evidence
from ..store.database.connection import Store
from .last_scans import LastScans

__all__ = ["add_evidence"]

_OLDEST = timedelta(days=2)
"""Processes that were seen longer ago may have ended."""


def add_evidence(store: Store, last: LastScans, since: datetime, until: datetime) -> LastScans:
    """Return the last scans with what alerts found within the time. Raises StoreError."""
    found = load_evidence(store, max(since, until - _OLDEST), until)
    if not found:
        return last
    return replace(last, hosts={name: _add(host, found) for name, host in last.hosts.items()})


def _add(host: HostSummary, found: Mapping[str, tuple[Process, ...]]) -> HostSummary:
    if host.processes is not None or host.tcp is None or not found.get(host.name):
        return host
    return replace(host, processes=found[host.name])
