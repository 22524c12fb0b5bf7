"""The files and commands that the page's examples use."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.docs.closed_sockets_page import WORKED, example

INVENTORY = "all: {hosts: {web1: {ansible_connection: local}}}\n"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the files that the page names, and its commands on the PATH."""
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    for name in ("sockstat", "sockstat6"):
        (tmp_path / name).write_bytes((WORKED / name).read_bytes())
    (tmp_path / "states.py").write_text(example("python", "only_made"))
    (tmp_path / "container.py").write_text(example("python", "81 live"))
    commands = tmp_path / "bin"
    commands.mkdir()
    # The page is not about sudo; where root is needed, the test runs as root.
    (commands / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
    (commands / "sudo").chmod(0o755)
    (commands / "python3").symlink_to(sys.executable)
    path = f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
