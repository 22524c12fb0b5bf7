"""What a budget's line says, and what all of them make of the exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import budgets
import pytest
from budget import Budget, exit_code

SCRIPT = Path(__file__).parents[2] / "bench" / "budgets.py"
HELD = Budget(name="wall", figure=11.5, limit=12, unit="s")
MISSED = Budget(name="wall", figure=12.5, limit=12, unit="s")
UNKNOWN = Budget(name="wall", figure=None, limit=12, unit="s", why_not="no such option")


def test_a_line_names_the_figure_the_budget_and_the_judgement():
    assert str(HELD).split() == ["wall", "11.500", "budget", "12", "s", "held"]
    assert str(MISSED).split() == ["wall", "12.500", "budget", "12", "s", "MISSED"]
    assert " ".join(str(UNKNOWN).split()) == "wall - budget 12 s MISSED: no such option"


def test_the_limit_itself_is_held():
    assert Budget(name="forks", figure=0, limit=0).held
    assert Budget(name="ratio", figure=0.7, limit=0.7).held


@pytest.mark.parametrize(
    ("lines", "code"),
    [([HELD], 0), ([HELD, HELD], 0), ([HELD, MISSED], 1), ([UNKNOWN], 1), ([], 1)],
)
def test_one_missed_budget_fails_the_run(lines, code):
    assert exit_code(lines) == code


def test_a_section_that_breaks_off_is_a_missed_line(tmp_path, mocker):
    mocker.patch.dict(budgets.SECTIONS, {"cold": mocker.Mock(side_effect=RuntimeError("no sshd"))})
    (line,) = budgets.measured(tmp_path, ["cold"])
    assert (line.name, line.held, line.why_not) == ("cold", False, "no sshd")


def test_the_command_prints_a_line_for_each_budget():
    command = [sys.executable, str(SCRIPT), "--only", "host keys"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    load, each, last = done.stdout.splitlines()
    assert load.startswith("known_hosts, 100,000 hashed lines: load")
    assert each.startswith("known_hosts, 100,000 hashed lines: each host")
    held = [line.endswith(" held") for line in (load, each)]
    assert last.startswith(f"{held.count(True)} held, {held.count(False)} missed; ")
    assert done.returncode == (0 if all(held) else 1)
