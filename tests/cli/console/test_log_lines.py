"""What of the log is on stderr: with and without -v."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import logging, sys
from sockfleet.cli.console.log_lines import log_to_stderr
log_to_stderr(int(sys.argv[1]))
logging.getLogger("sockfleet.cli").warning("a warning of ours")
logging.getLogger("sockfleet.cli").info("a step of ours")
try:
    raise ValueError("unsupported hash type")
except ValueError:
    logging.exception("an error of Python's library")
"""


@pytest.mark.parametrize(
    ("verbosity", "messages"),
    [
        (0, ["cli: a warning of ours"]),
        (
            1,
            ["cli: a warning of ours", "cli: a step of ours", "root: an error of Python's library"],
        ),
    ],
)
def test_without_v_only_our_own_warnings_are_shown(verbosity, messages):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(verbosity)], capture_output=True, text=True, check=True
    )
    lines = done.stderr.splitlines()
    shown = [line for line in lines if line.startswith("sockfleet: ")]
    assert [
        line.replace("sockfleet.", "").removeprefix("sockfleet: ") for line in shown
    ] == messages
    assert any("Traceback" in line for line in lines) is (verbosity > 0)
