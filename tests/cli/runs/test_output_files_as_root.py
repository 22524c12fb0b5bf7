"""``-o`` onto files of another user in a folder like /tmp, with the real owners."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.cli.command_process import run_sockfleet

NOBODY = 65534


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder like /tmp, and an inventory of this machine beside it."""
    (tmp_path / "here.ini").write_text("here ansible_connection=local\n")
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def test_another_users_file_does_not_get_the_results(shared, tmp_path):
    theirs = shared / "out.json"
    theirs.write_text("theirs")
    os.chown(theirs, NOBODY, NOBODY)
    theirs.chmod(0o666)
    result = run_sockfleet("scan", tmp_path / "here.ini", "-o", theirs)
    assert result.returncode == 2
    assert f"{theirs} is another user's file in a folder of everybody" in result.stderr
    assert theirs.read_text() == "theirs"


def test_another_users_fifo_is_not_waited_for(shared, tmp_path):
    theirs = shared / "out.json"
    os.mkfifo(theirs, 0o666)
    os.chown(theirs, NOBODY, NOBODY)
    result = run_sockfleet("scan", tmp_path / "here.ini", "-o", theirs)
    assert result.returncode == 2
    assert "is another user's FIFO" in result.stderr


def test_a_fifo_that_another_user_puts_there_during_the_scan_is_not_waited_for(shared, tmp_path):
    theirs = shared / "out.json"
    script = tmp_path / "inventory.sh"
    script.write_text(
        f"#!/bin/sh\nmkfifo -m 666 {theirs}\nchown {NOBODY} {theirs}\n"
        'echo \'{"_meta": {"hostvars": {"here": {"ansible_connection": "local"}}}, '
        '"all": {"hosts": ["here"]}}\'\n'
    )
    script.chmod(0o755)
    result = run_sockfleet("scan", script, "-o", theirs)
    assert result.returncode == 5
    assert "it is another user's FIFO in a folder of everybody" in result.stderr


def test_the_owner_of_the_folder_may_have_made_the_file(shared, tmp_path):
    os.chown(shared, NOBODY, NOBODY)
    theirs = shared / "out.json"
    theirs.write_text("old")
    os.chown(theirs, NOBODY, NOBODY)
    assert run_sockfleet("scan", tmp_path / "here.ini", "-o", theirs).returncode == 0
    assert theirs.stat().st_uid == NOBODY
    assert subprocess.run(["grep", "-q", "tcp_close", theirs], check=False).returncode == 0
