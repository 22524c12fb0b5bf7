"""``--against last``, an ID or a time: the earlier scan, from the store."""

from __future__ import annotations

import re
from datetime import datetime

from ...aggregator.fleet import FleetSummary, ScanInfo
from ...core.errors import UsageError
from ...history.errors import NoSuchScanError, StoreMissingError
from ...history.moments import MOMENT_HELP, parse_moment
from ...history.store.database.connection import Store
from ...history.store.opening import use_store
from ...history.store.read import ScanRow, find_scan, is_scan_name, read_scan, scan_before
from ...history.store.save import fleet_key
from ...scan.saved_scans import NoEarlierScanError

__all__ = ["find_earlier"]

_ID = re.compile(r"[0-9a-f]{8,32}")


def find_earlier(name: str, now: ScanInfo, store: str | None) -> FleetSummary:
    """The scan of a name, for a scan ``now`` of a selection.

    ``last`` and a time choose among the scans of the same selection and shards. Raises
    NoEarlierScanError where the store has none of them yet, UsageError for a name that is none,
    and StoreError.
    """
    try:
        with use_store(store) as opened:
            row = _find(name, now, opened)
            if row is None:
                raise NoEarlierScanError("the store has no scan of this inventory and limit yet")
            return read_scan(opened, row.id)
    except StoreMissingError as error:
        raise NoEarlierScanError("no scan is saved yet") from error


def _find(name: str, now: ScanInfo, store: Store) -> ScanRow | None:
    key, shards = fleet_key(now), None if now.shards is None else str(now.shards)
    if name == "last" or name.startswith("last-"):
        try:
            return find_scan(store, name, fleet=key, shards=shards)
        except NoSuchScanError:
            return None
    if _ID.fullmatch(name):
        return find_scan(store, name)
    try:
        moment = parse_moment(name, datetime.now().astimezone())
    except UsageError:
        if is_scan_name(name):
            return find_scan(store, name)
        raise UsageError(
            f"{name!r} is no file, no scan of the store and no time: write last, an ID of "
            f"sockfleet history list, or a time ({MOMENT_HELP})"
        ) from None
    return scan_before(store, moment, fleet=key, shards=shards)
