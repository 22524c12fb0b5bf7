"""The series of a window of time: single scans as far as they are kept, else medians of hours."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from .series import SeriesBlock
from .store.database.connection import Store
from .store.maintenance.retention import raw_since
from .store.read import count_scans
from .store.series import read_hourly, read_series

__all__ = ["read_window"]

LONGEST_RAW = timedelta(days=31)
"""Scans of a longer time are read as the hourly medians, which are kept for longer."""
MOST_SCANS_RAW = 10_000
"""So is one with more scans, such as the rounds of every ten seconds."""
FEWEST_HOURS = 96
"""Fewer hours take the place of scans only where these are dropped."""


def read_window(
    store: Store,
    metric: str,
    since: datetime,
    until: datetime,
    hosts: Collection[str] | None = None,
) -> SeriesBlock:
    """The readings from ``since`` to before ``until``, or the hourly medians of that time.

    Raises StoreError, and UsageError for a number that is not kept.
    """
    count, span = count_scans(store, since, until)
    is_long = span > LONGEST_RAW or since < raw_since(store)
    if is_long or count > MOST_SCANS_RAW:
        hourly = read_hourly(store, metric, since, until, hosts)
        if len(hourly.times) >= (1 if is_long else FEWEST_HOURS):
            return hourly
    return read_series(store, metric, since, until, hosts)
