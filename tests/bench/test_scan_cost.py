"""The benchmark still runs: every client reads every host."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "bench" / "scan_cost.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--quick", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_quick_round_names_every_client():
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    names = [line[:20].strip() for line in done.stdout.splitlines()[2:]]
    assert names == [
        "crypto floor",
        "sockfleet",
        "sockfleet, paramiko",
        "asyncssh",
        "paramiko",
        "ssh",
    ]


def test_a_client_that_fails_ends_the_run():
    done = run("--kex", "diffie-hellman-group1-sha1")
    assert done.returncode == 1
    assert "hosts failed" in done.stderr or "did not come through" in done.stderr
