"""The install commands of README.md and docs/quick-start.md, by the real uv, pipx and pip.

The package is not in the index yet, so its name stands for the wheel; everything else is run as it
is printed.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.support.packaging.commands import run
from tests.support.paths import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

PAGES = ("README.md", "docs/quick-start.md")
INSTALL = re.compile(r"((?:uv tool|pipx|pip) install) sockfleet\b(?!\[)")
COMMANDS = ("uv tool install", "pipx install", "pip install")
CONSTRAINTS = str(ROOT / "ci-constraints.txt")


@pytest.fixture
def environment(tmp_path: Path, command: str) -> dict[str, str]:
    """A user with an empty home, and for pip an activated virtual environment."""
    if command == "pip install":
        venv.create(tmp_path / "venv", with_pip=True)
    scripts = sysconfig.get_path("scripts")  # uv and pipx of the tests
    path = [tmp_path / "venv/bin", tmp_path / ".local/bin", scripts, os.environ["PATH"]]
    return {
        "PATH": ":".join(map(str, path)),
        # The versions that the tests pass with, from the interpreter that runs them.
        "PIP_CONSTRAINT": CONSTRAINTS,
        "UV_CONSTRAINT": CONSTRAINTS,
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_SYSTEM_CERTS": "1",
        "PIPX_DEFAULT_PYTHON": sys.executable,
    }


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_each_installer(page):
    assert tuple(INSTALL.findall((ROOT / page).read_text())) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_installs_a_program_that_works(command, distributions, environment, tmp_path):
    (wheel,) = distributions.glob("*.whl")
    run(*shlex.split(command), wheel, cwd=tmp_path, environment=environment)
    folder = tmp_path / ("venv/bin" if command == "pip install" else ".local/bin")
    shown = run("sh", "-c", "command -v sockfleet", cwd=tmp_path, environment=environment)
    assert shown.strip() == str(folder / "sockfleet")
    explained = run("sockfleet", "explain", cwd=tmp_path, environment=environment)
    assert "tcp_close" in explained
    if command == COMMANDS[0]:
        run("sockfleet", "demo", cwd=tmp_path, environment=environment)
    # What is printed to be typed next names the program as this user types it.
    (tmp_path / "hosts").write_text("here ansible_connection=local\n")
    environment |= {"COLUMNS": "200"}
    scanned = run("sockfleet", "scan", "hosts", cwd=tmp_path, environment=environment)
    assert scanned.splitlines()[-1].strip().startswith("sockfleet ")
