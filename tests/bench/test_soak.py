"""Three scans of 400 hosts, a quarter of them faulty: every host counts once, and no leaks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

SCRIPT = Path(__file__).parents[2] / "bench" / "soak.py"


def test_hosts_are_scanned_three_times_without_leaks():
    command = [sys.executable, str(SCRIPT), "--hosts", "400", "--faulty", "0.25", "--scans", "3"]
    command += ["--timeout", "20", "--concurrency", "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    scans = [line.split() for line in done.stdout.splitlines()[2:]]
    # Two of the hundred faulty hosts have a fault with which a scan must still read them.
    assert [(read, failed) for _, _, read, failed, *_ in scans] == [("302", "98")] * 3
