"""Parse /proc/net/sockstat and sockstat6.

Format: net/ipv4/proc.c sockstat_seq_show() and net/ipv6/proc.c sockstat6_seq_show() of the kernel:
lines of ``NAME: key value key value …``. Newer kernels may add lines and keys, which
the parser keeps. The kernel prints with ``%d`` and ``%ld``, and on some machines a value is below 0
(``mem -2``): the parser keeps that too, as one odd counter is no reason to lose a host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from ...core.lazy_pattern import lazy_pattern
from ...core.record import record
from ...core.text import clean

__all__ = ["Sockstat", "SockstatError", "parse_sockstat", "sockstat_of"]

_MAX_LINES = 256
_SOCKETS = ("sockets", "TCP", "TCP6")
_MAX_DIGITS = 20  # 2**64 - 1
_MOST_CACHED_BYTES = 128  # the longest line of today's kernels, of TCP, has at most 80

# A valid line; `_describe_problem` describes any other. \s and \w match ASCII only.
_LINE = lazy_pattern(
    rb"\s*([A-Za-z0-9]+):((?:\s+_*[A-Za-z0-9]\w*\s+-?[0-9]{1,%d})*)\s*" % _MAX_DIGITS
)


class SockstatError(ValueError):
    """Bytes that are no sockstat file; the text quotes the line and says what is wrong."""


@record
class Sockstat:
    """One sockstat or sockstat6 file.

    ``alloc``, ``orphan`` and ``mem`` of TCP belong to the whole machine, the other counters to the
    reader's network namespace (kernel net/ipv4/proc.c: proto_sockets_allocated_sum_positive()
    against sock_prot_inuse_get(net, …)).
    """

    lines: Mapping[str, Mapping[str, int]]
    """The lines by name without the colon, and in each the counters by key."""

    def get(self, name: str, key: str) -> int | None:
        """One counter; None where the file does not have it, which is not 0."""
        line = self.lines.get(name)
        return None if line is None else line.get(key)


def parse_sockstat(data: bytes) -> Sockstat:
    """Parse one complete sockstat or sockstat6 file.

    Raises SockstatError with the line's number and text for anything else: an empty file, a line
    without a name, a key without a value, a value that is not 1 to 20 ASCII digits (with or without
    a minus), a line or key twice, no line of sockets at all.
    """
    return sockstat_of(data.splitlines())


def sockstat_of(rows: Sequence[bytes]) -> Sockstat:
    """As `parse_sockstat`, from the file's lines."""
    lines: dict[str, Mapping[str, int]] = {}
    if len(rows) > _MAX_LINES:
        raise SockstatError(f"sockstat: {len(rows)} lines, expected at most {_MAX_LINES}")
    try:
        for row in rows:
            is_short = len(row) <= _MOST_CACHED_BYTES
            label, counters = _parse_line(row) if is_short else _parse_line.__wrapped__(row)
            if label in lines:
                raise ValueError("a second line of that name")
            lines[label] = counters
    except ValueError as problem:
        at = len(lines)  # one for each row before it
        raise SockstatError(
            f"sockstat line {at + 1}: {clean(rows[at], limit=80)!r}: {problem}"
        ) from None
    if lines.keys().isdisjoint(_SOCKETS):
        seen = clean(b"\n".join(rows), limit=80)
        raise SockstatError(f"sockstat: no line of sockets, TCP or TCP6 in {seen!r}")
    return Sockstat(lines=MappingProxyType(lines))


# Many hosts send the same lines ("RAW: inuse 0"), and each host sends a line up to three times (its
# file, and its namespace twice): the cache saves parsing and memory.
@lru_cache(maxsize=4096)
def _parse_line(row: bytes) -> tuple[str, Mapping[str, int]]:
    """The name and counters of a line; raises ValueError that says what is wrong with it."""
    found = _LINE().fullmatch(row)
    if found is None:
        raise ValueError(_describe_problem(row))
    words = found[2].decode("ascii").split()
    counters = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    if 2 * len(counters) != len(words):
        raise ValueError("a key twice")
    return found[1].decode("ascii"), MappingProxyType(counters)


def _describe_problem(row: bytes) -> str:
    """What is wrong with an invalid line."""
    name, *fields = row.split() or [b""]
    keys, values = fields[::2], fields[1::2]
    if not (name.endswith(b":") and name[:-1].isalnum()):
        return "expected a name and a colon"
    if len(keys) != len(values):
        return f"key {clean(keys[-1], limit=40)!r} without a value"
    for value in values:
        # bytes.isdigit() matches ASCII only; int() alone would also accept "1_000" and "+5".
        digits = value.removeprefix(b"-")
        if not (digits.isdigit() and len(digits) <= _MAX_DIGITS):
            return f"{clean(value, limit=40)!r} is not a count of 1 to {_MAX_DIGITS} digits"
    wrong = [key for key in keys if not key.replace(b"_", b"").isalnum()]
    return f"{clean(b' '.join(wrong), limit=40)!r} is not a key"
