"""The processes that hold closed TCP sockets: what `process_script` printed, as values.

The lines, in the order in which they come:

    denied N                      processes whose descriptors could not be looked at
    partial                       only where the time or the memory was not enough for all
    tool NAME                     what told the protocols: python3, perl, getfattr or lsof; none;
                                  or - where there was nothing to ask
    process PID NAMESPACE COUNT SHARED
                                  then, of this process:
    args TEXT                       only where they were asked for
    user UID NAME                   the name where /etc/passwd has one
    comm NAME
    cgroup LINE                     two at most, none of the root group
    rest PROCESSES COUNT          those that are not described, with the fewest sockets

A socket that several processes hold counts once, for the lowest pid; SHARED is the largest number
of other processes that hold one and the same of its sockets. NAMESPACE is ``-`` where it cannot be
read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...core.record import record
from ...core.text import clean
from .containers import Container, container_of

__all__ = ["Process", "ProcessError", "Processes", "parse_processes"]

TOOLS = ("python3", "perl", "getfattr", "lsof")

_WHOLE = re.compile(r"[0-9]{1,20}")


class ProcessError(ValueError):
    """Lines that the process probe cannot have printed; the text quotes the line."""


@record
class Process:
    """One process and the TCP sockets in state TCP_CLOSE that it holds open."""

    pid: int
    command: str | None = None
    """Its short name (comm); None where it ended before it could be read."""
    arguments: str | None = None
    """Its command line, cut off after some hundred bytes; None unless it was asked for."""
    user: str | None = None
    """The name, or the number where the host's /etc/passwd has no name for it."""
    namespace: int | None = None
    """The inode of its /proc/PID/net/sockstat, as in `Namespace.inode`."""
    container: Container | None = None
    tcp_close: int
    bound: bool = False
    """Whether ``tcp_close`` is only an upper bound: the protocols could not be asked."""
    shared: int = 0
    """Of one socket, how many other processes hold it too; the largest of all of its sockets.
    Each socket counts once, for the process with the lowest pid."""


@record
class Processes:
    """All processes that hold closed TCP sockets, as far as they could be seen."""

    seen: tuple[Process, ...]
    """The one with the most sockets first, then by pid; at most 200."""
    tool: str | None = None
    """What told the protocols of the sockets; None where nothing had to be told, or could."""
    exact: bool
    """Whether the counts are exact and not upper bounds."""
    denied: int = 0
    """Processes whose descriptors the probe was not allowed to look at, kernel threads apart."""
    partial: bool = False
    """Whether the probe's time or memory ended before it had looked at all processes."""
    rest_processes: int = 0
    """Further processes that are not in ``seen``."""
    rest_tcp_close: int = 0
    """What those hold together."""

    @property
    def tcp_close(self) -> int:
        """The sockets of all processes: what is missing to the host's ``tcp_close`` is held by
        processes that could not be seen, or by none."""
        return sum(process.tcp_close for process in self.seen) + self.rest_tcp_close


@dataclass(slots=True)
class _Draft:
    pid: int
    namespace: int | None
    tcp_close: int
    shared: int
    texts: dict[str, str] = field(default_factory=dict)
    cgroup: list[str] = field(default_factory=list)

    def process(self, *, bound: bool) -> Process:
        return Process(
            pid=self.pid,
            command=self.texts.get("comm"),
            arguments=self.texts.get("args"),
            user=self.texts.get("user"),
            namespace=self.namespace,
            container=container_of(self.cgroup),
            tcp_close=self.tcp_close,
            bound=bound,
            shared=self.shared,
        )


@dataclass(slots=True)
class _Answer:
    """The lines, sorted by what they speak of."""

    drafts: dict[int, _Draft] = field(default_factory=dict)
    denied: int | None = None
    tool: str | None = None
    partial: bool = False
    rest: tuple[int, int] | None = None


def parse_processes(data: bytes) -> Processes | None:
    """Read all lines; None where there are none: the host has no awk, xargs or /proc/PID/net/tcp.

    Raises ProcessError, quoting the line, for lines that the probe cannot have printed.
    """
    rows = [raw.decode("utf-8", "replace") for raw in data.split(b"\n") if raw.strip()]
    if not rows:
        return None
    answer = _Answer()
    draft: _Draft | None = None
    for row in rows:
        word, _, rest = row.partition(" ")
        if word == "process":
            draft = _new_draft(answer, row, rest)
        elif draft is not None and word in ("args", "user", "comm", "cgroup"):
            _describe(draft, word, rest, row)
        else:
            _note(answer, word, rest, row)
    return _processes(answer)


def _new_draft(answer: _Answer, row: str, rest: str) -> _Draft:
    words = rest.split(" ")
    if len(words) != 4:
        raise _error(row, "expected a pid, a namespace and two counts")
    pid, count, shared = (_whole(words[n], row) for n in (0, 2, 3))
    if pid in answer.drafts:
        raise _error(row, "a second time")
    namespace = None if words[1] == "-" else _whole(words[1], row)
    draft = answer.drafts[pid] = _Draft(pid, namespace, count, shared)
    return draft


def _describe(draft: _Draft, word: str, rest: str, row: str) -> None:
    if word == "cgroup":
        draft.cgroup.append(clean(rest, limit=1000))
        return
    if word in draft.texts:
        raise _error(row, f"a second {word} of process {draft.pid}")
    if word == "user":
        uid, _, name = rest.partition(" ")
        draft.texts[word] = clean(name, limit=64) or str(_whole(uid, row))
    else:
        text = clean(rest, limit=64 if word == "comm" else 400)
        if text:
            draft.texts[word] = text


def _note(answer: _Answer, word: str, rest: str, row: str) -> None:
    if word == "denied" and answer.denied is None:
        answer.denied = _whole(rest, row)
    elif row == "partial":
        answer.partial = True
    elif word == "tool" and answer.tool is None and rest in (*TOOLS, "none", "-"):
        answer.tool = rest
    elif word == "rest" and answer.rest is None:
        processes, _, count = rest.partition(" ")
        answer.rest = _whole(processes, row), _whole(count, row)
    else:
        raise _error(row, "not a line of the process probe, or out of its place")


def _processes(answer: _Answer) -> Processes:
    if answer.denied is None or answer.tool is None:
        missing = "denied" if answer.denied is None else "tool"
        raise ProcessError(f"processes: no line that begins with {missing!r}")
    exact = answer.tool != "none"
    seen = [draft.process(bound=not exact) for draft in answer.drafts.values()]
    rest_processes, rest_tcp_close = answer.rest or (0, 0)
    return Processes(
        seen=tuple(sorted(seen, key=lambda process: (-process.tcp_close, process.pid))),
        tool=answer.tool if answer.tool in TOOLS else None,
        exact=exact,
        denied=answer.denied,
        partial=answer.partial,
        rest_processes=rest_processes,
        rest_tcp_close=rest_tcp_close,
    )


def _whole(text: str, row: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _error(row, "expected a number")
    return int(text)


def _error(row: str, problem: str) -> ProcessError:
    return ProcessError(f"processes: {clean(row, limit=80)!r}: {problem}")
