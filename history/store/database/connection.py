"""A store that is open: transactions to read and to write, in SQLite and PostgreSQL.

SQLite: WAL mode, so that readers and the writer do not wait for each other; synchronous=FULL, so
that an acknowledged scan outlives a loss of power; DELETE mode on a network file system, where WAL
cannot work (https://www.sqlite.org/wal.html#noshm).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from ....core.errors import UsageError
from .file_system import is_network_file_system
from .location import Location
from .translation import translate_errors
from .write_lock import write_lock

__all__ = ["WAIT_S", "WRITER_LOCK", "Store"]

WAIT_S = 15.0
"""How long a writer waits for another one."""
WRITER_LOCK = 0x736F636B
"""The advisory lock of the writers of a PostgreSQL store: "sock"."""
_MOST_WAL_BYTES = 16 << 20
"""The log of SQLite is cut back to this size once no reader needs it."""


class Store:
    """An open store. Every method raises StoreError for what the database cannot do.

    `opening.open_store` makes it, with its tables.
    """

    def __init__(self, location: Location, *, wait_s: float = WAIT_S) -> None:
        self.location = location
        self.notes: list[str] = []
        """What the user should know of this store."""
        self._wait_s = wait_s
        self._file = location.file
        self.uses_wal = self._file is not None and not is_network_file_system(self._file.parent)
        """Whether a writer uses the WAL mode of SQLite, else DELETE."""
        if self._file is None:
            self._reader = self._writer = self._postgresql_engine()
        else:
            self._reader = self._sqlite_engine("ro")
            self._writer = self._sqlite_engine("rw")

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._writer.dialect.name

    def close(self) -> None:
        """Close its connections."""
        self._reader.dispose()
        self._writer.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that reads one state of the store, whatever others write meanwhile."""
        with translate_errors(self.location), self._reader.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that no other writer shares; it is whole or leaves nothing."""
        with (
            translate_errors(self.location),
            self._write_lock(),
            self._writer.connect() as connection,
            connection.begin(),
        ):
            if self.dialect == "postgresql":
                wait_ms = int(self._wait_s * 1000)
                connection.execute(text(f"SET LOCAL lock_timeout = {wait_ms}"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})"))
            yield connection

    @contextmanager
    def maintain(self) -> Iterator[sqlite3.Connection]:
        """The bare connection of a SQLite store outside of a transaction, for its PRAGMAs."""
        with translate_errors(self.location), self._write_lock():
            bare = self._connect("rw")
            try:
                yield bare
            finally:
                bare.close()

    def _write_lock(self) -> AbstractContextManager[None]:
        return nullcontext() if self._file is None else write_lock(self._file, self._wait_s)

    def _postgresql_engine(self) -> Engine:
        assert self.location.url is not None  # noqa: S101 (a location has a file or a URL)
        try:
            return create_engine(self.location.url, pool_size=1, max_overflow=2)
        except ModuleNotFoundError as error:
            raise UsageError(
                f"--store {self.location}: PostgreSQL needs pip install 'sockfleet[postgresql]'"
            ) from error

    def _sqlite_engine(self, mode: str) -> Engine:
        engine = create_engine("sqlite://", creator=lambda: self._connect(mode), poolclass=NullPool)
        begin = "BEGIN IMMEDIATE" if mode == "rw" else "BEGIN"
        # The driver begins by itself, too late and deferred: it is off (isolation_level), and the
        # engine begins here.
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    def _connect(self, mode: str) -> sqlite3.Connection:
        assert self._file is not None  # noqa: S101 (only a SQLite store connects here)
        connection = connect_file(self._file, mode, wait_s=self._wait_s)
        if mode == "rw":
            set_journal(connection, wal=self.uses_wal)
        return connection


def connect_file(file: Path, mode: str, *, wait_s: float = WAIT_S) -> sqlite3.Connection:
    """Open a file of SQLite as ``ro``, ``rw`` or ``rwc``."""
    # SQLite makes shared memory to read a database in WAL mode. Where it cannot, and nothing is in
    # the log, nobody can be writing either.
    wal = file.with_name(f"{file.name}-wal")
    is_still = mode == "ro" and not os.access(file.parent, os.W_OK) and not wal.exists()
    # The time to wait is set first, as the journal mode may need a lock.
    connection = sqlite3.connect(
        f"file:{quote(str(file))}?mode={mode}" + "&immutable=1" * is_still,
        uri=True,
        timeout=wait_s,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA trusted_schema = OFF")  # the file may be foreign
    return connection


def set_journal(connection: sqlite3.Connection, *, wal: bool) -> bool:
    """Set the journal for a writer; returns whether it is WAL."""
    connection.execute("PRAGMA synchronous = FULL")
    found = _pragma(connection, f"journal_mode = {'WAL' if wal else 'DELETE'}")
    connection.execute(f"PRAGMA journal_size_limit = {_MOST_WAL_BYTES}")
    return str(found).lower() == "wal"


def _pragma(connection: sqlite3.Connection, text: str) -> Any:
    row = connection.execute(f"PRAGMA {text}").fetchone()
    return None if row is None else row[0]
