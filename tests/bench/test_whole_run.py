"""A command's time and memory are its own, and a scan that missed a host is no measurement."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import budgets
import pytest
from fleet_target import Target
from fleets import simulated
from memory_use import MIB, memory_bytes

SCRIPT = Path(__file__).parents[2] / "bench" / "whole_run.py"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with simulated(tmp_path_factory.mktemp("fleet"), 5) as (target, _):
        yield target


def run(*command: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *command], capture_output=True, text=True, check=True
    )
    told: dict[str, float] = json.loads(done.stderr.splitlines()[-1])
    return told


def test_a_large_parent_does_not_show_in_the_command():
    large = bytearray(200 * MIB)
    assert memory_bytes("VmHWM") > len(large)
    assert run("true")["peak_mib"] < 100


def test_what_the_command_uses_shows():
    told = run(sys.executable, "-c", f"held = b'x' * {150 * MIB}; print('at the end')")
    assert told["peak_mib"] > 150
    assert told["exit_code"] == 0
    assert told["cpu_s"] > 0


def test_the_exit_code_is_told():
    assert run("sh", "-c", "exit 3")["exit_code"] == 3


def test_a_scan_is_measured_once_every_host_was_read(target):
    ran = budgets.scan(target, target.addresses)
    assert 10 < ran.peak_mib < 1000


def test_a_scan_that_could_not_begin_is_refused(target):
    with pytest.raises(RuntimeError, match=r"sockfleet scan --workers none: 2: .*--workers"):
        budgets.scan(target, target.addresses, "--workers", "none")


def test_a_scan_that_missed_a_host_is_refused(target):
    nobody = replace(target, user="nobody-of-that-name")
    with pytest.raises(RuntimeError, match=r"sockfleet scan: \{.*'ok': 0, .*auth_denied"):
        budgets.scan(nobody, target.addresses)
