"""``scan --save`` where the store's file system is full or read-only."""

from __future__ import annotations

import json
import shlex
import subprocess
from contextlib import suppress

import pytest
from history_crashes import small_file_system

from tests.support.cli.command_line import run_command


@pytest.fixture
def run(monkeypatch, capsysbinary, tmp_path):
    """Run a command of this machine as the only host."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {here: {ansible_connection: local}}}")

    def call(*words) -> tuple[int, str, str]:
        known = [str(inventory) if word == "here," else word for word in words]
        return run_command(*known, monkeypatch=monkeypatch, captured=capsysbinary)

    return call


def import_later(run, err: str) -> tuple[int, str, str]:
    """Run the command that the message names."""
    line = err.splitlines()[-1]
    assert line.startswith("sockfleet: save it later: sockfleet history import --store ")
    return run(*shlex.split(line)[5:])


def test_a_scan_that_a_full_disk_keeps_out_is_imported_later(run):
    with small_file_system(96 << 10) as folder:
        store = folder / "history.db"
        code, out, err = run("scan", "here,", "--save", "--store", store)
        assert code == 5
        assert out.startswith("HOST")
        assert f"the store {store}: no space is left for it" in err
        subprocess.run(["mount", "-o", "remount,size=4m", folder], check=True)
        assert import_later(run, err) == (0, "1 scan imported.\n", "")
        scans = json.loads(run("history", "list", "--store", store, "-f", "json")[1])["scans"]
        assert len(scans) == 1


def test_a_store_on_a_read_only_file_system_is_read_and_not_written(run):
    with small_file_system(4 << 20) as folder:
        store = folder / "history.db"
        assert run("scan", "here,", "--save", "--store", store)[0] == 0
        assert run("history", "prune", "--store", store)[0] == 0  # ends the log
        for name in ("history.db-wal", "history.db-shm"):
            (folder / name).unlink(missing_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        code, out, err = run("scan", "here,", "--save", "--store", store)
        assert code == 5
        assert out.startswith("HOST")
        assert "read-only" in err.lower()
        code, out, nothing = run("history", "list", "--store", store, "-f", "json")
        assert (code, nothing) == (0, "")
        assert len(json.loads(out)["scans"]) == 1
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
        assert import_later(run, err) == (0, "1 scan imported.\n", "")


def test_a_disk_that_gets_full_between_two_scans_keeps_the_first(run):
    with small_file_system(1 << 20) as folder:
        store = folder / "history.db"
        assert run("scan", "here,", "--save", "--store", store)[0] == 0
        filler = folder / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as stream:
            while stream.write(bytes(4096)):
                pass
        code, out, err = run("scan", "here,", "--save", "--store", store)
        assert code == 5
        assert out.startswith("HOST")
        assert f"the store {store}: " in err
        filler.unlink()
        assert import_later(run, err) == (0, "1 scan imported.\n", "")
        code, out, _ = run("history", "check", "--store", store)
        assert (code, "2 scans" in out) == (0, True)
