"""The fixture of the tests that need PostgreSQL."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.history.postgresql import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole run."""
    # Each run loads this file, and few have a test that needs the driver.
    from tests.support.history.postgresql import run_postgres

    # pytest's own folders are for their user alone, and their names too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with run_postgres(folder) as server:
            yield server
    finally:
        shutil.rmtree(folder)
