"""docs/numbers.md and docs/closed-sockets.md, and their examples, for the tests that run them."""

from __future__ import annotations

import re
import signal
import subprocess

from ..paths import ROOT, WORKED

__all__ = ["PAGE", "SHELL", "WORKED", "example", "shell"]

PAGE = "\n".join((ROOT / "docs" / name).read_text() for name in ("numbers.md", "closed-sockets.md"))
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SHELL = [text for kind, text in BLOCKS if kind == "sh"]


def example(language: str, *words: str) -> str:
    """Return the one block of that language that contains all the words."""
    (found,) = [text for kind, text in BLOCKS if kind == language and all(w in text for w in words)]
    return found


def shell(text: str) -> str:
    """Run the block and return its output; every command must succeed, or be ended by ``head``."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 128 + signal.SIGPIPE), done.stderr
    return done.stdout
