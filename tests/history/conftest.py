"""Stores of the tests: the same tests run on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sockfleet.history.report.scan_files import memory_folder
from sockfleet.history.store.database.connection import Store
from sockfleet.history.store.opening import open_store


@pytest.fixture
def store_folder() -> Iterator[Path]:
    """An empty folder in memory, where nothing waits for a disk: a store syncs each scan."""
    with memory_folder() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, store_folder) -> str:
    """An empty place for a store, of each database."""
    if request.param == "sqlite":
        return str(store_folder / "history.db")
    return request.getfixturevalue("postgres").make_database()


@pytest.fixture
def store(store_url) -> Iterator[Store]:
    """A new store, of each database."""
    found = open_store(store_url, create=True)
    yield found
    found.close()


@pytest.fixture
def file_store(store_folder) -> Iterator[Store]:
    """A new store in SQLite."""
    found = open_store(str(store_folder / "file.db"), create=True)
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
