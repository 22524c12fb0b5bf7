"""Every reading of a time as rows: the input of another program."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select

from ...aggregator.document_writer import time_text
from . import layout
from .database.connection import Store
from .id_sets import load_host_set
from .numbers import CODES, METRICS
from .pack import unpack_numbers
from .read import list_scans
from .save import SCOPES

__all__ = ["COLUMNS", "export_rows"]

COLUMNS = ("scan", "started_at", "host", "status", "scope", *METRICS, "category")
"""The columns of an export, in their order."""


def export_rows(
    store: Store, since: datetime | None, until: datetime | None
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of each scan, the oldest first: one for each of its hosts.

    ``started_at`` is ISO 8601 in UTC; ``status`` is ``ok`` or ``failed``, with a category.
    """
    wanted = {CODES[name]: name for name in (*METRICS, "scope")}
    rows = list_scans(store, since=since, until=until)
    scan, pack = layout.scans.c, layout.packs.c
    for row in reversed([row for row in rows if row.merged_into is None]):
        with store.read() as connection:
            found = connection.execute(
                select(scan.id, scan.host_set_id).where(scan.uid == row.id)
            ).first()
            if found is None:
                continue  # pruned meanwhile
            ids = load_host_set(connection, found.host_set_id)
            columns: dict[str, list[int | None]] = {
                name: [None] * len(ids) for name in wanted.values()
            }
            packs = select(pack.number, pack.data).where(pack.scan_id == found.id)
            for each in connection.execute(packs):
                if each.number in wanted:
                    columns[wanted[each.number]] = unpack_numbers(each.data, len(ids))
            names = {
                each.id: each.name
                for each in connection.execute(select(layout.hosts.c.id, layout.hosts.c.name))
            }
            failure = layout.failures.c
            failed = {
                each.host_id: each.category
                for each in connection.execute(
                    select(failure.host_id, failure.category).where(failure.scan_id == found.id)
                )
            }
        at = time_text(row.started_at)
        yield [
            (
                row.id,
                at,
                names[host_id],
                "ok" if columns["scope"][place] is not None else "failed",
                _scope(columns["scope"][place]),
                *(columns[name][place] for name in METRICS),
                failed.get(host_id),
            )
            for place, host_id in enumerate(ids)
        ]


def _scope(code: int | None) -> str | None:
    return None if code is None else SCOPES[code].value
