"""Stores that cannot be opened, read or written give one clear error each."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

import pytest
from scanned_fleet import ScannedFleet
from sqlalchemy import text, update

from sockfleet.core.errors import UsageError
from sockfleet.history.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreMissingError,
    StoreReadOnlyError,
    StoreVersionError,
)
from sockfleet.history.store import layout, opening
from sockfleet.history.store.database import file_system
from sockfleet.history.store.database.connection import Store, connect_file
from sockfleet.history.store.database.file_system import is_network_file_system
from sockfleet.history.store.database.location import parse_location
from sockfleet.history.store.maintenance.check import check_store
from sockfleet.history.store.migrations import migrate
from sockfleet.history.store.opening import open_store, use_store
from sockfleet.history.store.read import list_scans, read_scan
from sockfleet.history.store.save import save_scan
from tests.support.history.made_scans import host_summary, scan_of
from tests.support.history.sqlite_file import overwrite_pages

NOW = layout.VERSION
NEXT = str(NOW + 1)


def scan():
    return scan_of([host_summary("a", 5)])


def test_a_store_that_is_not_there_is_made_only_to_save(store_url):
    with pytest.raises(StoreMissingError, match="scan --save makes it"):
        open_store(store_url)
    with use_store(store_url, create=True) as store:
        save_scan(store, scan())
    with use_store(store_url) as store:
        assert len(list_scans(store)) == 1


def test_a_newer_layout_is_refused_by_name(store, store_url):
    with store.write() as connection:
        connection.execute(
            update(layout.settings).where(layout.settings.c.name == "layout").values(value="7")
        )
    with pytest.raises(StoreVersionError, match=r"has layout 7, .* up to \d: update sockfleet"):
        open_store(store_url)


def test_an_older_layout_is_migrated_with_a_copy_before(store, store_url):
    save_scan(store, scan())

    def add_column(connection):
        connection.execute(text("ALTER TABLE _scan ADD COLUMN extra TEXT"))

    migrate(store, NOW, steps={NOW: add_column}, target=NOW + 1)
    with store.read() as connection:
        assert connection.scalar(text("SELECT extra FROM _scan")) is None
        assert connection.scalar(text("SELECT value FROM store WHERE name = 'layout'")) == NEXT
    if store.dialect == "sqlite":
        copy = Path(f"{store_url}.layout-{NOW}")
        assert f"{copy} is a copy" in store.notes[0]
        with use_store(str(copy)) as old:
            assert len(list_scans(old)) == 1


def test_a_migration_that_fails_leaves_the_store_as_it_was(store, store_url):
    save_scan(store, scan())

    def fail(connection):
        connection.execute(text("DROP TABLE _failure"))
        connection.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(StoreError):
        migrate(store, NOW, steps={NOW: fail}, target=NOW + 1)
    with use_store(store_url) as found:
        assert check_store(found).problems == ()
        assert len(list_scans(found)) == 1


def test_a_file_of_another_program_is_refused_and_not_touched(tmp_path):
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    before = other.read_bytes()
    with pytest.raises(StoreDamagedError, match="database of another program"):
        open_store(str(other), create=True)
    assert other.read_bytes() == before
    text_file = tmp_path / "text.db"
    text_file.write_text("not a database, but long enough for a head of SQLite\n" * 40)
    with pytest.raises(StoreDamagedError, match="no store"):
        open_store(str(text_file), create=True)


def test_a_damaged_store_names_what_is_damaged(file_store, tmp_path):
    for summary in ScannedFleet(300).scans(3):
        save_scan(file_store, summary)
    file_store.close()
    file = file_store.location.file
    overwrite_pages(file, share=0.3)
    try:
        with use_store(str(file)) as store:
            assert check_store(store).problems
            for row in list_scans(store):
                read_scan(store, row.id)
    except StoreDamagedError as error:
        assert str(file) in str(error)


def test_a_store_that_another_process_writes_to_is_busy_after_a_while(tmp_path):
    with use_store(str(tmp_path / "h.db"), create=True, wait_s=0.05) as store:
        with (tmp_path / "h.db-lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(StoreBusyError, match=r"for more than 0\.05 s"):
                save_scan(store, scan())
        other = connect_file(tmp_path / "h.db", "rw")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match="another process is writing"):
            save_scan(store, scan())
        assert list_scans(store) == []
        other.close()
        save_scan(store, scan())


def test_a_postgresql_store_that_another_session_writes_to_is_busy(postgres):
    url = postgres.make_database()
    with use_store(url, create=True, wait_s=0.05) as store, use_store(url) as other:
        with other.write(), pytest.raises(StoreBusyError, match="another process"):
            save_scan(store, scan())
        save_scan(store, scan())


def test_a_server_that_is_not_there_and_a_database_that_is_not(postgres):
    with pytest.raises(StoreError, match="cannot be reached"):
        open_store("postgresql://127.0.0.1:1/none")
    with pytest.raises(StoreError, match="none"):
        open_store(postgres.url("none"))


def test_a_user_without_rights_and_a_standby_are_read_only(postgres):
    url = postgres.make_database()
    with use_store(url, create=True):
        pass
    name = url.split("/")[3].split("?")[0]
    postgres.execute(f"CREATE ROLE reader_{name} LOGIN")
    postgres.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_{name}", name)
    reader = url.replace("sockfleet@", f"reader_{name}@")
    with use_store(reader) as store:
        assert list_scans(store) == []
        with pytest.raises(StoreReadOnlyError, match="lacks a right"):
            save_scan(store, scan())
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with use_store(url) as store, pytest.raises(StoreReadOnlyError, match="no writes"):
        save_scan(store, scan())


def test_a_folder_in_the_place_of_the_store_is_an_error(tmp_path):
    with pytest.raises(StoreError):
        open_store(str(tmp_path), create=True)


def test_the_mode_of_a_network_file_system_is_delete_and_said_once(tmp_path, monkeypatch):
    table = tmp_path / "mountinfo"
    table.write_text(
        "22 1 0:1 / / rw - ext4 /dev/root rw\n"
        f"36 22 0:45 / {tmp_path} rw,relatime shared:1 - nfs4 server:/export rw\n"
    )
    assert is_network_file_system(tmp_path / "a/b", table)
    assert not is_network_file_system(Path("/usr"), table)
    assert not is_network_file_system(Path("/usr"), tmp_path / "none")
    monkeypatch.setattr(file_system, "_MOUNTS", table)
    monkeypatch.setattr(file_system.is_network_file_system, "__defaults__", (table,))
    with use_store(str(tmp_path / "h.db"), create=True) as store:
        assert "network file system" in store.notes[0]
        save_scan(store, scan())
        assert check_store(store).journal == "delete"
    with use_store(str(tmp_path / "h.db")) as store:
        assert store.notes == []
        assert len(list_scans(store)) == 1


def test_a_file_system_without_shared_memory_is_found_at_the_first_write(tmp_path, monkeypatch):
    """SQLite's VFS "unix-dotfile" has no shared memory, as a network file system."""
    real = connect_file

    def connect_without_memory(file, mode, *, wait_s=1.0):
        connection = real(file, mode, wait_s=wait_s)
        connection.close()
        return sqlite3.connect(
            f"file:{file}?mode={mode}&vfs=unix-dotfile", uri=True, isolation_level=None
        )

    monkeypatch.setattr(opening, "connect_file", connect_without_memory)
    monkeypatch.setattr(
        "sockfleet.history.store.database.connection.connect_file", connect_without_memory
    )
    with use_store(str(tmp_path / "h.db"), create=True) as store:
        save_scan(store, scan())
        assert check_store(store).journal == "delete"


