"""Run the commands of a user who installs the package: without the variables of the tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["run"]


def run(*command: object, cwd: Path, environment: dict[str, str] | None = None, **options: Any):
    """Run a command in ``cwd``, its home, and return what it prints; it must succeed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_"))}
    # pip would compile all modules, Python compiles those that are imported.
    kept |= {"HOME": str(cwd), "PIP_NO_COMPILE": "1"}
    result = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=kept | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
