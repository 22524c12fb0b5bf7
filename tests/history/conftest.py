"""Stores of the tests: the same tests run on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sockfleet.history.store.database.connection import Store
from sockfleet.history.store.opening import open_store
from tests.support.history.postgresql import PostgresServer, run_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole run."""
    # pytest's own folders are for their user alone, and their names too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with run_postgres(folder) as server:
            yield server
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path) -> str:
    """An empty place for a store, of each database."""
    if request.param == "sqlite":
        return str(tmp_path / "history.db")
    return request.getfixturevalue("postgres").make_database()


@pytest.fixture
def store(store_url) -> Iterator[Store]:
    """A new store, of each database."""
    found = open_store(store_url, create=True)
    yield found
    found.close()


@pytest.fixture
def file_store(tmp_path) -> Iterator[Store]:
    """A new store in SQLite."""
    found = open_store(str(tmp_path / "file.db"), create=True)
    yield found
    found.close()


@pytest.fixture
def reopen(store_url) -> Iterator[Callable[[], Store]]:
    """Open the place of `store_url` again, as another process does."""
    opened: list[Store] = []

    def call() -> Store:
        opened.append(open_store(store_url))
        return opened[-1]

    yield call
    for each in opened:
        each.close()
