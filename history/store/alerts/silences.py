"""The silences and acknowledgements that users made."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select

from ....core.record import record
from .layout import acknowledgements, silences, states

__all__ = [
    "FiringRow",
    "SilenceRow",
    "acknowledge",
    "add_silence",
    "end_silence",
    "list_alerts",
    "list_silences",
]


@record
class SilenceRow:
    """A silence. Times are Unix milliseconds."""

    id: int = 0
    """0: it is not saved yet."""
    hosts: str
    """A pattern as --limit takes it."""
    rule: str | None = None
    """None: of every rule."""
    from_ms: int
    until_ms: int
    every: str | None = None
    """The window in which it holds; None: all the time."""
    zone: str | None = None
    reason: str
    made_by: str


@record
class FiringRow:
    """An alert that is not normal."""

    rules: str
    rule: str
    subject: str
    phase: str
    severity: str | None
    alert_key: str | None
    data: str
    acknowledged: str | None
    """Why, or an empty text; None: it is not."""


def add_silence(connection: Connection, row: SilenceRow) -> int:
    """Save a silence; returns its id."""
    names = ("hosts", "rule", "from_ms", "until_ms", "every", "zone", "reason", "made_by")
    values = {name: getattr(row, name) for name in names}
    return int(connection.scalar(insert(silences).returning(silences.c.id), values) or 0)


def end_silence(connection: Connection, silence: int, now_ms: int) -> bool:
    """Drop a silence; whether there was one that had not ended."""
    table = silences.c
    where = (table.id == silence, table.until_ms > now_ms)
    return bool(connection.execute(delete(silences).where(*where)).rowcount)


def list_silences(connection: Connection, now_ms: int) -> list[SilenceRow]:
    """The silences that have not ended."""
    query = select(silences).where(silences.c.until_ms > now_ms).order_by(silences.c.id)
    return [_silence(row) for row in connection.execute(query)]


def list_alerts(connection: Connection) -> list[FiringRow]:
    """The alerts that are not normal, of every rules file."""
    query = (
        select(states, acknowledgements.c.reason, acknowledgements.c.made_ms)
        .outerjoin(acknowledgements, acknowledgements.c.alert_key == states.c.alert_key)
        .where(states.c.phase != "normal")
        .order_by(states.c.rules, states.c.rule, states.c.subject)
    )
    return [
        FiringRow(
            rules=row.rules,
            rule=row.rule,
            subject=row.subject,
            phase=row.phase,
            severity=row.severity,
            alert_key=row.alert_key,
            data=row.data,
            acknowledged=None if row.made_ms is None else row.reason or "",
        )
        for row in connection.execute(query)
    ]


def acknowledge(
    connection: Connection, row: FiringRow, reason: str | None, made_by: str, now_ms: int
) -> None:
    """Save that someone knows of an alert, up to its present severity."""
    connection.execute(
        delete(acknowledgements).where(acknowledgements.c.alert_key == row.alert_key)
    )
    values = {
        "alert_key": row.alert_key,
        "severity": row.severity,
        "reason": reason,
        "made_by": made_by,
        "made_ms": now_ms,
    }
    connection.execute(insert(acknowledgements), values)


def _silence(row: Any) -> SilenceRow:
    return SilenceRow(
        id=row.id,
        hosts=row.hosts,
        rule=row.rule,
        from_ms=row.from_ms,
        until_ms=row.until_ms,
        every=row.every,
        zone=row.zone,
        reason=row.reason,
        made_by=row.made_by,
    )
