"""A shell that stays on a host and prints the counters for each line that it is sent.

One ``/bin/sh`` of builtins alone: a sample forks nothing and leaves no file open between samples.
An open file of a namespace's /proc/PID/net would keep that namespace alive after its container has
ended, so each file is opened, read and closed again.

What it is sent, a line each:

    own                 the host's own namespace
    all                 the same, each listed namespace, and whether there may be others
    list PID PID …      read these processes' namespaces from now on beside the host's own
    full                run the whole probe (`collector.probe.script`), which finds the namespaces

The answer to ``own`` and ``all`` is one line, its parts separated by bars:

    MARK|sockets: used …|TCP: …|TCP6: …     of the host's own namespace
    |ns PID|sockets: …|TCP: …|TCP6: …       of each listed one; none of these lines: it is gone
    |new PID                                a process that began since lives in none of them
    |many N                                 so many processes began that they were not looked at
    |blind                                  /proc/loadavg cannot be read
    |MARK end

How ``all`` knows of namespaces that began since: /proc/loadavg ends with the number of the newest
process (proc_pid_loadavg(5)). Each one that began since the list was made, or since the sample
before the last, is held against the listed namespaces by ``-ef``, which compares the inodes of
sockstat as `probe.namespace_script` does. It is looked at in two samples, as a container's
first process is made a moment before its namespace.

A shell's ``read`` takes one byte a system call where it cannot seek, so no more lines are read
than are needed: ``TCP:`` is the second of sockstat and ``TCP6:`` the first of sockstat6.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...core.record import record
from ...core.text import clean
from ..errors import Category, HostError, Phase
from ..probe.script import ProbeOptions, probe_script
from ..probe.sockstat import Sockstat, SockstatError, parse_sockstat

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
]

OWN = b"own\n"
ALL = b"all\n"
FULL = b"full\n"

MOST_BEGUN = 1000
"""Processes that are looked at one by one, some 5 µs each."""

# The rules of `collector.probe.script` for a text that every login shell hands on hold here too.
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
    """What starts it: a command for the host's login shell. ``options`` are those of ``full``."""
    loop = _LOOP.format(mark=mark, most=MOST_BEGUN, probe=probe_script(mark, options))
    return f"exec /bin/sh -c '{loop}'"


def list_request(pids: Iterable[int]) -> bytes:
    """Read the namespaces of these processes from now on."""
    return b"list %b\n" % b" ".join(b"%d" % pid for pid in pids)


def sample_end(mark: str) -> bytes:
    """What ends the answer to `OWN` and `ALL`."""
    return b"|%b end\n" % mark.encode("ascii")


def probe_end(mark: str) -> bytes:
    """What ends the answer to `FULL`."""
    return b"\n%b end\n" % mark.encode("ascii")


@record
class ListedNamespace:
    """A namespace as it was read through one process."""

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
    """By the process; None where it is gone."""
    stranger: int | None = None
    """A process that lives in none of the listed namespaces."""
    unseen: int | None = None
    """How many processes began without being looked at, negative where their numbers began
    anew; None: none."""
    blind: bool = False
    """Whether nobody can tell what processes began."""


def parse_sample(data: bytes, mark: str) -> ShellSample:
    """Read what the shell printed for one sample, whatever stands before the mark.

    Raises HostError ``parse``.
    """
    begin = data.rfind(mark.encode("ascii"), 0, -len(sample_end(mark)))
    parts = data[begin : -len(sample_end(mark))].split(b"|")[1:]
    try:
        return _sample(parts)
    except (SockstatError, ValueError, IndexError) as error:
        seen = clean(b"|".join(parts), limit=120)
        text = f"the shell on the host answered {seen!r}: {error}"
        raise HostError(Category.PARSE, Phase.PARSE, text) from error


def _sample(parts: list[bytes]) -> ShellSample:
    stranger = unseen = None
    blind = False
    sections: list[tuple[int, list[bytes]]] = [(0, [])]
    for part in parts:
        word, _, rest = part.partition(b" ")
        if word == b"ns":
            sections.append((_whole(rest), []))
        elif word == b"new":
            stranger = _whole(rest)
        elif word == b"many":
            unseen = _whole(rest.removeprefix(b"-")) * (-1 if rest.startswith(b"-") else 1)
        elif word == b"blind":
            blind = True
        else:
            sections[-1][1].append(part)
    own = _files(sections[0][1])
    if own is None:
        raise ValueError("no counters of TCP in it")
    return ShellSample(
        sockstat=own.sockstat,
        sockstat6=own.sockstat6,
        listed={pid: _files(rows) for pid, rows in sections[1:]},
        stranger=stranger,
        unseen=unseen,
        blind=blind,
    )


def _files(rows: list[bytes]) -> ListedNamespace | None:
    six = [row for row in rows if row.startswith(b"TCP6:")]
    four = [row for row in rows if not row.startswith(b"TCP6:")]
    if not four:
        return None
    return ListedNamespace(
        sockstat=parse_sockstat(b"\n".join(four)),
        sockstat6=parse_sockstat(six[0]) if six else None,
    )


def _whole(word: bytes) -> int:
    if not (word.isdigit() and len(word) <= 10):
        raise ValueError(f"{clean(word, limit=40)!r} is not a process")
    return int(word)
