"""An interactive shell in a pseudo-terminal, where lines are typed and completed by TAB."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

__all__ = ["TypingShell", "make_program"]


def make_program(folder: Path) -> Path:
    """Make ``sockfleet`` in a folder of commands; return the file that it writes its words to.

    It answers completions as the real one does, and runs nothing else.
    """
    written = folder / "words"
    program = folder / "bin/sockfleet"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f'[ -z "$_SOCKFLEET_COMPLETE" ] || exec {sys.executable} -m sockfleet.cli "$@"\n'
        f'printf "%s\\n" "$@" > {written}.new; mv {written}.new {written}\n'
    )
    program.chmod(0o755)
    return written


class TypingShell:
    """A shell to which a test types."""

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        self._controller, terminal = os.openpty()
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        self._shell = subprocess.Popen(
            command,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=folder,
            env={**os.environ, "PATH": path, "TERM": "xterm", "HOME": str(folder), **environment},
            start_new_session=True,
        )
        os.close(terminal)
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._shell.kill()
        self._shell.wait()
        os.close(self._controller)

    def type(self, text: str) -> None:
        """Send keys."""
        os.write(self._controller, text.encode())

    def wait_for_file(self, path: Path) -> str:
        """Read what the shell shows until a file is there; return and remove the file."""
        end = time.monotonic() + 60  # a shell that hangs fails the test, with what it showed
        while not path.exists():
            assert time.monotonic() < end, self.shown
            if select.select([self._controller], [], [], 0.05)[0]:
                self.shown += os.read(self._controller, 65536).decode(errors="replace")
        text = path.read_text()
        path.unlink()
        return text
