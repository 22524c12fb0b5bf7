"""Time and memory are those of the command alone, and a scan that missed a host is refused."""

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
    usage: dict[str, float] = json.loads(done.stderr.splitlines()[-1])
    return usage


def test_the_memory_of_the_parent_is_not_counted():
    large = bytearray(200 * MIB)
    assert memory_bytes("VmHWM") > len(large)
    assert run("true")["peak_mib"] < 100


def test_the_commands_memory_and_time_are_counted():
    usage = run(sys.executable, "-c", f"held = b'x' * {150 * MIB}; print('at the end')")
    assert usage["peak_mib"] > 150
    assert usage["exit_code"] == 0
    assert usage["cpu_s"] > 0


def test_the_exit_code_is_reported():
    assert run("sh", "-c", "exit 3")["exit_code"] == 3


def test_a_scan_that_reads_every_host_is_measured(target):
    usage = budgets.scan(target, target.addresses)
    assert 10 < usage.peak_mib < 1000


def test_a_scan_with_a_usage_error_is_refused(target):
    with pytest.raises(RuntimeError, match=r"sockfleet scan --workers none: 2: .*--workers"):
        budgets.scan(target, target.addresses, "--workers", "none")


def test_a_scan_that_missed_a_host_is_refused(target):
    nobody = replace(target, user="nobody-of-that-name")
    with pytest.raises(RuntimeError, match=r"sockfleet scan: \{.*'ok': 0, .*auth_denied"):
        budgets.scan(nobody, target.addresses)
