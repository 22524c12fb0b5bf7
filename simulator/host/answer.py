"""Answer a command on a simulated host: the probe, or a simple command such as ``cat``.

The probe's answer equals the output of its script for the host's files (`collector.probe.script`);
tests/simulator/host/test_answer.py compares it with a real shell's output.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...collector.probe.labels import NAMESPACES, PAGE_SIZE

__all__ = ["Answer", "answer", "parse_probe_command"]

_MARK = re.compile(r"m=(sockfleet-[0-9a-f]{16})\b")
_NAMESPACE_LABEL = f"==> {NAMESPACES} <=="  # in the command only where it reads namespaces
_KIB = 1024
_SHELLS = frozenset({"sh", "/bin/sh", "bash", "/bin/bash"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The output and exit status of one command."""

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
    """Answer ``command`` as a host whose only files are ``files``.

    Supported are the probe, ``cat FILE...``, ``echo``, ``true`` and these in ``sh -c '…'``; the
    answer to any other command is a shell's "not found".
    ``page_size`` is in bytes; None: the host does not print it. ``namespaces`` are the lines of
    `namespace_lines`; empty: the host has no awk to read them.
    """
    probe = parse_probe_command(command)
    if probe:
        mark, with_namespaces = probe
        section = f"{_NAMESPACE_LABEL}\n".encode() + namespaces if with_namespaces else b""
        return Answer(stdout=_make_probe_output(mark, files, page_size, section))
    try:
        words = _split_words(command)
    except ValueError as error:
        return Answer(stderr=f"sh: 1: Syntax error: {error}\n".encode(), exit_status=2)
    return _run(words, files)


def parse_probe_command(command: str) -> tuple[str, bool] | None:
    """Return the mark of a probe, and whether it reads namespaces; None: it is no probe."""
    probe = _MARK.search(command)
    return (probe[1], _NAMESPACE_LABEL in command) if probe else None


@functools.lru_cache(maxsize=256)  # thousands of hosts get the same command
def _split_words(command: str) -> tuple[str, ...]:
    words = tuple(shlex.split(command))
    if len(words) == 3 and words[0] in _SHELLS and words[1] == "-c":
        return _split_words(words[2])
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


def _make_probe_output(
    mark: str, files: Mapping[str, bytes], page_size: int | None, namespace_section: bytes
) -> bytes:
    # As `head` prints several files: an empty line before each label but the first (POSIX).
    sections = [b"==> " + path.encode() + b" <==\n" + data for path, data in files.items()]
    size = b"" if page_size is None else f"{page_size // _KIB} kB\n".encode()
    return b"".join(
        (
            f"\nlogin shell /bin/bash\n{mark} begin\n".encode(),
            b"\n".join(sections),
            f"==> {PAGE_SIZE} <==\n".encode(),
            size,
            namespace_section,
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
