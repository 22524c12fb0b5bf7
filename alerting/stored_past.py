"""The past of a scan, from the store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from ..aggregator.fleet import FleetSummary, ScanInfo
from ..aggregator.host import HostSummary
from ..aggregator.host_numbers import Number
from ..history.last_readings import read_last_readings
from ..history.store.database.connection import Store
from ..history.store.read import ScanRow, list_scans, read_scan
from ..history.store.save import fleet_key
from ..history.store.subjects import HostFacts, read_hosts
from .stored_numbers import read_stored_number

__all__ = ["StoredPast", "stream_of", "stream_of_scan"]

_NEAR = 0.25
"""A scan is of an age if it is at most a quarter of it younger or older."""
_CANDIDATES = 3
_KEPT = 6
"""Scans that stay in memory: the rules compare with few, and consecutive scans with the same."""


def stream_of(row: ScanRow) -> str:
    """The selection of hosts of a scan: its fleet, and its shards behind a colon."""
    return row.fleet if row.shards is None else f"{row.fleet}:{row.shards}"


def stream_of_scan(info: ScanInfo) -> str:
    """The same of a scan that is at hand."""
    key = fleet_key(info)
    return key if info.shards is None else f"{key}:{info.shards}"


class StoredPast:
    """The scans of a store before one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._scans: OrderedDict[str, FleetSummary] = OrderedDict()
        self._facts: Mapping[str, HostFacts] | None = None

    def read(self, uid: str) -> FleetSummary:
        """A scan of the store, which is kept for the next one that asks."""
        if uid not in self._scans:
            self._scans[uid] = read_scan(self._store, uid)
            while len(self._scans) > _KEPT:
                self._scans.popitem(last=False)
        self._scans.move_to_end(uid)
        return self._scans[uid]

    def earlier_scans(self, now: FleetSummary, over: timedelta | None) -> Iterator[FleetSummary]:
        """As `Past.earlier_scans`."""
        return (self.read(row.id) for row in self._find(now, over))

    def stored_number(
        self, key: str, now: FleetSummary, over: timedelta | None
    ) -> Mapping[str, Number]:
        """As `Past.stored_number`."""
        return read_stored_number(self._store, key, now, over, read_facts=self._read_facts)

    def last_readings(self, now: FleetSummary) -> Mapping[str, HostSummary]:
        """As `Past.last_readings`."""
        unread = [host for host in now.hosts if host.tcp is None]
        return read_last_readings(self._store, unread, now.scan.started_at)

    def _read_facts(self) -> Mapping[str, HostFacts]:
        """What the store knows of its hosts, read once: three numbers need it."""
        if self._facts is None:
            self._facts = read_hosts(self._store)
        return self._facts

    def _find(self, now: FleetSummary, over: timedelta | None) -> list[ScanRow]:
        at = now.scan.started_at
        if over is None:
            # The scan before this one, whatever its age: two days at most.
            rows = self._list(now, at - timedelta(days=2), at)
            return rows[:_CANDIDATES]
        wanted = at - over
        rows = self._list(now, wanted - over * _NEAR, min(wanted + over * _NEAR, at))
        rows.sort(key=lambda row: abs(row.started_at - wanted))
        return rows[:_CANDIDATES]

    def _list(self, now: FleetSummary, since: datetime, until: datetime) -> list[ScanRow]:
        shards = None if now.scan.shards is None else str(now.scan.shards)
        return [
            row
            for row in list_scans(self._store, since=since, until=until, fleet=fleet_key(now.scan))
            if row.merged_into is None and row.shards == shards
        ]
