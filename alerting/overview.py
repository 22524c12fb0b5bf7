"""The alerts of a store for people: what fires, what waits to be sent, and the silences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from ..core.record import record
from ..history.store.alerts.sending import SinkRow, load_all_sinks, load_waiting
from ..history.store.alerts.silences import (
    FiringRow,
    SilenceRow,
    list_alerts,
    list_silences,
)
from ..history.store.alerts.states import has_alert_tables
from ..history.store.database.connection import Store
from .states.alert_state import AlertState

__all__ = ["Listed", "Overview", "read_overview"]


@record
class Listed:
    """One alert that is not normal."""

    rules: str
    """The path of its rules file."""
    state: AlertState
    key: str | None
    """None while it never fired."""
    acknowledged: str | None
    """The reason, which may be empty; None: it is not acknowledged."""


@record
class Overview:
    """The alerts of a store."""

    location: str
    alerts: tuple[Listed, ...] = ()
    silences: tuple[SilenceRow, ...] = ()
    waiting: Mapping[tuple[str, str], int]
    """Alerts that wait to be sent, by rules file and sink."""
    sinks: Mapping[tuple[str, str], SinkRow]


def read_overview(store: Store, now: datetime) -> Overview:
    """Read the alerts of a store. Raises StoreError."""
    location = str(store.location)
    if not has_alert_tables(store):
        return Overview(location=location, waiting={}, sinks={})
    with store.read() as connection:
        return Overview(
            location=location,
            alerts=tuple(_listed(row) for row in list_alerts(connection)),
            silences=tuple(list_silences(connection, round(now.timestamp() * 1000))),
            waiting=load_waiting(connection),
            sinks=load_all_sinks(connection),
        )


def _listed(row: FiringRow) -> Listed:
    return Listed(
        rules=row.rules,
        state=msgspec.json.decode(row.data, type=AlertState),
        key=row.alert_key,
        acknowledged=row.acknowledged,
    )
