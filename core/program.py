"""How a user types this program, for commands that are printed to be copied."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

__all__ = ["program_words"]


def program_words() -> tuple[str, ...]:
    """The words that start this program from this folder, with the interpreter that runs it."""
    script = Path(sys.executable).with_name("sockfleet")
    if not script.is_file():
        return (sys.executable, "-m", "sockfleet.cli")
    found = shutil.which("sockfleet")
    if found is not None and os.path.realpath(found) == os.path.realpath(script):
        return ("sockfleet",)
    try:
        folder = Path.cwd()
    except FileNotFoundError:  # it was deleted: only an absolute path works
        return (str(script),)
    return (str(script.relative_to(folder) if script.is_relative_to(folder) else script),)