@pytest.mark.parametrize(
    ("text_of_url", "shown"),
    [
        ("postgresql://u:pw@h:5/d", "postgresql://u:***@h:5/d"),
        ("postgres://h/d?password=pw", "postgresql://h/d?password=***"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("sqlite:////var/h.db", "/var/h.db"),
        ("/var/h.db", "/var/h.db"),
    ],
)
def test_a_place_is_shown_without_its_password(text_of_url, shown):
    location = parse_location(text_of_url)
    assert str(location) == shown
    assert location.has_password == ("***" in shown)


@pytest.mark.parametrize("text_of_url", ["mysql://h/d", "sqlite://h", "sqlite:///", "http://x"])
def test_another_database_is_refused(text_of_url):
    with pytest.raises(UsageError, match="expected"):
        parse_location(text_of_url)


def test_the_usual_place_follows_the_base_directory_specification():
    home = Path.home()
    assert parse_location(None, {}).file == home / ".local/state/sockfleet/history.db"
    assert parse_location(None, {"XDG_STATE_HOME": "/s"}).file == Path("/s/sockfleet/history.db")
    relative = parse_location(None, {"XDG_STATE_HOME": "s"}).file
    assert relative == home / ".local/state/sockfleet/history.db"


def test_what_a_killed_writer_left_in_delete_mode_is_rolled_back(tmp_path, monkeypatch):
    monkeypatch.setattr(file_system.is_network_file_system, "__defaults__", (Path("/none"),))
    file = tmp_path / "h.db"
    with use_store(str(file), create=True) as store:
        store.uses_wal = False
        save_scan(store, scan())
        child = os.fork()
        if child == 0:  # dies with its journal on the disk
            connection = connect_file(file, "rw")
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA cache_size = 1")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM _pack")
            connection.execute("DELETE FROM _scan")
            connection.execute("CREATE TABLE big AS SELECT randomblob(999999) AS x")
            os._exit(9)
        os.waitpid(child, 0)
    with use_store(str(file)) as store:
        assert check_store(store).problems == ()
        assert len(list_scans(store)) == 1


def test_a_store_object_without_its_file_is_an_error(tmp_path):
    store = Store(parse_location(str(tmp_path / "none.db")))
    with pytest.raises(StoreError):
        list_scans(store)
    store.close()
