"""Run a benchmark and write its output to its section of bench/RESULTS.md.

    python bench/results.py NAME [OPTIONS]

A section lies between ``<!-- bench:NAME -->`` and ``<!-- /bench:NAME -->``; the text around it is
written by hand. A benchmark without a section gets one at the end. The exit code is that of the
benchmark, and the section is written even if a budget is missed.
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


def write_section(name: str, lines: Iterable[str], path: Path = RESULTS) -> None:
    """Replace the section ``name``. Raises ValueError unless its marks are one pair."""
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
    """Return the command and the date, the first line of a section."""
    return f"`./dev bench {shlex.join([name, *options])}`, {datetime.now(UTC):%Y-%m-%d}"


def versions() -> str:
    """Return the kernel, the processors and the versions of the programs."""
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
    write_section(name, [*lines, done.stdout.rstrip(), "```"])
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
