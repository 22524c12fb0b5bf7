"""``sockfleet`` with a controlling terminal of its own, on which a test types."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import termios
from typing import Self

from .command_process import SOCKFLEET

__all__ = ["TerminalSession"]

_LIMIT_S = 60.0


class TerminalSession:
    """One run; stdout is a pipe, stdin and stderr are the terminal."""

    def __init__(
        self,
        *words: object,
        environment: dict[str, str] | None = None,
        limit_s: float = _LIMIT_S,
    ) -> None:
        """``limit_s``: how long it may write nothing."""
        self._limit_s = limit_s
        self._leader, follower = pty.openpty()
        self._process = subprocess.Popen(
            [*SOCKFLEET, *map(str, words)],
            stdin=follower,
            stdout=subprocess.PIPE,
            stderr=follower,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(follower)
        self._output = b""
        self.seen = ""
        """What the terminal shows so far."""

    def wait_for(self, text: str, *, times: int = 1) -> None:
        """Read the terminal until it has shown the text so often."""
        while self.seen.count(text) < times:
            if not self._read():
                raise AssertionError(f"no {text!r} in {self.seen!r}")

    def type(self, text: str) -> None:
        """Type on the terminal."""
        os.write(self._leader, text.encode())

    def end(self) -> tuple[int, str]:
        """Wait until it has ended; its exit code and its standard output."""
        while self._read():
            pass
        assert self._process.stdout is not None
        self._output += self._process.stdout.read()
        return self._process.wait(_LIMIT_S), self._output.decode()

    def _read(self) -> bool:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while True:
            readable, _, _ = select.select([self._leader, pipe], [], [], self._limit_s)
            assert readable, f"nothing more after {self.seen!r}"
            if self._leader in readable:
                break
            # A pipe takes 64 KiB; a command that fills it writes no more to the terminal.
            if chunk := os.read(pipe, 65536):
                self._output += chunk
            else:
                select.select([self._leader], [], [], self._limit_s)
        try:
            chunk = os.read(self._leader, 65536)
        except OSError:  # EIO: the other side is closed
            chunk = b""
        self.seen += chunk.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        os.close(self._leader)
