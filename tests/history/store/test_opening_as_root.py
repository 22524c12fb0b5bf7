"""A store that root makes in the folder of a service's user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.cli.command_process import run_sockfleet

NOBODY = 65534


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "here.ini").write_text("here ansible_connection=local\n")
    path = tmp_path / "state"
    path.mkdir()
    os.chown(path, NOBODY, NOBODY)
    return path


def save(folder: Path) -> None:
    words = ["scan", folder.parent / "here.ini", "-q", "--save", "--store", folder / "history.db"]
    done = run_sockfleet(*words)
    assert done.returncode == 0, done.stderr


def test_a_run_by_root_leaves_a_store_that_the_service_s_user_can_write_to(folder: Path) -> None:
    save(folder)
    owners = {path.name: path.stat().st_uid for path in folder.iterdir()}
    assert owners.keys() >= {"history.db", "history.db-lock"}
    assert set(owners.values()) == {NOBODY}


def test_a_run_by_root_leaves_a_store_that_is_there_to_its_owner(folder: Path) -> None:
    save(folder)
    for path in folder.iterdir():
        os.chown(path, 0, 0)
    (folder / "history.db-lock").unlink()
    save(folder)
    assert (folder / "history.db").stat().st_uid == 0
    assert (folder / "history.db-lock").stat().st_uid == NOBODY
