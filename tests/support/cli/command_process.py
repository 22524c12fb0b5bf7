"""``sockfleet`` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["SOCKFLEET", "children_of", "read_terminal", "run_sockfleet", "start_on_terminal"]

SOCKFLEET = [sys.executable, "-m", "sockfleet.cli"]
"""The words that start the command with the interpreter of the tests."""


def run_sockfleet(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run ``sockfleet WORDS`` for at most 60 s; ``options`` override those of subprocess.run."""
    defaults = {"capture_output": True, "text": True, "check": False, "timeout": 60}
    return subprocess.run([*SOCKFLEET, *map(str, words)], **(defaults | options))


def start_on_terminal(terminal: int, words: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start ``sockfleet WORDS`` on this pseudo-terminal."""
    environment = {**os.environ, "TERM": "xterm"}
    # The terminal of a session of its own, as that of a shell's job.
    return subprocess.Popen(
        ["setsid", "--ctty", *SOCKFLEET, *words],
        cwd=folder,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
    )


def read_terminal(descriptor: int) -> bytes:
    """Read a pseudo-terminal until its other side is closed, then close it."""
    output = b""
    try:
        while chunk := os.read(descriptor, 65536):
            output += chunk
    except OSError:  # EIO: the other side is closed
        pass
    finally:
        os.close(descriptor)
    return output


def children_of(pid: int) -> list[int]:
    """Return the pids of a process's children now."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
