"""Read the numbers of a report at an earlier time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from ...core.errors import UsageError
from ..moments import format_moment
from ..store.database.connection import Store
from ..window import read_window
from .readings import METRIC

__all__ = ["read_numbers_at"]

_DAY = timedelta(days=1)


def read_numbers_at(store: Store, at: datetime) -> tuple[datetime, Mapping[str, float]]:
    """The last number of each host in the day up to ``at``, and the time of the last scan in it.

    Raises UsageError where no scan is of that day, and StoreError.
    """
    block = read_window(store, METRIC, at - _DAY, at + timedelta(seconds=1))
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
