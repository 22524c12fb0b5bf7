"""Read the numbers of a report from its store: of each scan, or of the hours that outlive them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import func, select

from ...core.errors import UsageError
from ..moments import format_moment
from ..series import SeriesBlock
from ..store import layout
from ..store.connection import Store
from ..store.retention import raw_since
from ..store.save import unix_ms
from ..store.series import read_hourly, read_series
from .readings import METRIC

__all__ = ["read_block", "read_numbers_at"]

_LONGEST_RAW = timedelta(days=31)
"""A longer time is read from the hourly medians, which are kept for longer."""
_DAY = timedelta(days=1)


def read_block(
    store: Store, since: datetime, until: datetime, hosts: Collection[str] | None
) -> SeriesBlock:
    """The numbers from ``since`` to before ``until``. Raises StoreError."""
    is_raw = since >= raw_since(store) and _span(store, since, until) <= _LONGEST_RAW
    read = read_series if is_raw else read_hourly
    return read(store, METRIC, since, until, hosts)


def _span(store: Store, since: datetime, until: datetime) -> timedelta:
    """From the first scan of a time to its last one."""
    started = layout.scans.c.started_ms
    query = select(func.max(started) - func.min(started)).where(
        started >= unix_ms(since), started < unix_ms(until)
    )
    with store.read() as connection:
        return timedelta(milliseconds=connection.scalar(query) or 0)


def read_numbers_at(store: Store, at: datetime) -> tuple[datetime, Mapping[str, float]]:
    """The last number of each host in the day up to ``at``, and the time of the last scan in it.

    Raises UsageError where no scan is of that day, and StoreError.
    """
    block = read_block(store, at - _DAY, at + timedelta(seconds=1), None)
    if not len(block.times):
        raise UsageError(f"--against: no scan is of the day before {format_moment(at)}")
    known = np.isfinite(block.values)
    last = known.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    numbers = {
        name: float(block.values[row, last[row]])
        for row, name in enumerate(block.hosts)
        if known[row].any()
    }
    return datetime.fromtimestamp(int(block.times[-1]), UTC), numbers
