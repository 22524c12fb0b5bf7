"""Whether a store has an hour to roll up or a scan to drop.

Apart from `retention`, which needs NumPy: most saves have nothing to do and import none of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from .. import layout
from ..database.connection import Store

__all__ = ["has_work"]

_HOUR_S = 3600


def has_work(store: Store, now: datetime) -> bool:
    """Whether an hour is over that is not rolled up. Every limit of age and size is checked then,
    once an hour, as no limit is finer."""
    over = (now - timedelta(seconds=_HOUR_S)).timestamp()
    with store.read() as connection:
        oldest = connection.scalar(select(func.min(layout.pending_hours.c.hour)))
    return oldest is not None and oldest <= over
