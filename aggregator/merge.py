"""Merge scans of parts of a fleet into the scan of the whole."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

from .comparison import drop_change
from .fleet import FleetSummary, ScanInfo, assemble
from .host import HostSummary, Status
from .shards import join_shards, missing_shards_warning

__all__ = ["merge_scans"]

_NAMED = 5


def merge_scans(scans: Sequence[FleetSummary]) -> FleetSummary:
    """Merge scans; everything but the hosts is computed anew.

    A host in several scans counts once, and a warning names it: a reading goes before a failure,
    then the scan that finished last, then the one given last. Missing and repeated shards give
    warnings. The groups of ``--group-by`` stay when all scans agree on it; else the groups are the
    inventory's. Raises ValueError without any scan.
    """
    if not scans:
        raise ValueError("merge needs at least one scan")
    chosen: dict[str, HostSummary] = {}
    twice = set[str]()
    for scan in sorted(scans, key=lambda scan: scan.scan.finished_at):
        for host in scan.hosts:
            earlier = chosen.get(host.name)
            if earlier is not None:
                twice.add(host.name)
            if earlier is None or host.status is Status.OK or earlier.status is Status.FAILED:
                chosen[host.name] = host
    info = _info([scan.scan for scan in scans])
    shards, shard_warnings = join_shards((scan.scan.shards, scan.scan.limit) for scan in scans)
    info = replace(info, shards=shards)
    # Each scan may be compared with a different earlier one: their rates do not add up.
    hosts = [drop_change(host) for host in chosen.values()]
    # Shards that an earlier merge missed may be present now.
    outdated = {missing_shards_warning(scan.scan.shards) for scan in scans if scan.scan.shards}
    warnings = [
        warning for scan in scans for warning in scan.fleet.warnings if warning not in outdated
    ]
    warnings += shard_warnings
    if len(scans) > 1 and info.group_by is None and any(scan.scan.group_by for scan in scans):
        hosts = [replace(host, levels=None) for host in hosts]
        warnings.append(
            "the scans were grouped in different ways: these are the inventory's groups"
        )
    if any(host.change is not None for host in chosen.values()):
        warnings.append(
            "changes since earlier scans are left out: merge --against compares the whole"
        )
    if twice:
        warnings.append(_overlap_warning(sorted(twice)))
    return assemble(hosts, info, warnings)


def _info(scans: Sequence[ScanInfo]) -> ScanInfo:
    if len(scans) == 1:
        return scans[0]
    started = min(scan.started_at for scan in scans)
    finished = max(scan.finished_at for scan in scans)
    limits = {scan.limit for scan in scans}
    levels = {scan.group_by for scan in scans}
    sorts = {scan.sort for scan in scans}
    return ScanInfo(
        id=uuid.uuid4().hex,
        started_at=started,
        finished_at=finished,
        duration_s=(finished - started).total_seconds(),
        complete=all(scan.complete for scan in scans),
        inventory=tuple(dict.fromkeys(source for scan in scans for source in scan.inventory)),
        # No single pattern is known to select the parts of different limits.
        limit=limits.pop() if len(limits) == 1 else None,
        sort=sorts.pop() if len(sorts) == 1 else "tcp_close",
        group_by=levels.pop() if len(levels) == 1 else None,
        merged=tuple(dict.fromkeys(uid for scan in scans for uid in (scan.id, *scan.merged))),
    )


def _overlap_warning(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
    hosts = "1 host stands" if len(names) == 1 else f"{len(names)} hosts stand"
    return f"{hosts} in more than one scan and counted once: {shown}"
