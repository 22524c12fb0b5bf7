"""A store of every version of the layout so far opens, and has what was saved in it."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from sockfleet.history.store import layout
from sockfleet.history.store.alerts.states import ensure_alert_tables
from sockfleet.history.store.maintenance.check import check_store
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.read import list_scans, read_scan
from sockfleet.history.store.save import save_scan
from sockfleet.history.store.series import read_hourly, read_series
from tests.support.history.made_scans import BEGIN, host_summary, scan_of
from tests.support.history.postgresql import find_programs

FOLDER = Path(__file__).parent / "layouts"
VERSIONS = range(1, layout.VERSION + 1)


def restore(version: int, dialect: str, request, tmp_path) -> str:
    """Make the store of a version; returns its place."""
    dump = FOLDER / f"v{version}.{dialect}.sql"
    if dialect == "sqlite":
        place = tmp_path / "old.db"
        subprocess.run(["sqlite3", place], input=dump.read_bytes(), check=True)
        return str(place)
    url = request.getfixturevalue("postgres").make_database()
    words = [find_programs() / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, url]
    subprocess.run([*words, "-f", dump], check=True)
    return url


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_this_version_opens_and_is_whole(version, dialect, request, tmp_path):
    place = restore(version, dialect, request, tmp_path)
    until = BEGIN + timedelta(days=1)
    with use_store(place) as store:
        assert check_store(store).problems == ()
        assert [row.tcp_close for row in list_scans(store)] == [33, 22, 1]
        block = read_series(store, "tcp_close", BEGIN, until)
        assert str(block.values.tolist()) == "[[nan, 20.0, 30.0], [1.0, 2.0, 3.0]]"
        for uid in (f"{number:032x}" for number in (1, 2, 3)):
            assert [host.name for host in read_scan(store, uid).hosts][-1] in ("web1", "db1")
        hours = read_hourly(store, "tcp_close", BEGIN, until)
        assert str(hours.values.tolist()) == "[[20.0, 30.0], [1.5, 3.0]]"
        with store.read() as connection:
            query = "SELECT host, tcp_close FROM latest ORDER BY host"
            assert [tuple(row) for row in connection.execute(text(query))] == [
                ("db1", 30),
                ("web1", 3),
            ]
        assert save_scan(store, scan_of([host_summary("web1", 9)], until)).is_new


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_migrated_store_has_the_tables_and_views_of_a_new_one(
    version, dialect, request, tmp_path
):
    new = str(tmp_path / "new.db")
    if dialect == "postgresql":
        new = request.getfixturevalue("postgres").make_database()
    with use_store(new, create=True) as store:
        wanted = columns_of(store)
    with use_store(restore(version, dialect, request, tmp_path)) as store:
        ensure_alert_tables(store)  # made where they are needed first
        assert columns_of(store) == wanted


def columns_of(store) -> dict[str, set[tuple[str, str, bool]]]:
    """The name, type and nullability of the columns of each table and view."""
    with store.read() as connection:
        found = inspect(connection)
        names = [*found.get_table_names(), *found.get_view_names()]
        return {
            name: {
                (column["name"], str(column["type"]), column["nullable"])
                for column in found.get_columns(name)
            }
            for name in names
        }


def test_a_role_that_may_read_the_views_still_may_after_a_migration(postgres, request, tmp_path):
    place = restore(1, "postgresql", request, tmp_path)
    name = place.split("/")[3].split("?")[0]
    postgres.execute(f"CREATE ROLE watcher_{name} LOGIN")
    postgres.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO watcher_{name}", name)
    with use_store(place):
        pass
    words = [find_programs() / "psql", "-qXtA", "-v", "ON_ERROR_STOP=1"]
    watcher = place.replace("sockfleet@", f"watcher_{name}@")
    for view in ("latest", "scans", "hosts"):
        query = f"SELECT count(*) FROM {view}"
        subprocess.run([*words, watcher, "-c", query], check=True, stdout=subprocess.DEVNULL)
