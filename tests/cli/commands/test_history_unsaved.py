"""``scan --save`` where the store fails: the result, exit code 5, and how to save it later."""

from __future__ import annotations

import fcntl
import json
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text, update

from sockfleet.cli.runs import saving
from sockfleet.history.store import layout
from sockfleet.history.store.database import file_system
from sockfleet.history.store.database.connection import WRITER_LOCK
from sockfleet.history.store.opening import open_store, use_store
from tests.support.cli.command_line import run_command


@pytest.fixture
def run(tmp_path, monkeypatch, capsysbinary):
    """Run a command of one local host; another writer is waited for only briefly."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(saving, "open_store", partial(open_store, wait_s=0.05))
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {here: {ansible_connection: local}}}")

    def call(*words: str | Path) -> tuple[int, str, str]:
        known = [str(inventory) if word == "INVENTORY" else word for word in words]
        return run_command(*known, monkeypatch=monkeypatch, captured=capsysbinary)

    return call


@pytest.fixture
def file_url(tmp_path, run) -> str:
    """A store in SQLite with one scan."""
    url = str(tmp_path / "history.db")
    assert run("scan", "INVENTORY", "--save", "--store", url)[0] == 0
    return url


@pytest.fixture
def server_url(postgres, run) -> str:
    """A store in PostgreSQL with one scan."""
    url = postgres.make_database()
    assert run("scan", "INVENTORY", "--save", "--store", url)[0] == 0
    return url


@contextmanager
def lock_file(url: str) -> Iterator[None]:
    with Path(f"{url}-lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def lock_server(url: str) -> Iterator[None]:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})"))
        yield
    engine.dispose()


@contextmanager
def newer(url: str) -> Iterator[None]:
    set_version(url, layout.VERSION + 1)
    yield
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://")
        if url.startswith("postgresql")
        else f"sqlite:///{url}"
    )
    with engine.begin() as connection:
        statement = f"UPDATE _setting SET value = '{layout.VERSION}' WHERE name = 'layout'"
        connection.execute(text(statement))
    engine.dispose()


def set_version(url: str, version: int) -> None:
    with use_store(url) as store, store.write() as connection:
        setting = update(layout.settings).where(layout.settings.c.name == "layout")
        connection.execute(setting.values(value=str(version)))


@contextmanager
def damage(url: str) -> Iterator[None]:
    """Overwrite the tables of the file; then take the copy of it, as an operator does."""
    with use_store(url) as store, store.maintain() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = Path(url)
    whole = file.read_bytes()
    file.write_bytes(whole[:8192] + b"\x5a" * (len(whole) - 8192))
    yield
    for name in (f"{url}-wal", f"{url}-shm"):
        Path(name).unlink(missing_ok=True)
    file.write_bytes(whole)


@contextmanager
def truncate(url: str) -> Iterator[None]:
    """Replace the file by what is none of SQLite."""
    kept = Path(f"{url}.kept")
    shutil.move(url, kept)
    Path(url).write_text("no database\n" * 1000)
    yield
    shutil.move(kept, url)


@contextmanager
def read_only(url: str) -> Iterator[None]:
    name = url.split("/")[3].split("?")[0]
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        statement = "ALTER DATABASE {} SET default_transaction_read_only = {}"
        connection.execute(text(statement.format(name, "on")))
    yield
    with engine.connect() as connection:
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(statement.format(name, "off")))
        connection.commit()
    engine.dispose()


def check(run, url: str, state: Callable[[str], object], message: str) -> None:
    """A scan while the store is in that state is printed, kept, and imported later."""
    with state(url):
        code, out, err = run("scan", "INVENTORY", "--save", "--store", url)
    assert code == 5
    assert out.startswith("HOST")
    assert f"error: the scan is not saved: the store {url}" in err
    assert message in err
    line = err.splitlines()[-1]
    command = f"sockfleet history import --store {shlex.quote(url)} "
    assert line.startswith(f"sockfleet: save it later: {command}")
    words = shlex.split(line)[5:]
    kept = json.loads(Path(words[-1]).read_bytes())["scan"]["id"]
    assert run(*words) == (0, "1 scan imported.\n", "")
    listed = json.loads(run("history", "list", "--store", url, "-f", "json")[1])["scans"]
    assert (len(listed), listed[0]["id"]) == (2, kept)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (lock_file, "another process"),
        (newer, "update sockfleet"),
        (damage, "damaged"),
        (truncate, "the file is not of SQLite"),
    ],
)
def test_a_scan_that_a_file_cannot_take_is_imported_later(run, file_url, state, message):
    check(run, file_url, state, message)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (lock_server, "another process"),
        (newer, "update sockfleet"),
        (read_only, "accepts no writes"),
    ],
)
def test_a_scan_that_a_server_cannot_take_is_imported_later(run, server_url, state, message):
    check(run, server_url, state, message)


def test_a_server_that_is_not_there_costs_no_result(run):
    url = "postgresql://127.0.0.1:1/none"
    code, out, err = run("scan", "INVENTORY", "--save", "--store", url)
    assert code == 5
    assert out.startswith("HOST")
    assert err.count("cannot be reached") == 1
    assert "sockfleet history import --store postgresql://127.0.0.1:1/none " in err


def test_each_round_that_is_not_saved_names_its_file(run, file_url):
    with lock_file(file_url):
        code, _, err = run(
            *("scan", "INVENTORY", "--save", "--store", file_url, "-q"),
            *("--repeat", "2", "--interval", "0.1"),
        )
    assert code == 5
    lines = [line for line in err.splitlines() if "save it later" in line]
    assert len(lines) == 2
    files = [shlex.split(line)[-1] for line in lines]
    out = run("history", "import", "--store", file_url, *files)[1]
    assert out == "2 scans imported.\n"


def test_a_network_file_system_is_named_and_takes_the_scan(run, tmp_path, monkeypatch):
    table = tmp_path / "mountinfo"
    table.write_text(f"36 22 0:45 / {tmp_path} rw shared:1 - nfs4 server:/export rw\n")
    monkeypatch.setattr(file_system.is_network_file_system, "__defaults__", (table,))
    code, out, err = run("scan", "INVENTORY", "--save", "--store", tmp_path / "h.db")
    assert (code, out.startswith("HOST")) == (0, True)
    assert "is on a network file system" in err
    assert "delete" in run("history", "check", "--store", tmp_path / "h.db")[1]
