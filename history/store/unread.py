"""In how many scans in a row a host was not read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from . import layout
from .database.connection import Store
from .save import unix_ms

__all__ = ["count_unread_scans"]

MOST = 100


def count_unread_scans(
    store: Store, hosts: Collection[str], fleet: str, shards: str | None, until: datetime
) -> dict[str, int]:
    """Count, for each of these hosts, the newest scans of a selection that did not read it.

    ``until`` is when the newest one began; at most 100 are counted. Raises StoreError.
    """
    if not hosts:
        return {}
    scan, failure, host = layout.scans.c, layout.failures.c, layout.hosts.c
    query = (
        select(scan.id)
        .join(layout.fleets, layout.fleets.c.id == scan.fleet_id)
        .where(layout.counted(), layout.fleets.c.key == fleet, scan.started_ms <= unix_ms(until))
        .order_by(scan.started_ms.desc(), scan.id.desc())
        .limit(MOST)
    )
    if shards is None:
        query = query.where(scan.shard_of.is_(None))
    else:
        parts, _, of = shards.partition("/")
        query = query.where(scan.shard_parts == parts, scan.shard_of == int(of))
    wanted = set(hosts)
    counts = dict.fromkeys(hosts, 0)
    with store.read() as connection:
        for scan_id in connection.scalars(query).all():
            failed = connection.scalars(
                select(host.name)
                .join(layout.failures, failure.host_id == host.id)
                .where(failure.scan_id == scan_id)
            )
            wanted &= set(failed)
            if not wanted:
                break
            for name in wanted:
                counts[name] += 1
    return counts
