"""A shell loop on a host that prints the counters for each line it reads.

It is one ``/bin/sh`` that uses only builtins: a sample forks no process. It opens, reads and closes
the files for each sample, as an open file below /proc/PID/net would keep its network namespace
alive after the container has ended.

The requests, a line each:

    own                 the host's own namespace
    all                 that, each listed namespace, and whether there may be others
    list PID PID …      list the namespaces of these processes, besides the host's own
    full                run the full probe (`collector.probe.script`), which finds the namespaces

The answer to ``own`` and ``all`` is one line; ``|`` separates its parts:

    MARK|sockets: used …|TCP: …|TCP6: …     of the host's own namespace
    |ns PID|sockets: …|TCP: …|TCP6: …       of each listed one; without counters: it has ended
    |new PID                                a new process that is in none of them
    |many N                                 N new processes, too many to check
    |blind                                  /proc/loadavg cannot be read
    |MARK end

How ``all`` finds new namespaces: /proc/loadavg ends with the number of the newest process
(proc_loadavg(5)). The loop compares each process that began since the list was made, or since the
sample before the last, with the listed namespaces by ``-ef``, which compares the inodes of sockstat
as `probe.namespace_script` does. It checks a process in two samples, as a container's first process
begins a moment before its namespace.

A shell's ``read`` reads one byte a system call where it cannot seek, so the loop reads no more
lines than it needs: ``TCP:`` is the second of sockstat and ``TCP6:`` the first of sockstat6.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ...core.record import record
from ...core.text import clean
from ..errors import Category, HostError, Phase
from ..probe.script import ProbeOptions, probe_script
from ..probe.sockstat import Sockstat, SockstatError, parse_sockstat, sockstat_of

__all__ = [
    "ALL",
    "FULL",
    "OWN",
    "ListedNamespace",
    "ShellSample",
    "list_request",
    "parse_sample",
    "probe_end",
    "sample_end",
    "shell_command",
    "with_terminal_end",
]

OWN = b"own\n"
ALL = b"all\n"
FULL = b"full\n"

_COUNTERS = (b"sockets:", b"TCP:", b"TCP6:")

MOST_BEGUN = 1000
"""How many new processes are checked one by one, about 5 µs each."""

# The same rules as in `collector.probe.script`: every login shell must pass this text on unchanged.
_LOOP = (
    "exec 2>/dev/null; m={mark}; n=/proc/net; [ -r $n/sockstat ] || n=/proc/self/net; "
    "h=; q=0; r=0; "
    "t() {{ while read -r l; do case $l in "
    'sockets:*) o="$o|$l";; TCP:*|TCP6:*) o="$o|$l"; break;; esac; done <$1; }}; '
    "k() {{ [ /proc/$1/net/sockstat -ef $n/sockstat ] && return 0; "
    "for j in $h; do [ /proc/$1/net/sockstat -ef /proc/$j/net/sockstat ] && return 0; done; "
    "return 1; }}; "
    'c() {{ p=; read -r l l l l p </proc/loadavg; [ "$p" ] || {{ o="$o|blind"; return; }}; '
    "[ $p = $q ] && [ $q = $r ] && return; i=$((p - r)); "
    'if [ $i -lt 0 ] || [ $i -gt {most} ]; then o="$o|many $i"; '
    "else i=$r; while [ $i -lt $p ]; do i=$((i + 1)); "
    "[ -e /proc/$i/net/sockstat ] || continue; "
    'k $i || {{ o="$o|new $i"; break; }}; done; fi; r=$q; q=$p; }}; '
    "while read -r w a; do o=$m; case $w in "
    "list) h=$a; continue;; "
    "full) read -r l l l l q </proc/loadavg; r=$q; {{ {probe}; }} </dev/null; continue;; "
    "esac; t $n/sockstat; t $n/sockstat6; "
    'if [ $w = all ]; then for j in $h; do o="$o|ns $j"; '
    "t /proc/$j/net/sockstat; t /proc/$j/net/sockstat6; done; c; fi; "
    'echo "$o|$m end"; done'
)


def shell_command(mark: str, options: ProbeOptions) -> str:
    """The command for the login shell that starts the loop; ``options`` are those of ``full``."""
    loop = _LOOP.format(mark=mark, most=MOST_BEGUN, probe=probe_script(mark, options))
    return f"exec /bin/sh -c '{loop}'"


def list_request(pids: Iterable[int]) -> bytes:
    """The request that lists the namespaces of these processes."""
    return b"list %b\n" % b" ".join(b"%d" % pid for pid in pids)


@lru_cache(maxsize=16)
def sample_end(mark: str) -> bytes:
    """The end of the answer to `OWN` and `ALL`."""
    return b"|%b end\n" % mark.encode("ascii")


def probe_end(mark: str) -> bytes:
    """The end of the answer to `FULL`."""
    return b"\n%b end\n" % mark.encode("ascii")


def with_terminal_end(end: bytes) -> tuple[bytes, bytes]:
    """An end of an answer, and the same as a terminal between the host and the shell makes it."""
    return end, end[:-1] + b"\r\n"


@record
class ListedNamespace:
    """A namespace, read through one of its processes."""

    sockstat: Sockstat
    """Only the lines of all sockets and of TCP, here and below."""
    sockstat6: Sockstat | None


@record
class ShellSample:
    """One answer to `OWN` or `ALL`."""

    sockstat: Sockstat
    sockstat6: Sockstat | None
    """None where IPv6 is off."""
    listed: dict[int, ListedNamespace | None]
    """By the process through which each is read; None: it has ended."""
    unlisted_pid: int | None = None
    """A new process that is in none of the listed namespaces."""
    unchecked: int | None = None
    """How many new processes were not checked, negative where the numbers started over; None: all
    were checked."""
    cannot_check: bool = False
    """Whether new processes cannot be found, as /proc/loadavg is unreadable."""


def parse_sample(data: bytes, mark: str) -> ShellSample:
    """Parse the answer to one request; ignore what precedes the mark.

    Lines may end in CR LF, as a terminal between the host and the shell makes them. Raises
    HostError ``parse``.
    """
    if data.endswith(b"\r\n"):
        data = data.replace(b"\r\n", b"\n")
    end = -len(sample_end(mark))
    line = data[data.rfind(mark.encode("ascii"), 0, end) : end]
    parts = line.split(b"|")[1:]
    is_one_line = b"\n" not in line and b"\r" not in line
    try:
        if is_one_line and _is_usual(parts):  # of a host without containers
            sockstat, sockstat6 = sockstat_of(parts[:2]), sockstat_of(parts[2:])
            return ShellSample(sockstat=sockstat, sockstat6=sockstat6, listed={})
        return _parse_parts(parts, is_one_line=is_one_line)
    except (SockstatError, ValueError, IndexError) as error:
        seen = clean(b"|".join(parts), limit=120)
        text = f"the shell on the host answered {seen!r}: {error}"
        raise HostError(Category.PARSE, Phase.PARSE, text) from error


def _parse_parts(parts: list[bytes], *, is_one_line: bool) -> ShellSample:
    unlisted_pid = unchecked = None
    cannot_check = False
    sections: list[tuple[int, list[bytes]]] = [(0, [])]
    for part in parts:
        if part.startswith(_COUNTERS):
            sections[-1][1].append(part)
            continue
        word, _, rest = part.partition(b" ")
        if word == b"ns":
            sections.append((_parse_count(rest), []))
        elif word == b"new":
            unlisted_pid = _parse_count(rest)
        elif word == b"many":
            unchecked = _parse_count(rest.removeprefix(b"-")) * (-1 if rest.startswith(b"-") else 1)
        elif word == b"blind":
            cannot_check = True
        else:
            sections[-1][1].append(part)
    own = _parse_counters(sections[0][1], is_one_line=is_one_line)
    if own is None:
        raise ValueError("no counters of TCP in it")
    return ShellSample(
        sockstat=own.sockstat,
        sockstat6=own.sockstat6,
        listed={pid: _parse_counters(rows, is_one_line=is_one_line) for pid, rows in sections[1:]},
        unlisted_pid=unlisted_pid,
        unchecked=unchecked,
        cannot_check=cannot_check,
    )


def _parse_counters(rows: list[bytes], *, is_one_line: bool) -> ListedNamespace | None:
    if is_one_line and _is_usual(rows):
        return ListedNamespace(sockstat=sockstat_of(rows[:2]), sockstat6=sockstat_of(rows[2:]))
    tcp6 = [row for row in rows if row.startswith(b"TCP6:")]
    others = [row for row in rows if not row.startswith(b"TCP6:")]
    if not others:
        return None
    return ListedNamespace(
        sockstat=parse_sockstat(b"\n".join(others)),
        sockstat6=parse_sockstat(tcp6[0]) if tcp6 else None,
    )


def _is_usual(rows: list[bytes]) -> bool:
    """Whether these are the lines of all sockets, TCP and TCP6."""
    if len(rows) != len(_COUNTERS):
        return False
    sockets, tcp, tcp6 = rows
    return sockets.startswith(b"sockets:") and tcp.startswith(b"TCP:") and tcp6.startswith(b"TCP6:")


def _parse_count(word: bytes) -> int:
    if not (word.isdigit() and len(word) <= 10):
        raise ValueError(f"{clean(word, limit=40)!r} is not a process")
    return int(word)
