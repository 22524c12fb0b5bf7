"""Open a store: make its tables where there are none, and bring an older layout up to date."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, select, text

from ...core.folder_owner import open_for_folder_owner
from ..errors import StoreDamagedError, StoreMissingError, StoreVersionError
from . import layout
from .alerts import layout as alert_layout
from .database.connection import WAIT_S, Store, connect_file, set_journal
from .database.location import Location, parse_location
from .database.translation import translate_errors
from .database.write_lock import write_lock
from .migrations import migrate
from .views import create_statements

__all__ = ["open_store", "use_store"]

# SQLite keeps them in the file's head (https://www.sqlite.org/fileformat.html).
_APPLICATION_ID = 0x736F636B
# Packs of a large fleet take some 10 KB: with pages of 8 KB less of the last page is wasted than
# a larger fleet of small rows would lose.
_PAGE_SIZE = 8192


def open_store(
    location: Location | str | None = None, *, create: bool = False, wait_s: float = WAIT_S
) -> Store:
    """Open the store at a location, or at what ``--store`` names; None: the user's own file.

    ``create`` makes it where there is none. Raises StoreMissingError without it, StoreVersionError
    for the store of a newer sockfleet, StoreError for what cannot be opened, and UsageError for a
    text that names no store.
    """
    if not isinstance(location, Location):
        location = parse_location(location)
    store = Store(location, wait_s=wait_s)
    try:
        with translate_errors(location):
            if location.file is None:
                _prepare_server(store, create=create)
            else:
                _prepare_file(store, location.file, create=create, wait_s=wait_s)
            _check_version(store)
    except BaseException:
        store.close()
        raise
    return store


@contextmanager
def use_store(
    location: Location | str | None = None, *, create: bool = False, wait_s: float = WAIT_S
) -> Iterator[Store]:
    """`open_store` for a block."""
    store = open_store(location, create=create, wait_s=wait_s)
    try:
        yield store
    finally:
        store.close()


def _missing(location: Location) -> StoreMissingError:
    return StoreMissingError(f"there is no store at {location} yet: sockfleet scan --save makes it")


def _prepare_file(store: Store, file: Path, *, create: bool, wait_s: float) -> None:
    _roll_back(file)
    if _is_unmade(file):
        if not create:
            raise _missing(store.location)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with write_lock(file, wait_s):
            _create_file(store, file, wait_s)
        if not store.uses_wal:
            store.notes.append(
                f"the store {store.location} is on a network file system, where readers and the "
                "writer wait for each other; on a local disk or in PostgreSQL they do not"
            )
    _check_kind(store.location, file)


def _is_unmade(file: Path) -> bool:
    """Whether there is no file, or one whose tables a full disk or a kill kept from being made."""
    if not file.exists() or file.stat().st_size == 0:
        return True
    connection = connect_file(file, "ro")
    try:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        connection.close()
    return bool(tables == 0)


def _create_file(store: Store, file: Path, wait_s: float) -> None:
    # Names of hosts are for nobody else; SQLite gives its other files the same mode and owner.
    os.close(open_for_folder_owner(file))
    if not _is_unmade(file):
        return  # another process was faster
    try:
        _create_tables(file, wal=store.uses_wal, wait_s=wait_s)
    except sqlite3.OperationalError:
        # A file system that is not known as one of a network may still have no shared memory or no
        # locks, which shows at the first write only.
        if not store.uses_wal:
            raise
        store.uses_wal = False
        _discard_unfinished(file)
        _create_tables(file, wal=False, wait_s=wait_s)


def _discard_unfinished(file: Path) -> None:
    for suffix in ("-wal", "-shm", "-journal"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    os.truncate(file, 0)


def _create_tables(file: Path, *, wal: bool, wait_s: float) -> None:
    connection = connect_file(file, "rw", wait_s=wait_s)
    try:
        connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        set_journal(connection, wal=wal)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        for statement in _statements("sqlite"):
            connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        connection.close()


def _statements(dialect: str) -> Iterator[str]:
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.schema import CreateIndex, CreateTable

    chosen: Any = (sqlite.dialect if dialect == "sqlite" else postgresql.dialect)()
    assert set(alert_layout.TABLES) <= set(layout.metadata.sorted_tables)  # noqa: S101 (its import adds them)
    for table in layout.metadata.sorted_tables:
        yield str(CreateTable(table).compile(dialect=chosen))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield str(CreateIndex(index).compile(dialect=chosen))
    if dialect == "postgresql":
        for packed in (
            "_pack",
            "_namespace_pack",
            "_hourly_pack",
            "_detail",
        ):  # they are compressed already
            yield f"ALTER TABLE {packed} ALTER COLUMN data SET STORAGE EXTERNAL"
    yield from create_statements(dialect)
    yield f"INSERT INTO _setting (name, value) VALUES ('layout', '{layout.VERSION}')"


def _roll_back(file: Path) -> None:
    """Roll back what a killed writer left in DELETE mode: a reader may not do it."""
    if file.with_name(f"{file.name}-journal").exists():
        with suppress(sqlite3.Error):
            connection = connect_file(file, "rw")
            try:
                connection.execute("SELECT count(*) FROM sqlite_master")
            finally:
                connection.close()


def _check_kind(location: Location, file: Path) -> None:
    connection = connect_file(file, "ro")
    try:
        (found,) = connection.execute("PRAGMA application_id").fetchone()
    finally:
        connection.close()
    if found != _APPLICATION_ID:
        raise StoreDamagedError(f"the store {location}: the file is a database of another program")


def _prepare_server(store: Store, *, create: bool) -> None:
    with store.read() as connection:
        if _has_tables(connection):
            return
    if not create:
        raise _missing(store.location)
    with store.write() as connection:
        if not _has_tables(connection):
            for statement in _statements("postgresql"):
                connection.execute(text(statement))


def _has_tables(connection: Connection) -> bool:
    return inspect(connection).has_table("_setting")


def _check_version(store: Store) -> None:
    with store.read() as connection:
        found = connection.scalar(
            select(layout.settings.c.value).where(layout.settings.c.name == "layout")
        )
    if found is None or not str(found).isdecimal():
        raise StoreDamagedError(f"the store {store.location} does not say which layout it has")
    if int(found) > layout.VERSION:
        raise StoreVersionError(
            f"the store {store.location} has layout {found}, and this sockfleet knows layouts up "
            f"to {layout.VERSION}: update sockfleet"
        )
    if int(found) < layout.VERSION:
        migrate(store, int(found))
