"""What a simulated host prints for a command: the probe's answer, or that of a plain ``cat``.

The probe's answer is what its script would print for the host's files (`collector.probe.script`);
tests/simulator/host/test_answer.py holds it against the real shell's output.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...collector.probe.labels import NAMESPACES, PAGE_SIZE

__all__ = ["Answer", "answer", "probe_asked"]

_MARK = re.compile(r"m=(sockfleet-[0-9a-f]{16})\b")
_NAMESPACE_LABEL = f"==> {NAMESPACES} <=="  # not in the command: nobody asks for them
_KIB = 1024
_SHELLS = frozenset({"sh", "/bin/sh", "bash", "/bin/bash"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One command's whole output."""

    stdout: bytes = b""
    stderr: bytes = b""
    exit_status: int = 0


def answer(
    command: str,
    files: Mapping[str, bytes],
    *,
    page_size: int | None = None,
    namespaces: bytes = b"",
) -> Answer:
    """Answer ``command`` as a host would whose only files are ``files``.

    The probe, ``cat FILE...``, ``echo``, ``true`` and these in ``sh -c '…'`` are known; for the
    rest the answer is a shell's "not found".
    ``page_size`` is in bytes; None: the host does not tell it. ``namespaces`` are the lines of
    `namespace_lines`; empty: the host has no awk to read them with.
    """
    probe = probe_asked(command)
    if probe:
        mark, asked = probe
        more = f"{_NAMESPACE_LABEL}\n".encode() + namespaces if asked else b""
        return Answer(stdout=_probe_output(mark, files, page_size, more))
    try:
        words = _words(command)
    except ValueError as error:
        return Answer(stderr=f"sh: 1: Syntax error: {error}\n".encode(), exit_status=2)
    return _run(words, files)


def probe_asked(command: str) -> tuple[str, bool] | None:
    """The mark of the probe in ``command`` and whether it asks for namespaces; None: no probe."""
    probe = _MARK.search(command)
    return (probe[1], _NAMESPACE_LABEL in command) if probe else None


@functools.lru_cache(maxsize=256)  # thousands of hosts are asked the same
def _words(command: str) -> tuple[str, ...]:
    words = tuple(shlex.split(command))
    if len(words) == 3 and words[0] in _SHELLS and words[1] == "-c":
        return _words(words[2])
    return words


def _run(words: tuple[str, ...], files: Mapping[str, bytes]) -> Answer:
    program = words[0] if words else ""
    if program in {"cat", "/bin/cat", "/usr/bin/cat"}:
        return _cat(words[1:], files)
    if program == "echo":
        return Answer(stdout=" ".join(words[1:]).encode() + b"\n")
    if program in {"true", ":"}:
        return Answer()
    return Answer(stderr=f"sh: 1: {program}: not found\n".encode(), exit_status=127)


def _probe_output(
    mark: str, files: Mapping[str, bytes], page_size: int | None, more: bytes
) -> bytes:
    # One head over several files: an empty line before each label but the first (POSIX head).
    sections = [b"==> " + path.encode() + b" <==\n" + data for path, data in files.items()]
    size = b"" if page_size is None else f"{page_size // _KIB} kB\n".encode()
    return b"".join(
        (
            f"\n{mark} begin\n".encode(),
            b"\n".join(sections),
            f"==> {PAGE_SIZE} <==\n".encode(),
            size,
            more,
            f"{mark} end\n".encode(),
        )
    )


def _cat(paths: Sequence[str], files: Mapping[str, bytes]) -> Answer:
    missing = [path for path in paths if path not in files]
    return Answer(
        stdout=b"".join(files[path] for path in paths if path in files),
        stderr="".join(f"cat: {path}: No such file or directory\n" for path in missing).encode(),
        exit_status=1 if missing else 0,
    )
