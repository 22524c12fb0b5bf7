"""/proc/net/sockstat and sockstat6: bytes in, a frozen value out.

Format: net/ipv4/proc.c sockstat_seq_show() and net/ipv6/proc.c sockstat6_seq_show() of the kernel:
lines of ``NAME: key value key value …``. Newer kernels may add lines and keys; both are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from ...core.text import clean

__all__ = ["Sockstat", "SockstatError", "parse_sockstat", "sockstat_of"]

_MAX_LINES = 256
_SOCKETS = ("sockets", "TCP", "TCP6")
_MAX_DIGITS = 20  # 2**64 - 1

# A line as it should be; `_problem` says what is wrong with any other. \s and \w are ASCII alone.
_LINE = re.compile(rb"\s*([A-Za-z0-9]+):((?:\s+_*[A-Za-z0-9]\w*\s+[0-9]{1,%d})*)\s*" % _MAX_DIGITS)


class SockstatError(ValueError):
    """Bytes that are not a sockstat file; the text quotes the line and says what is wrong."""


@dataclass(frozen=True, slots=True)
class Sockstat:
    """One sockstat or sockstat6 file.

    ``alloc``, ``orphan`` and ``mem`` of TCP belong to the whole machine, the other counters to the
    reader's network namespace (kernel net/ipv4/proc.c: proto_sockets_allocated_sum_positive()
    against sock_prot_inuse_get(net, …)).
    """

    lines: Mapping[str, Mapping[str, int]]
    """Every line by its name without the colon, every key by its name."""

    def get(self, name: str, key: str) -> int | None:
        """One counter, or None where the file does not have it: absent is not zero."""
        line = self.lines.get(name)
        return None if line is None else line.get(key)


def parse_sockstat(data: bytes) -> Sockstat:
    """Read one whole sockstat or sockstat6 file.

    Raises SockstatError with the line's number and text for anything else: an empty file, a line
    without a name, a key without a value, a value that is not 1 to 20 ASCII digits, a line or key
    twice, no line of sockets at all.
    """
    return sockstat_of(data.splitlines())


def sockstat_of(rows: Sequence[bytes]) -> Sockstat:
    """As `parse_sockstat`, of the file's lines."""
    lines: dict[str, Mapping[str, int]] = {}
    if len(rows) > _MAX_LINES:
        raise SockstatError(f"sockstat: {len(rows)} lines, expected at most {_MAX_LINES}")
    try:
        for row in rows:
            label, counters = _line(row)
            if label in lines:
                raise ValueError("a second line of that name")
            lines[label] = counters
    except ValueError as problem:
        at = len(lines)  # each row before it gave a line
        raise SockstatError(
            f"sockstat line {at + 1}: {clean(rows[at], limit=80)!r}: {problem}"
        ) from None
    if lines.keys().isdisjoint(_SOCKETS):
        seen = clean(b"\n".join(rows), limit=80)
        raise SockstatError(f"sockstat: no line of sockets, TCP or TCP6 in {seen!r}")
    return Sockstat(MappingProxyType(lines))


# The same lines come from many hosts ("RAW: inuse 0"), and three times from each (its file, and its
# namespace twice): they are read once, and kept once.
@lru_cache(maxsize=4096)
def _line(row: bytes) -> tuple[str, Mapping[str, int]]:
    """A line's name and counters; raises ValueError that says what is wrong with it."""
    found = _LINE.fullmatch(row)
    if found is None:
        raise ValueError(_problem(row))
    words = found[2].decode("ascii").split()
    counters = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    if 2 * len(counters) != len(words):
        raise ValueError("a key twice")
    return found[1].decode("ascii"), MappingProxyType(counters)


def _problem(row: bytes) -> str:
    """What is wrong with a line that is not as it should be."""
    name, *fields = row.split() or [b""]
    keys, values = fields[::2], fields[1::2]
    if not (name.endswith(b":") and name[:-1].isalnum()):
        return "expected a name and a colon"
    if len(keys) != len(values):
        return f"key {clean(keys[-1], limit=40)!r} without a value"
    for value in values:
        # bytes.isdigit() is ASCII alone; int() by itself would also take "1_000" and "+5".
        if not (value.isdigit() and len(value) <= _MAX_DIGITS):
            return f"{clean(value, limit=40)!r} is not a count of 1 to {_MAX_DIGITS} digits"
    wrong = [key for key in keys if not key.replace(b"_", b"").isalnum()]
    return f"{clean(b' '.join(wrong), limit=40)!r} is not a key"
