"""Each query of docs/sql.md runs in the databases that it is for, and says what its title says."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from sockfleet.aggregator.numbers import TCP_NUMBERS
from sockfleet.history.store import layout
from sockfleet.history.store.maintenance.retention import maintain
from sockfleet.history.store.numbers import METRICS
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.save import save_scan
from sockfleet.history.store.views import VIEWS
from tests.support.history.made_scans import host_summary, namespaces_of, scan_of
from tests.support.history.postgresql import find_programs
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/sql.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
GRAFANA = re.findall(r"```grafana\n(.*?)```", PAGE, re.DOTALL)
SETUP = re.findall(r"```postgresql\n(.*?)```", PAGE, re.DOTALL)
NOW = datetime.now(UTC)


def fill(url: str) -> None:
    """Save two days of scans of web1, which leaks, db1 and others; db1 fails in the end."""
    with use_store(url, create=True) as store:
        for hours in range(50, -1, -2):
            within = namespaces_of({"nginx.service": 900 - hours})
            hosts = [host_summary("web1", 1000 - hours, namespaces=within)]
            hosts += [
                host_summary(f"host{place:02d}", place, groups=("rest",)) for place in range(12)
            ]
            hosts.append(host_summary("db1", 7 if hours else None, groups=("db",)))
            save_scan(store, scan_of(hosts, NOW - timedelta(hours=hours)))
        maintain(store, NOW + timedelta(hours=2), most_s=None)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A filled store in SQLite."""
    found = tmp_path_factory.mktemp("sql") / "history.db"
    fill(str(found))
    return found


@pytest.fixture(scope="module")
def url(postgres):
    """A filled store in PostgreSQL."""
    found = postgres.make_database()
    fill(found)
    return found


def run_sqlite(file, query: str) -> list[list[str]]:
    """The rows that the program sqlite3 prints."""
    query = query.replace(":host", "'web1'")
    words = ["sqlite3", "-readonly", "-separator", "|", str(file), query]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    assert done.stderr == ""
    return [line.split("|") for line in done.stdout.splitlines()]


def run_psql(url, query: str) -> list[list[str]]:
    """The rows that psql prints."""
    query = query.replace(":host", "'web1'")
    words = [find_programs() / "psql", url, "-AtX", "-v", "ON_ERROR_STOP=1", "-c", query]
    environment = {**os.environ, "PGTZ": "UTC"}
    done = subprocess.run(words, capture_output=True, check=True, text=True, env=environment)
    assert done.stderr == ""
    return [line.split("|") for line in done.stdout.splitlines()]


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_each_query_gives_the_same_rows_in_both(file, url, number):
    ours, theirs = run_sqlite(file, QUERIES[number]), run_psql(url, QUERIES[number])
    assert ours
    assert len(ours) == len(theirs)
    assert [len(row) for row in ours] == [len(row) for row in theirs]


def test_one_query_names_the_top_ten_of_today(file):
    rows = run_sqlite(file, QUERIES[0])
    assert [row[0] for row in rows][:2] == ["web1", "host11"]
    assert len(rows) == 10
    assert rows[0][1] == "1000"


def test_what_grew_in_a_day_is_the_leak_alone(file, url):
    for rows in (run_sqlite(file, QUERIES[1]), run_psql(url, QUERIES[1])):
        assert rows[0][0] == "web1"
        assert float(rows[0][1]) == 24
        assert {float(row[1]) for row in rows[1:]} == {0}


def test_the_panels_of_grafana_run(url):
    for statement in SETUP:
        run_psql(url, statement)
    assert len(GRAFANA) == 2
    for query in GRAFANA:
        # https://grafana.com/docs/grafana/latest/datasources/postgres/, "Macros"
        between = r"\1 BETWEEN now() - interval '3 days' AND now() + interval '1 day'"
        ready = re.sub(r"\$__timeFilter\((\w+)\)", between, query)
        assert len(run_psql(url, ready)) > 20


def test_the_page_names_every_view_and_every_column(file):
    assert f"is the version, {layout.VERSION}." in PAGE
    tabled = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (.+) \|$", PAGE, re.MULTILINE))
    assert list(tabled) == list(VIEWS)
    for view, text in tabled.items():
        named = set(re.findall(r"`(\w+)`", text))
        named -= {"unit", "pod"}
        if "the totals" in text:
            named |= set(TCP_NUMBERS)
        if "the numbers" in text or "the medians" in text:
            named |= set(METRICS)
        found = run_sqlite(file, f"SELECT name FROM pragma_table_info('{view}')")
        assert {name for (name,) in found} == named, view
