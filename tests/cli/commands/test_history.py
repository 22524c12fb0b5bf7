"""``scan --save`` and ``sockfleet history``, on this machine as a host of its own."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.cli.command_line import run_command

INVENTORY = "here,"


@pytest.fixture
def run(monkeypatch, capsysbinary, tmp_path):
    """Run a command whose store is in the test's folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {here: {ansible_connection: local}}}")

    def call(*words: str | Path, stdin: bytes = b"") -> tuple[int, str, str]:
        known = [str(inventory) if word == INVENTORY else word for word in words]
        return run_command(*known, monkeypatch=monkeypatch, captured=capsysbinary, stdin=stdin)

    return call


@pytest.fixture
def database(tmp_path) -> Path:
    """The file of the user's own store."""
    return tmp_path / "state/sockfleet/history.db"


def test_scans_that_are_saved_are_listed_and_shown(run, database):
    for _ in range(2):
        code, table, err = run("scan", INVENTORY, "--save")
        assert (code, err) == (0, "")
        assert table.startswith("HOST")
    code, out, err = run("history", "list", "-f", "json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["store"] == str(database)
    newest, oldest = document["scans"]
    assert newest["started_at"] > oldest["started_at"]
    assert newest["hosts"] == {"total": 1, "ok": 1, "failed": 0}
    code, out, _ = run("history", "show", newest["id"][:8], "-f", "json")
    assert json.loads(out)["scan"]["id"] == newest["id"]
    code, out, _ = run("history", "show", "last-1", "-f", "json")
    assert json.loads(out)["scan"]["id"] == oldest["id"]
    code, out, _ = run("history", "show", "last")
    assert (code, table.startswith(out)) == (0, True), "without the command to type next"
    code, out, _ = run("history", "list")
    assert out.count("\n") == 5
    assert "2 scans of" in out
    assert "UTC" in out


def test_the_store_is_for_its_user_alone(run, database):
    run("scan", INVENTORY, "--save")
    assert database.stat().st_mode & 0o777 == 0o600
    assert database.parent.stat().st_mode & 0o777 == 0o700


def test_a_scan_that_is_not_saved_makes_no_store_and_imports_none_of_it(tmp_path):
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {here: {ansible_connection: local}}}")
    code = (
        "import sys; from sockfleet.cli.main import main\n"
        f"sys.argv = ['sockfleet', 'scan', {str(inventory)!r}, '--store', 'named.db']\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "names = ('sqlalchemy', 'sqlite3', 'zstandard', 'numpy', 'psycopg', 'pyarrow')\n"
        "assert not {m for m in sys.modules if m.split('.')[0] in names}\n"
        "print([m for m in sys.modules if m.startswith('sockfleet.history')])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )
    loaded = result.stdout.splitlines()[-1]
    assert "connection" not in loaded
    assert "opening" not in loaded
    assert not (tmp_path / "named.db").exists()
    assert not (tmp_path / "sockfleet").exists()


def test_each_round_of_a_repeated_scan_is_saved(run):
    code, _, err = run("scan", INVENTORY, "--save", "--repeat", "3", "--interval", "0.1", "-q")
    assert (code, err) == (0, "")
    scans = json.loads(run("history", "list", "-f", "json")[1])["scans"]
    assert [scan["round"] for scan in scans] == [3, 2, 1]
    code, out, _ = run("history", "show", "--host", "here", "--metric", "alloc", "-f", "json")
    points = json.loads(out)["points"]
    assert sum(point["samples"] for point in points) in (1, 2, 3)


def test_the_configuration_can_save_every_scan(run, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text('[defaults]\nstore = "kept.db"\n[scan]\nsave = true\n')
    assert run("scan", INVENTORY, "--config", config)[0] == 0
    assert (tmp_path / "kept.db").exists()
    code, out, _ = run("history", "list", "--config", config)
    assert code == 0
    assert "1 scan of" in out


def test_a_password_in_the_store_is_taken_from_the_environment_alone(run, monkeypatch):
    url = "postgresql://me:secret@127.0.0.1:1/db"
    code, _, err = run("history", "list", "--store", url)
    assert code == 2
    assert "PGPASSFILE" in err
    monkeypatch.setenv("SOCKFLEET_STORE", url)
    code, _, err = run("history", "list")
    assert code == 5
    assert "cannot be reached" in err
    assert "secret" not in err


def test_scans_are_imported_from_files_and_from_standard_input(run, tmp_path):
    files = [tmp_path / f"{number}.json" for number in range(3)]
    for file in files:
        run("scan", INVENTORY, "-o", file)
    code, out, err = run("history", "import", *files[:2])
    assert (code, err) == (0, "")
    assert out == "2 scans imported.\n"
    lines = b"".join(file.read_bytes() for file in files)
    code, out, err = run("history", "import", "-", stdin=lines)
    assert (code, err) == (0, "")
    assert out == "1 scan imported; 2 were there already.\n"
    code, out, _ = run("history", "show", "last", "-f", "json")
    assert json.loads(out) == json.loads(files[2].read_bytes())


def test_a_file_that_is_no_scan_does_not_keep_the_others_from_the_store(run, tmp_path):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    run("scan", INVENTORY, "-o", good)
    bad.write_bytes(good.read_bytes()[:200])
    code, out, err = run("history", "import", bad, tmp_path / "none.json", good)
    assert code == 2
    assert out == "1 scan imported.\n"
    assert f"{bad}: " in err
    assert "cannot read" in err


def change_against(run, name):
    """The id that a scan was compared with, and what was said."""
    code, out, err = run("scan", INVENTORY, "--against", name, "-f", "json")
    assert code == 0
    return json.loads(out)["fleet"].get("change", {}).get("against", {}).get("id"), err


def test_a_scan_is_compared_with_one_of_the_store(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert change_against(run, "last") == (
        None,
        "sockfleet: --against last: no scan is saved yet, so nothing is compared\n",
    )
    for _ in range(2):
        run("scan", INVENTORY, "--save")
    scans = json.loads(run("history", "list", "-f", "json")[1])["scans"]
    newest, oldest = [scan["id"] for scan in scans]
    assert change_against(run, "last") == (newest, "")
    assert change_against(run, "last-1") == (oldest, "")
    assert change_against(run, oldest[:10]) == (oldest, "")
    assert change_against(run, "2d") == (oldest, "")
    assert change_against(run, "now") == (newest, "")
    compared, err = change_against(run, "10/11")
    assert compared is None
    assert "no such file yet" in err
    compared, err = change_against(run, "nothing")
    assert compared is None
    assert "no scan 'nothing'" in err
    # A file comes before a scan of the store.
    run("scan", INVENTORY, "-o", "json:last")
    compared, _ = change_against(run, "last")
    assert compared not in (newest, oldest, None)


def test_last_is_of_the_same_inventory_limit_and_shard(run, tmp_path):
    other = tmp_path / "other.yml"
    other.write_text("all: {hosts: {there: {ansible_connection: local}}}")
    run("scan", INVENTORY, "--save")
    run("scan", other, "--save")
    run("scan", INVENTORY, "--save", "--limit", "here")
    scans = json.loads(run("history", "list", "-f", "json")[1])["scans"]
    assert change_against(run, "last")[0] == scans[2]["id"]
    assert len({scan["fleet"] for scan in scans}) == 3


def test_merge_and_check_compare_with_the_store_too(run, tmp_path):
    file = tmp_path / "scan.json"
    run("scan", INVENTORY, "--save")
    run("scan", INVENTORY, "-o", file)
    code, out, _ = run("merge", file, "--against", "last", "-f", "json")
    assert code == 0
    assert json.loads(out)["fleet"]["change"]["compared"] == 1
    code, out, _ = run("check", "--from", file, "--against", "last", "--warning", "change.alloc=~:")
    assert "Since 20" in out
    code, out, _ = run(
        *("check", "--from", file, "--against", "last", "--critical", "change.alloc=9999"),
        *("--store", tmp_path / "none.db"),
    )
    assert code == 3
    assert "no scan is saved yet" in out


def test_every_reading_is_exported(run, tmp_path):
    for _ in range(2):
        run("scan", INVENTORY, "--save")
    for name in ("all.csv", "all.ndjson", "all.parquet"):
        code, out, err = run("history", "export", "-o", tmp_path / name)
        assert (code, out, err) == (0, f"2 rows written to {tmp_path / name}.\n", "")
    lines = [json.loads(line) for line in (tmp_path / "all.ndjson").read_text().splitlines()]
    with (tmp_path / "all.csv").open() as file:
        rows = list(csv.DictReader(file))
    table = pq.read_table(tmp_path / "all.parquet").to_pylist()
    for line, row, record in zip(lines, rows, table, strict=True):
        assert {name: "" if value is None else str(value) for name, value in line.items()} == row
        at = datetime.fromisoformat(line.pop("started_at"))
        assert record.pop("started_at") == at
        assert record == line
    assert [line["host"] for line in lines] == ["here", "here"]
    code, _, err = run("history", "export", "-o", tmp_path / "all.xml")
    assert code == 2
    assert ".parquet, .csv, .ndjson" in err


def test_a_store_is_checked_and_pruned(run, database):
    run("scan", INVENTORY, "--save")
    code, out, err = run("history", "check")
    assert (code, err) == (0, "")
    assert "is whole: layout 2, wal" in out
    document = json.loads(run("history", "check", "-f", "json")[1])
    assert (document["scans"], document["hosts"], document["problems"]) == (1, 1, [])
    assert sum(document["bytes"].values()) <= database.stat().st_size
    code, out, _ = run("history", "prune", "--keep", "0d", "--dry-run")
    assert (code, out.startswith("Too old in")) == (0, True)
    code, out, _ = run("history", "prune", "--keep", "0d", "--remember")
    assert code == 0
    assert "1 scan, the details of 0 others" in out
    code, out, _ = run("history", "list")
    assert out.startswith("No scan in")
    code, _, err = run("history", "prune", "--max-size", "lots")
    assert code == 2
    assert "write it as 2GB" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("list",), 1, "there is no store at"),
        (("show", "last"), 1, "scan --save makes it"),
        (("show",), 2, "name either a scan"),
        (("show", "last", "--host", "web1"), 2, "name either a scan"),
        (("show", "--host", "web1", "--metric", "sockets"), 2, "there are alloc"),
        (("list", "--since", "10/11"), 2, "write it as 20"),
        (("list", "--store", "mysql://host/db"), 2, "expected a file"),
    ],
)
def test_what_cannot_be_shown_is_an_error_with_its_reason(run, words, code, message):
    found, out, err = run("history", *words)
    assert (found, out) == (code, "")
    assert message in err


