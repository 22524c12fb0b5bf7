"""Tests with made-up inputs make up other ones in each run of CI."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from tests.support.paths import ROOT


def test_ci_makes_up_fresh_inputs():
    script = (
        "import tests.conftest; from hypothesis import settings; "
        "print(settings.get_profile('ci').derandomize, settings().derandomize)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "CI": "true"},
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.split() == ["True", "False"]


def test_no_test_repeats_its_made_up_inputs():
    fixed = re.compile(r"derandomize\s*=\s*True|^@seed\(", re.MULTILINE)
    found = [path for path in (ROOT / "tests").rglob("*.py") if fixed.search(path.read_text())]
    assert found == []
