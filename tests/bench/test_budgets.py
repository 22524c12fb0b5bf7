"""The line of a budget, the exit code of several, and their spread over runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import budgets
import crypto_floor
import pytest
import spread
from budget import Budget, exit_code, to_row

SCRIPT = Path(__file__).parents[2] / "bench" / "budgets.py"
HELD = Budget(name="wall", figure=11.5, limit=12, unit="s")
MISSED = Budget(name="wall", figure=12.5, limit=12, unit="s")
UNKNOWN = Budget(name="wall", figure=None, limit=12, unit="s", why_not="no such option")


def test_a_line_shows_the_figure_the_limit_and_the_verdict():
    assert str(HELD).split() == ["wall", "11.500", "budget", "12", "s", "held"]
    assert str(MISSED).split() == ["wall", "12.500", "budget", "12", "s", "MISSED"]
    assert " ".join(str(UNKNOWN).split()) == "wall - budget 12 s MISSED: no such option"


def test_a_figure_equal_to_the_limit_is_held():
    assert Budget(name="forks", figure=0, limit=0).held
    assert Budget(name="ratio", figure=0.7, limit=0.7).held


@pytest.mark.parametrize(
    ("lines", "code"),
    [([HELD], 0), ([HELD, HELD], 0), ([HELD, MISSED], 1), ([UNKNOWN], 1), ([], 1)],
)
def test_every_budget_must_be_held(lines, code):
    assert exit_code(lines) == code


def test_a_failing_section_is_a_missed_budget(tmp_path, mocker):
    mocker.patch.dict(budgets.SECTIONS, {"cold": mocker.Mock(side_effect=RuntimeError("no sshd"))})
    (line,) = budgets.measure_sections(tmp_path, ["cold"])
    assert (line.name, line.held, line.why_not) == ("cold", False, "no sshd")


def test_the_command_prints_a_line_for_each_budget_and_appends_the_run(tmp_path):
    runs = tmp_path / "runs.jsonl"
    command = [sys.executable, str(SCRIPT), "--only", "host keys", "--json", str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    load, each, last = done.stdout.splitlines()
    assert load.startswith("known_hosts, 100,000 lines: load")
    assert each.startswith("known_hosts, 100,000 lines: each")
    held = [line.endswith(" held") for line in (load, each)]
    assert last.startswith(f"{held.count(True)} held, {held.count(False)} missed; ")
    assert done.returncode == (0 if all(held) else 1)
    (run,) = spread.read_runs([runs])
    assert [row["held"] for row in run] == held
    assert load.startswith(run[0]["name"])


@pytest.mark.parametrize("processes", [1, 2])
def test_the_floor_is_measured_with_several_processes(processes):
    assert crypto_floor.floor_wall_ms(processes) > 0


def test_the_spread_covers_all_runs_of_a_budget():
    lower = Budget(name="wall", figure=10.5, limit=13, unit="s")
    runs = [[to_row(one)] for one in (HELD, MISSED, UNKNOWN, lower)]
    ((name, rows),) = spread.rows_by_name(runs).items()
    line = " ".join(spread.spread_line(name, rows).split())
    assert line == "wall 10.500 11.500 12.500 budget 13 s held in 3 of 4"  # by the newest limit


def test_a_budget_that_no_run_could_measure_has_no_spread():
    line = " ".join(spread.spread_line("wall", [to_row(UNKNOWN)]).split())
    assert line == "wall - - - budget 12 s held in 0 of 1"
