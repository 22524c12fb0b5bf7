"""The answer of the probe: what stands between the marks, file by file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from ...core.record import record
from ...core.text import clean
from ..errors import Category, HostError, Phase
from .kernel import Kernel, parse_kernel
from .labels import NAMESPACES, PROCESSES, SOCKSTAT, SOCKSTAT6
from .namespaces import NamespaceError, Namespaces, parse_namespaces
from .processes import ProcessError, Processes, parse_processes
from .sockstat import Sockstat, SockstatError, parse_sockstat

__all__ = ["ProbeAnswer", "parse_probe"]

_LABEL = re.compile(rb"(\S+) <==")  # behind "==> "


@record
class ProbeAnswer:
    """What one host's probe said."""

    sockstat: Sockstat
    sockstat6: Sockstat | None
    kernel: Kernel
    namespaces: Namespaces | None
    """None where they were not asked for, or the host has no awk to read them with."""
    processes: Processes | None
    """None where they were not asked for, or could not be listed at all."""


def parse_probe(stdout: bytes, mark: str) -> ProbeAnswer:
    """Read the probe's whole standard output.

    Raises HostError: ``no_shell`` where the begin mark is missing (something else than a POSIX
    shell ran, or a forced command), ``truncated`` where the end mark is, ``unsupported_host``
    where the host has no /proc/net/sockstat, ``parse`` where a file is not what it should be.
    """
    sections = _sections(_between_marks(stdout, mark.encode("ascii")))
    if SOCKSTAT not in sections:
        raise HostError(
            Category.UNSUPPORTED_HOST,
            Phase.PARSE,
            f"no readable {SOCKSTAT}: not Linux, or /proc is not mounted",
        )
    try:
        sockstat6 = sections.get(SOCKSTAT6)
        return ProbeAnswer(
            sockstat=parse_sockstat(sections[SOCKSTAT]),
            sockstat6=None if sockstat6 is None else parse_sockstat(sockstat6),
            kernel=parse_kernel(sections),
            namespaces=parse_namespaces(sections.get(NAMESPACES, b"")),
            processes=parse_processes(sections.get(PROCESSES, b"")),
        )
    except (SockstatError, NamespaceError, ProcessError) as error:
        raise HostError(Category.PARSE, Phase.PARSE, str(error)) from error


def _between_marks(stdout: bytes, mark: bytes) -> bytes:
    """The rows between the two, each with the newline before it."""
    text = b"\n%b\n" % stdout
    begin, end = b"\n%b begin\n" % mark, b"\n%b end\n" % mark
    at = _only(begin, text)
    if at < 0:
        seen = clean(stdout, limit=120) or "nothing"
        raise HostError(
            Category.NO_SHELL,
            Phase.PARSE,
            f"the login shell did not run the probe; it printed {seen!r}. The account needs a real "
            "login shell and no forced command",
        )
    inside = text[at + len(begin) - 1 :]
    at = _only(end, inside)
    if at < 0:
        raise HostError(
            Category.TRUNCATED, Phase.PARSE, "the probe's output ended before its end mark"
        )
    return inside[:at]


def _only(row: bytes, text: bytes) -> int:
    """Where ``row`` begins; -1 unless it is there exactly once."""
    at = text.find(row)
    return at if text.find(row, at + 1) < 0 else -1


def _sections(inside: bytes) -> Mapping[str, bytes]:
    """The rows below each label, joined again."""
    found: dict[str, bytes] = {}
    current: str | None = None
    for part in inside.split(b"\n==> "):
        first, _, rows = part.partition(b"\n")
        label = _label(first)
        if label is None:
            if current is None:
                continue
            label, rows = current, b"==> " + part
        rows = rows.strip(b"\n")  # head sets an empty line before each further label
        found[label] = found[label] + b"\n" + rows if label in found else rows
        current = label
    return found


@lru_cache(maxsize=64)
def _label(row: bytes) -> str | None:
    """The file that a row of head's is the label of; all hosts have the same."""
    label = _LABEL.fullmatch(row)
    if label is None:
        return None
    return label[1].decode("ascii", "replace").replace("/proc/self/net/", "/proc/net/")
