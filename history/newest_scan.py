"""A scan that is not saved yet, added to what the store knows: trends that include it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..aggregator.fleet import FleetSummary
from ..aggregator.host import HostSummary
from ..collector.probe.kernel import Kernel
from .series import SeriesBlock
from .store.numbers import METRICS
from .store.subjects import HostFacts

__all__ = ["add_facts", "add_readings", "number_of"]

_NO_KERNEL = Kernel()


def add_readings(
    block: SeriesBlock, facts: Mapping[str, HostFacts], summary: FleetSummary
) -> SeriesBlock:
    """Return the block with a column of this scan; as it is if the scan is no newer.

    ``facts`` are those of the store. A host that the block does not have gets no row.
    """
    import numpy as np

    now = int(summary.scan.started_at.timestamp())
    if not len(block.times) or now <= int(block.times[-1]):
        return block
    hosts = {host.name: host for host in summary.hosts}
    values = np.full((len(block.hosts), 1), np.nan, np.float32)
    boots = np.full((len(block.hosts), 1), -1, np.int32)
    for row, name in enumerate(block.hosts):
        host = hosts.get(name)
        if host is None or host.tcp is None:
            continue
        value = number_of(host, block.metric)
        if value is not None:
            values[row] = value
        boot_id = (host.kernel or _NO_KERNEL).boot_id
        if boot_id is not None:
            # Only whether it is another one counts.
            is_same = boot_id == facts[name].boot_id
            last = block.boots[row][block.boots[row] >= 0][-1:]
            boots[row] = last[0] if is_same and len(last) else block.boots[row].max() + 1
    return SeriesBlock(
        metric=block.metric,
        hosts=block.hosts,
        times=np.append(block.times, np.int64(now)),
        values=np.hstack([block.values, values]),
        boots=np.hstack([block.boots, boots]),
    )


def add_facts(facts: Mapping[str, HostFacts], summary: FleetSummary) -> dict[str, HostFacts]:
    """Return what the store knows of each host, with the numbers and limits of this scan."""
    found = dict(facts)
    for host in summary.hosts:
        fact = facts.get(host.name)
        if fact is None or host.tcp is None:
            continue
        kernel = host.kernel or _NO_KERNEL
        found[host.name] = replace(
            fact,
            tcp_mem=kernel.tcp_mem or fact.tcp_mem,
            tcp_max_orphans=kernel.tcp_max_orphans or fact.tcp_max_orphans,
            file_max=kernel.file_max or fact.file_max,
            file_nr=kernel.file_nr,
            latest={name: number_of(host, name) for name in METRICS},
        )
    return found


def number_of(host: HostSummary, metric: str) -> int | None:
    """One of `METRICS` of a host; None where it did not give it."""
    if metric == "sockets_used":
        return host.sockets_used
    value: int | None = None if host.tcp is None else getattr(host.tcp, metric)
    return value
