"""Scans that are in no store, as a store for the time of a report."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from ...aggregator.fleet import FleetSummary
from ..store.database.connection import Store
from ..store.opening import use_store
from ..store.save import save_scan

__all__ = ["memory_folder", "temporary_store"]

_MEMORY = Path("/dev/shm")  # noqa: S108 (a new folder in it is this user's alone)


@contextmanager
def memory_folder() -> Iterator[Path]:
    """A new folder for a throw-away store: in memory, if there is space, as each scan is synced.

    On a busy disk that takes 0.2 s a scan.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="sockfleet-", dir=_MEMORY)
    except OSError:
        folder = tempfile.TemporaryDirectory(prefix="sockfleet-")
    with folder as name:
        yield Path(name)


@contextmanager
def temporary_store(
    scans: Iterable[FleetSummary],
) -> Iterator[tuple[Store, datetime, datetime]]:
    """A store of these scans, with the time of the first one and the end of that of the last one.

    Raises ValueError for no scan, and StoreError.
    """
    times = []
    with (
        memory_folder() as folder,
        use_store(str(folder / "scans.db"), create=True) as store,
    ):
        for summary in scans:
            save_scan(store, summary, details=_has_details(summary))
            times.append(summary.scan.started_at)
        yield store, min(times), max(times) + timedelta(seconds=1)


def _has_details(summary: FleetSummary) -> bool:
    """Whether a scan has what the numbers of its hosts do not say."""
    return summary.scan.group_by is not None or any(
        host.namespaces or host.processes for host in summary.hosts
    )
