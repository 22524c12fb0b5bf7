"""Parse the output of the probe: the files between its two marks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ...core.lazy_pattern import lazy_pattern
from ...core.record import record
from ..errors import Category, HostError, Phase
from .explanations import (
    explain_missing_mark,
    explain_missing_namespaces,
    explain_missing_sockstat,
)
from .kernel import Kernel, parse_kernel
from .labels import NAMESPACES, PROCESSES, SOCKSTAT, SOCKSTAT6
from .namespaces import NamespaceError, Namespaces, parse_namespaces
from .processes import ProcessError, Processes, parse_processes
from .sockstat import Sockstat, SockstatError, parse_sockstat

__all__ = ["ProbeAnswer", "parse_probe"]

_LABEL = lazy_pattern(rb"(\S+) <==")  # after "==> "
_MOST_CACHED_BYTES = 128  # longer labels are not the probe's and would fill the cache


@record
class ProbeAnswer:
    """The parsed output of the probe on one host."""

    sockstat: Sockstat
    sockstat6: Sockstat | None
    kernel: Kernel
    namespaces: Namespaces | None
    """None where the probe was not to read them; `Namespaces.unread` where it could not."""
    processes: Processes | None
    """None where the probe did not list them, or could not."""


def parse_probe(stdout: bytes, mark: str, stderr: bytes = b"") -> ProbeAnswer:
    """Parse the probe's complete standard output; ``stderr`` is quoted where it explains a failure.

    Lines may end in CR LF, as a terminal between the host and the shell makes them. Raises
    HostError: ``no_shell`` without the begin mark (no POSIX shell ran the probe, or a forced
    command ran instead), ``truncated`` without the end mark, ``unsupported_host`` without
    /proc/net/sockstat, ``parse`` for a file of another format.
    """
    sections = _split_sections(_find_between_marks(stdout, mark.encode("ascii"), stderr))
    if SOCKSTAT not in sections:
        raise HostError(
            Category.UNSUPPORTED_HOST,
            Phase.PARSE,
            explain_missing_sockstat(stderr),
        )
    try:
        sockstat6 = sections.get(SOCKSTAT6)
        return ProbeAnswer(
            sockstat=parse_sockstat(sections[SOCKSTAT]),
            sockstat6=None if sockstat6 is None else parse_sockstat(sockstat6),
            kernel=parse_kernel(sections),
            namespaces=_parse_namespaces(sections.get(NAMESPACES), stderr),
            processes=parse_processes(sections.get(PROCESSES, b"")),
        )
    except (SockstatError, NamespaceError, ProcessError) as error:
        raise HostError(Category.PARSE, Phase.PARSE, str(error)) from error


def _parse_namespaces(section: bytes | None, stderr: bytes) -> Namespaces | None:
    found = None if section is None else parse_namespaces(section)
    if found is not None or section is None:
        return found
    return Namespaces(seen=(), change=None, unread=explain_missing_namespaces(stderr))


def _find_between_marks(stdout: bytes, mark: bytes, stderr: bytes) -> bytes:
    """The lines between the two marks, each with the newline before it."""
    text = b"\n%b\n" % stdout.replace(b"\r\n", b"\n")
    begin, end = b"\n%b begin\n" % mark, b"\n%b end\n" % mark
    at = _find_once(begin, text)
    if at < 0:
        raise HostError(Category.NO_SHELL, Phase.PARSE, explain_missing_mark(stdout, stderr))
    inside = text[at + len(begin) - 1 :]
    at = _find_once(end, inside)
    if at < 0:
        raise HostError(
            Category.TRUNCATED, Phase.PARSE, "the probe's output ended before its end mark"
        )
    return inside[:at]


def _find_once(row: bytes, text: bytes) -> int:
    """The index of ``row``; -1 unless it occurs exactly once."""
    at = text.find(row)
    return at if text.find(row, at + 1) < 0 else -1


def _split_sections(inside: bytes) -> Mapping[str, bytes]:
    """The content of each file by its path; a path that occurs again continues."""
    found: dict[str, list[bytes]] = {}  # joined at the end: a host may print 20,000 labels
    current: str | None = None
    for part in inside.split(b"\n==> "):
        first, _, rows = part.partition(b"\n")
        is_short = len(first) <= _MOST_CACHED_BYTES
        label = _parse_label(first) if is_short else _parse_label.__wrapped__(first)
        if label is None:
            if current is None:
                continue
            label, rows = current, b"==> " + part
        # head prints an empty line before each label but the first
        found.setdefault(label, []).append(rows.strip(b"\n"))
        current = label
    return {label: b"\n".join(parts) for label, parts in found.items()}


@lru_cache(maxsize=64)
def _parse_label(row: bytes) -> str | None:
    """The path in a label of head; None for any other line. All hosts have the same labels."""
    label = _LABEL().fullmatch(row)
    if label is None:
        return None
    return label[1].decode("ascii", "replace").replace("/proc/self/net/", "/proc/net/")
