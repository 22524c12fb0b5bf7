"""The shell of a sampling connection, which `collector.sampling.shell` describes.

No process starts on a simulated host, so the shell never reports a new one.
"""

from __future__ import annotations

import re

from ..host.answer import parse_probe_command
from .host import LeanHost
from .wire import MalformedError

__all__ = ["LeanShell"]

_LOOP = "while read -r w a;"
_MOST_LINE = 64 * 1024
_OWN = 1  # the process of the host's own namespace


class LeanShell:
    """One shell: lines of commands in, its output out."""

    __slots__ = ("_host", "_listed", "_mark", "_rest", "_whole")

    def __init__(self, host: LeanHost, mark: str, *, whole: bool) -> None:
        self._host = host
        self._mark = mark
        self._whole = whole
        self._listed: list[int] = []
        self._rest = b""

    @classmethod
    def start(cls, command: str, host: LeanHost) -> LeanShell | None:
        """Start the shell of ``command``; None where it is another command."""
        if _LOOP not in command:
            return None
        probe = parse_probe_command(command)
        return None if probe is None else cls(host, probe[0], whole=probe[1])

    def feed(self, data: bytes) -> bytes:
        """Return the output for the complete lines. Raises MalformedError."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MOST_LINE:
            raise MalformedError("a line without end")
        return b"".join(map(self._answer, lines))

    def _answer(self, line: bytes) -> bytes:
        word, _, rest = line.strip().partition(b" ")
        if word == b"list":
            self._listed = [int(pid) for pid in re.findall(rb"\b[0-9]{1,10}\b", rest)]
            return b""
        if word == b"full":
            return self._host.probe_output(self._mark, namespaces=self._whole)
        parts = [self._mark, *self._host.counters.get(_OWN, ())]
        if word == b"all":
            for pid in self._listed:
                parts += [f"ns {pid}", *self._host.counters.get(pid, ())]
        return "|".join([*parts, f"{self._mark} end\n"]).encode()
