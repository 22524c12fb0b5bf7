"""Keeps bench/RESULTS.md: runs a benchmark and puts what it printed into its section.

    python bench/results.py NAME [OPTIONS]

A section is what stands between ``<!-- bench:NAME -->`` and ``<!-- /bench:NAME -->``; what stands
around it is written by hand. A benchmark without a section gets one at the end. The exit code is
the benchmark's, and its section is written all the same: a missed budget belongs there too.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def put(name: str, lines: Iterable[str], path: Path = RESULTS) -> None:
    """Replace the section ``name``. Raises ValueError where its marks are not one pair."""
    begin, end = f"<!-- bench:{name} -->\n", f"<!-- /bench:{name} -->\n"
    body = begin + "\n".join([*lines, ""]) + end
    text = path.read_text()
    marks = (text.count(begin), text.count(end))
    if marks == (0, 0):
        path.write_text(f"{text.rstrip()}\n\n## {name}\n{body}")
        return
    if marks != (1, 1) or text.index(begin) > text.index(end):
        raise ValueError(f"{path}: not one pair of {begin.strip()} and {end.strip()}")
    path.write_text(text[: text.index(begin)] + body + text[text.index(end) + len(end) :])


def command_line(name: str, options: Iterable[str]) -> str:
    """What was run and when, as the first line of a section."""
    return f"`./dev bench {shlex.join([name, *options])}`, {datetime.now(UTC):%Y-%m-%d}"


def versions() -> str:
    """What it ran on: the machine's kernel and the versions that the numbers hang on."""
    ssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr
    openssh = re.search(r"OpenSSH_(\S+?),?\s", ssh)
    found = [
        f"Linux {platform.release().split('-')[0]} with {os.cpu_count()} processors",
        f"Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in ("sockfleet", "asyncssh", "paramiko", "uvloop")),
        f"OpenSSH {openssh[1] if openssh else 'unknown'}",
    ]
    return ", ".join(found)


def main() -> int:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    name, *options = sys.argv[1:]
    script = Path(__file__).with_name(f"{name}.py")
    done = subprocess.run(
        [sys.executable, str(script), *options], stdout=subprocess.PIPE, text=True, check=False
    )
    sys.stdout.write(done.stdout)
    lines = [f"{command_line(name, options)}; {versions()}", "", "```"]
    put(name, [*lines, done.stdout.rstrip(), "```"])
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
