"""Bring a store of an older layout up to date, with a copy of it before.

A step changes the tables of one layout into those of the next. Where the database is SQLite, the
file is copied first; PostgreSQL runs all steps in one transaction, and so does SQLite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import Connection, text, update

from . import layout
from .connection import Store, connect_file
from .views import VIEWS, create_statements

__all__ = ["STEPS", "migrate"]

Step = Callable[[Connection], None]

STEPS: Mapping[int, Step] = {}
"""The step from each layout to the next. Layout 1 is the first, so there is none yet."""


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
