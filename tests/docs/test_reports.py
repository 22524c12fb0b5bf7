"""docs/reports.md: its options, words and files are those of the product."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

from sockfleet.history.report.model import State
from sockfleet.history.report.scan_files import memory_folder
from sockfleet.history.store.opening import use_store
from tests.support.cli.command_line import known_options
from tests.support.history.made_report import fill_store
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/reports.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
REPORTS = [
    line
    for line in "".join(BLOCKS).splitlines()
    if line.startswith("sockfleet report") and "scan-*" not in line
]
# The made scans are of another time.
OF_NOW = ("--since 1w", "--against yesterday")


def test_every_option_exists():
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert len(named) > 12
    assert named <= known_options()


def test_every_word_of_a_report_is_explained():
    table = PAGE[PAGE.index("## The words") :]
    assert re.findall(r"^\| ([a-z-]+) \|", table, re.MULTILINE)[1:] == [
        str(state) for state in State
    ]


def test_the_reports_of_a_store_run_as_written(tmp_path):
    assert len(REPORTS) == 7
    written = tmp_path / "written"
    written.mkdir()
    inventory = written / "inventory.yml"
    inventory.write_text("all: {hosts: {web1: {rack: r1}}}\n")
    with memory_folder() as folder:
        store = folder / "history.db"
        with use_store(str(store), create=True) as opened:
            fill_store(opened, scans=8)
        for line in REPORTS:
            shown = line
            for words in OF_NOW:
                shown = shown.replace(words, "")
            ran = subprocess.run(
                [
                    *(sys.executable, "-m", "sockfleet.cli", *shlex.split(shown)[1:]),
                    *("--store", str(store), "--since", "2026-11-01"),
                ],
                cwd=written,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (ran.returncode, ran.stderr) == (0, ""), line
    inventory.unlink()
    assert {path.name for path in written.iterdir()} == {"week.html", "week.md", "mail.eml"}
