"""A real terminal emulator, tmux, with a shell in it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Self

__all__ = ["Terminal"]

_PROMPT = re.compile(r"^\[([0-9]+):([0-9]+)\]\$", re.MULTILINE)
"""The number of the command that is typed there, and the exit code of the one before it."""
_NUMBERS = count()


class Terminal:
    """A context manager: one window of a tmux server of its own, which runs bash in ``folder``."""

    def __init__(self, folder: Path, columns: int = 80, lines: int = 24, **environment: str):
        self._folder = folder
        self._size = (columns, lines)
        # Of its own: a server that was killed a moment ago still holds its socket.
        self._socket = folder / f"tmux{next(_NUMBERS)}"
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "PS1": r"[\#:$?]$ ",
            **environment,
        }

    def __enter__(self) -> Self:
        columns, lines = map(str, self._size)
        # Without -f it would read the configuration of the user who runs the tests.
        start = (
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            columns,
            "-y",
            lines,
            "bash",
            "--norc",
        )
        self.tmux(*start, ";", "set", "status", "off", ";", "set", "-g", "history-limit", "5000")
        self.wait_until(lambda: _PROMPT.search(self.screen()) is not None, "prompt")
        return self

    def __exit__(self, *exc: object) -> None:
        subprocess.run(self._words("kill-server"), check=False, capture_output=True)

    def tmux(self, *words: str) -> str:
        """Run a command of tmux and return what it prints."""
        options: dict[str, Any] = {"env": self._environment, "cwd": self._folder}
        done = subprocess.run(
            self._words(*words), check=True, capture_output=True, text=True, **options
        )
        return done.stdout

    def type(self, line: str, *, enter: bool = True) -> None:
        """Type a line, and Enter."""
        self.tmux("send-keys", "-l", line)
        if enter:
            self.tmux("send-keys", "Enter")

    def press(self, key: str) -> None:
        """Press one key by tmux's name of it: ``C-c``."""
        self.tmux("send-keys", key)

    def run(self, line: str) -> int:
        """Run a shell command on a clear screen; return its exit code."""
        number = self._last_prompt()[0]
        self.type(f"clear; {line}")
        return self.wait_for_exit(number)

    def wait_for_exit(self, number: int = 1) -> int:
        """Wait for the prompt after the command of this number; return its exit code."""
        self.wait_until(lambda: self._last_prompt()[0] > number, "next prompt")
        return self._last_prompt()[1]

    def _last_prompt(self) -> tuple[int, int]:
        found = _PROMPT.findall(self.screen())
        return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)

    def screen(self, *, colours: bool = False) -> str:
        """What the screen shows now."""
        return self.tmux("capture-pane", "-p", *(["-e"] if colours else []))

    def scrollback(self) -> str:
        """What has left the screen at its top."""
        return self.tmux("capture-pane", "-p", "-S", "-", "-E", "-1")

    def joined(self) -> str:
        """The screen with lines that are wrapped joined again, as a mouse copies them."""
        return self.tmux("capture-pane", "-p", "-J")

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size."""
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def shows(self, name: str) -> str:
        """A variable of tmux: ``alternate_on``, ``cursor_flag``, ``history_size``, ``pane_pid``."""
        return self.tmux("display-message", "-p", f"#{{{name}}}").strip()

    def wait_for(self, *texts: str) -> str:
        """Wait until the screen has one of these texts; return the screen."""
        self.wait_until(lambda: any(text in self.screen() for text in texts), shlex.join(texts))
        return self.screen()

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds; ``what`` names it where it never does."""
        end = time.monotonic() + 60
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(f"no {what} on the screen:\n{self.screen()}")
            time.sleep(0.05)

    def _words(self, *words: str) -> list[str]:
        return ["tmux", "-S", str(self._socket), *words]
