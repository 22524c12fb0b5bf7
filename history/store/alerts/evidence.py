"""Who held the sockets of a host when an alert began on it, for alerts and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from ....collector.probe.processes import Process
from ..database.bulk import upsert_rows
from ..database.connection import Store
from ..save import unix_ms
from .layout import evidence
from .states import has_alert_tables

__all__ = ["load_evidence", "save_evidence"]

_MOST = 20
"""Processes of a host that are kept, those with most sockets."""


def save_evidence(
    connection: Connection, found: Mapping[str, Sequence[Process]], at_ms: int
) -> None:
    """Keep the processes of these hosts, in place of earlier ones."""
    rows = [
        (host, at_ms, msgspec.json.encode(tuple(processes[:_MOST])).decode())
        for host, processes in found.items()
    ]
    if rows:
        names = ("host", "at_ms", "data")
        upsert_rows(connection, evidence, names, rows, changed=names[1:])


def load_evidence(store: Store, since: datetime, until: datetime) -> dict[str, tuple[Process, ...]]:
    """The processes of each host on which an alert began within a time. Raises StoreError."""
    if not has_alert_tables(store):
        return {}
    table = evidence.c
    query = select(table.host, table.data).where(
        table.at_ms >= unix_ms(since), table.at_ms < unix_ms(until)
    )
    with store.read() as connection:
        return {
            host: msgspec.json.decode(data, type=tuple[Process, ...])
            for host, data in connection.execute(query)
        }
