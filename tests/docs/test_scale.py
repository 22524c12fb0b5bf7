"""docs/scale.md: its commands run, its options exist, its figures match the measured ones."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import click
import pytest

from sockfleet.cli.main import cli
from sockfleet.collector.pacing import partition
from sockfleet.collector.ssh.routes import bastions
from sockfleet.collector.workers import outcome_tracker, supervisor
from sockfleet.scan import collect
from sockfleet.simulator.lean.process import LeanFleetProcess
from tests.support.cli.command_line import known_options
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/scale.md").read_text()
RESULTS = (ROOT / "bench/RESULTS.md").read_text()


def test_every_option_exists():
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert len(named) > 8
    assert named <= known_options()


def test_the_parts_and_their_merge_work_as_written(tmp_path):
    """The line of the first machine on each of three, then the merge."""
    scan, merge = re.findall(r"```sh\n(sockfleet .*)\n```", PAGE)
    with LeanFleetProcess(tmp_path, hosts=9) as fleet:
        known = ["--known-hosts", str(fleet.known_hosts)]
        for number in (1, 2, 3):
            line = scan.replace("1/3", f"{number}/3").replace("part1", f"part{number}")
            sockfleet([*shlex.split(line), *known], tmp_path)
    sockfleet(shlex.split(merge), tmp_path)
    document = json.loads((tmp_path / "scan.json").read_text())
    assert document["fleet"]["hosts"] == {"total": 9, "ok": 9, "failed": 0}
    assert document["fleet"]["warnings"] == []


def sockfleet(words, folder):
    command = [sys.executable, "-m", "sockfleet.cli", *words[1:]]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_limits_are_as_the_page_says():
    assert f"below {collect.FROM_HOSTS_ON:,} hosts" in PAGE
    assert f"one for each {collect.HOSTS_PER_WORKER} hosts" in PAGE
    assert f"`--timeout` and {supervisor.SILENT_S:g} s more" in PAGE
    assert f"up to {bastions.CHANNELS} channels" in PAGE
    assert outcome_tracker.ATTEMPTS == 2
    assert 15 < partition.UNIT_HOSTS <= 20
    defaults = {p.name: p.default for p in cli.get_command(click.Context(cli), "scan").params}
    assert f"{defaults['per_bastion']} hosts at once" in PAGE


ROWS = re.findall(r"^\| ([^|]+) \| ([\d.,]+) (ms|bytes|KiB) \|$", PAGE, re.MULTILINE)


def test_the_table_of_costs_is_read():
    assert len(ROWS) == 10


@pytest.mark.parametrize(("name", "figure", "unit"), ROWS)
def test_the_costs_are_those_that_were_measured(name, figure, unit):
    """Within the differences between runs, and rounding."""
    section = RESULTS.split("<!-- bench:scale -->")[1].split("<!-- /bench:scale -->")[0]
    found = re.search(rf"^  {re.escape(name)} +([\d.]+) {unit}$", section, re.MULTILINE)
    assert found is not None, name
    assert float(found[1]) == pytest.approx(float(figure.replace(",", "")), rel=0.5)