def test_names_of_scans_that_are_none_are_errors(run):
    run("scan", INVENTORY, "--save")
    for name in ("last-7", "ffff0000", "no such thing"):
        code, _, err = run("history", "show", name)
        assert code == 2
        assert "sockfleet history list" in err


def test_a_store_that_cannot_be_written_leaves_the_result_and_a_file_to_import(run, tmp_path):
    (tmp_path / "state").write_text("a file where the folder should be")
    code, out, err = run("scan", INVENTORY, "--save", "--store", tmp_path / "state/history.db")
    assert code == 5
    assert out.startswith("HOST")
    assert "the scan is not saved" in err
    command = err.splitlines()[-1]
    assert "sockfleet history import --store" in command
    kept = Path(command.split()[-1])
    assert json.loads(kept.read_bytes())["schema"] == "sockfleet/scan/v1"
    kept.unlink()


def test_an_output_in_json_is_the_file_to_import(run, tmp_path, database):
    database.parent.mkdir(parents=True)
    sqlite3.connect(database).execute("CREATE TABLE other (x)").connection.close()
    kept = tmp_path / "scan.json"
    code, out, err = run("scan", INVENTORY, "--save", "-o", kept)
    assert (code, out) == (5, "")
    assert "a database of another program" in err
    assert err.splitlines()[-1].endswith(f"sockfleet history import {kept}")
    shutil.rmtree(database.parent)
