"""The alerts of a store for people: what fires, what waits to be sent, and the silences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime

import msgspec

from ..core.record import record
from ..history.host_selection import describe_unmatched
from ..history.store.alerts.sending import SinkRow, load_all_sinks, load_waiting
from ..history.store.alerts.silences import (
    FiringRow,
    SilenceRow,
    list_alerts,
    list_silences,
)
from ..history.store.alerts.states import has_alert_tables
from ..history.store.database.connection import Store
from ..history.store.subjects import read_hosts
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
    unmatched: Mapping[int, str] = field(default_factory=dict)
    """The silences, by id, of which a part matches no host of the store, with the reason."""

    def find_problem(self, rules: str, sink: str) -> str | None:
        """Why what waits for a sink was not sent; None: it was not tried, or no try failed."""
        row = self.sinks.get((rules, sink))
        return None if row is None else row.problem


def read_overview(store: Store, now: datetime) -> Overview:
    """Read the alerts of a store. Raises StoreError."""
    location = str(store.location)
    if not has_alert_tables(store):
        return Overview(location=location, waiting={}, sinks={})
    with store.read() as connection:
        found = Overview(
            location=location,
            alerts=tuple(_listed(row) for row in list_alerts(connection)),
            silences=tuple(list_silences(connection, round(now.timestamp() * 1000))),
            waiting=load_waiting(connection),
            sinks=load_all_sinks(connection),
        )
    return replace(found, unmatched=_find_unmatched(store, found.silences))


def _find_unmatched(store: Store, silences: Sequence[SilenceRow]) -> dict[int, str]:
    if not silences:
        return {}
    hosts = read_hosts(store)
    found = {one.id: describe_unmatched(hosts, one.hosts) for one in silences}
    return {number: reason for number, reason in found.items() if reason is not None}


def _listed(row: FiringRow) -> Listed:
    return Listed(
        rules=row.rules,
        state=msgspec.json.decode(row.data, type=AlertState),
        key=row.alert_key,
        acknowledged=row.acknowledged,
    )
