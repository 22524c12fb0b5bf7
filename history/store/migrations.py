"""Bring a store of an older layout up to date, with a copy of it before.

A step changes the tables of one layout into those of the next. Where the database is SQLite, the
file is copied first; PostgreSQL runs all steps in one transaction, and so does SQLite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import Connection, text, update

from . import layout
from .database.connection import Store, connect_file
from .views import VIEWS, create_statements

__all__ = ["STEPS", "migrate"]

Step = Callable[[Connection], None]


def _make_layout_2(connection: Connection) -> None:
    """From 1 to 2: the network namespaces of hosts, the open files of the machine, alerts."""
    is_sqlite = connection.dialect.name == "sqlite"
    words = {
        "id": "INTEGER NOT NULL PRIMARY KEY" if is_sqlite else "BIGSERIAL PRIMARY KEY",
        "bytes": "BLOB" if is_sqlite else "BYTEA",
        "reference": "INTEGER" if is_sqlite else "BIGINT",
        "no_rowid": " WITHOUT ROWID" if is_sqlite else "",
    }
    for statement in (*_NAMESPACE_TABLES, *_ALERT_TABLES):
        connection.execute(text(statement.format_map(words)))
    if not is_sqlite:
        connection.execute(
            text("ALTER TABLE _namespace_pack ALTER COLUMN data SET STORAGE EXTERNAL")
        )


_NAMESPACE_TABLES = (
    "ALTER TABLE _fact ADD COLUMN file_max BIGINT",
    "ALTER TABLE _latest ADD COLUMN file_nr BIGINT",
    """CREATE TABLE _namespace (
        id {id}, host_id {reference} NOT NULL REFERENCES _host (id), kind TEXT NOT NULL,
        name TEXT NOT NULL, seen_ms BIGINT NOT NULL, namespaces INTEGER NOT NULL,
        tcp_close BIGINT, inuse BIGINT, inuse6 BIGINT, tw BIGINT, sockets_used BIGINT,
        UNIQUE (host_id, kind, name))""",
    """CREATE TABLE _namespace_set (
        id {id}, digest TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
        namespace_ids {bytes} NOT NULL)""",
    """CREATE TABLE _namespace_pack (
        scan_id {reference} NOT NULL REFERENCES _scan (id), number SMALLINT NOT NULL,
        namespace_set_id {reference} NOT NULL REFERENCES _namespace_set (id),
        data {bytes} NOT NULL, PRIMARY KEY (scan_id, number))""",
)

_ALERT_TABLES = (
    """CREATE TABLE IF NOT EXISTS _alert_progress (
        rules TEXT NOT NULL, stream TEXT NOT NULL, scan_uid TEXT NOT NULL, scan_ms BIGINT NOT NULL,
        evaluated_ms BIGINT NOT NULL, PRIMARY KEY (rules, stream)){no_rowid}""",
    """CREATE TABLE IF NOT EXISTS _alert_state (
        rules TEXT NOT NULL, stream TEXT NOT NULL, rule TEXT NOT NULL, subject TEXT NOT NULL,
        phase TEXT NOT NULL, severity TEXT, alert_key TEXT, data TEXT NOT NULL,
        PRIMARY KEY (rules, stream, rule, subject)){no_rowid}""",
    """CREATE TABLE IF NOT EXISTS _alert_message (
        seq {id}, id TEXT NOT NULL UNIQUE, rules TEXT NOT NULL, sink TEXT NOT NULL,
        message TEXT NOT NULL, alert_key TEXT NOT NULL, event TEXT NOT NULL, at_ms BIGINT NOT NULL,
        source TEXT NOT NULL, data TEXT NOT NULL, is_repeat BOOLEAN NOT NULL,
        is_sending BOOLEAN NOT NULL, state TEXT NOT NULL, done_ms BIGINT)""",
    "CREATE INDEX IF NOT EXISTS _alert_message_waiting ON _alert_message (rules, sink, state)",
    """CREATE TABLE IF NOT EXISTS _alert_sink (
        rules TEXT NOT NULL, sink TEXT NOT NULL, owner TEXT, lease_ms BIGINT,
        tries INTEGER NOT NULL, retry_ms BIGINT, problem TEXT,
        PRIMARY KEY (rules, sink)){no_rowid}""",
    """CREATE TABLE IF NOT EXISTS _alert_silence (
        id {id}, hosts TEXT NOT NULL, rule TEXT, from_ms BIGINT NOT NULL, until_ms BIGINT NOT NULL,
        every TEXT, zone TEXT, reason TEXT NOT NULL, made_by TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS _alert_acknowledgement (
        alert_key TEXT NOT NULL PRIMARY KEY, severity TEXT NOT NULL, reason TEXT,
        made_by TEXT NOT NULL, made_ms BIGINT NOT NULL){no_rowid}""",
    """CREATE TABLE IF NOT EXISTS _alert_evidence (
        host TEXT NOT NULL PRIMARY KEY, at_ms BIGINT NOT NULL, data TEXT NOT NULL){no_rowid}""",
)


STEPS: Mapping[int, Step] = {1: _make_layout_2}
"""The step from each layout to the next. What it makes never changes: a later layout has a step of
its own."""


def migrate(
    store: Store,
    found: int,
    *,
    steps: Mapping[int, Step] = STEPS,
    target: int = layout.VERSION,
) -> None:
    """Bring the store from layout ``found`` to ``target``; a note says where the copy is.

    Raises StoreError as writing does; the store then is as it was.
    """
    if store.location.file is not None:
        copy = _copy(store, store.location.file, found)
        store.notes.append(f"the store's layout {found} is now {target}; {copy} is a copy of it")
    with store.write() as connection:
        now = connection.scalar(text("SELECT value FROM _setting WHERE name = 'layout'"))
        if store.dialect == "sqlite":  # PostgreSQL replaces them, with the rights to them
            for name in VIEWS:
                connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
        # Another process may have migrated it while this one waited.
        for version in range(int(now or found), target):
            steps[version](connection)
        for statement in create_statements(store.dialect):
            connection.execute(text(statement))
        connection.execute(
            update(layout.settings)
            .where(layout.settings.c.name == "layout")
            .values(value=str(target))
        )


def _copy(store: Store, file: Path, found: int) -> Path:
    """Copy the store of layout ``found`` into its folder; a copy that is there already stays."""
    copy = file.with_name(f"{file.name}.layout-{found}")
    if copy.exists():
        return copy
    unfinished = copy.with_name(f"{copy.name}.unfinished")
    with store.maintain() as connection:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        target = connect_file(unfinished, "rw")
        try:
            connection.backup(target)
        finally:
            target.close()
        unfinished.replace(copy)
    return copy
