"""What the mails of a report named: the next one tells new findings from known ones.

A finding is a host and what it does. One that ended counts as known for a week more: a host that
restarts leaks again a day later, and that is no news.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import delete, insert, select

from ...core.record import record
from ..store import layout
from ..store.database.connection import Store
from .model import FleetReport, State

__all__ = ["Mailed", "mark_known", "read_mailed", "remember_mailed"]

_KEPT_MS = 7 * 86_400_000
_Finding = tuple[str, str]
"""A state and a host."""


@record
class Mailed:
    """What earlier mails of a report named."""

    first: Mapping[_Finding, float]
    """The Unix time of the first mail that named it, of each finding of the last week."""
    open: frozenset[_Finding]
    """What the last mail named."""


def read_mailed(store: Store, report: str) -> Mailed:
    """Read what the mails of the report of this name said. Raises StoreError."""
    table = layout.mailed.c
    with store.read() as connection:
        rows = connection.execute(select(layout.mailed).where(table.report == report)).all()
    return Mailed(
        first={(row.kind, row.host): row.first_ms / 1000 for row in rows},
        open=frozenset((row.kind, row.host) for row in rows if row.is_open),
    )


def mark_known(report: FleetReport, mailed: Mailed) -> tuple[FleetReport, bool]:
    """Return the report with its leaks marked as new or known, and whether anything changed.

    A change is a leak, hidden leak or failed host that no mail of the last week named, or one that
    the last mail named and that is over. A new level is none: many are bursts.
    """
    leaks = tuple(
        replace(leak, is_new=(State.LEAK.value, leak.host) not in mailed.first)
        for leak in report.leaks
    )
    times = [mailed.first[State.LEAK.value, leak.host] for leak in leaks if not leak.is_new]
    marked = replace(
        report,
        leaks=leaks,
        new_leaks=sum(leak.is_new for leak in leaks),
        known_since=min(times, default=None),
    )
    now = _findings(report)
    return marked, bool(now - mailed.first.keys() or mailed.open - now)


def remember_mailed(store: Store, name: str, report: FleetReport) -> None:
    """Keep what a mail of this report named. Raises StoreError."""
    now_ms = round(report.until * 1000)
    table = layout.mailed
    found = _findings(report)
    with store.write() as connection:
        rows = connection.execute(select(table).where(table.c.report == name)).all()
        kept = {
            (row.kind, row.host): row
            for row in rows
            if (row.kind, row.host) in found or now_ms - row.last_ms <= _KEPT_MS
        }
        connection.execute(delete(table).where(table.c.report == name))
        values = [
            {
                "report": name,
                "kind": kind,
                "host": host,
                "first_ms": kept[kind, host].first_ms if (kind, host) in kept else now_ms,
                "last_ms": now_ms if (kind, host) in found else kept[kind, host].last_ms,
                "is_open": (kind, host) in found,
            }
            for kind, host in sorted(found | kept.keys())
        ]
        if values:
            connection.execute(insert(table), values)


def _findings(report: FleetReport) -> set[_Finding]:
    found = {(State.LEAK.value, leak.host) for leak in report.leaks}
    found |= {(State.FAILED.value, failed.host) for failed in report.failed}
    return found | {
        (State.SAWTOOTH.value, line.name) for line in report.lines if line.state is State.SAWTOOTH
    }
