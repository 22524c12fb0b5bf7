"""A PostgreSQL server of the tests' own, in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

__all__ = ["PostgresServer", "find_programs", "run_postgres"]

_USER = "nobody"
"""Who runs the server where root runs the tests: root may not."""


def find_programs() -> Path:
    """The folder of the newest version's programs, which Debian keeps out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise RuntimeError("no PostgreSQL: apt-get install postgresql")
    return found[-1].parent


class PostgresServer:
    """A server that runs, with a database for each test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """Of its socket; it listens on no TCP port."""

    def url(self, database: str) -> str:
        """The URL of a database, as ``--store`` takes it."""
        return f"postgresql://sockfleet@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run a statement as the superuser."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def make_database(self) -> str:
        """Make an empty database; returns its URL."""
        name = f"test_{uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)


@contextmanager
def run_postgres(folder: Path) -> Iterator[PostgresServer]:
    """Run a server in this folder, whose name must be short: it holds the socket."""
    programs = find_programs()
    data = folder / "data"
    folder.mkdir(parents=True, exist_ok=True)
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        entry = pwd.getpwnam(_USER)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def run(*words: str | Path) -> None:
        with (folder / "output").open("ab") as output:  # a pipe would stay open with the server
            done = subprocess.run(
                words,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                **user,
            )
        if done.returncode:
            raise RuntimeError(f"{words[0]} failed:\n{(folder / 'output').read_text()}")

    run(
        programs / "initdb", "-D", data, "-U", "sockfleet", "-A", "trust", "-E", "UTF8", "--no-sync"
    )
    settings = ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off")
    options = " ".join(f"-c {each}" for each in (*settings, "autovacuum=off"))
    try:
        run(programs / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start")
        yield PostgresServer(folder)
    finally:
        run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(data, ignore_errors=True)
