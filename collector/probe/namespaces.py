"""Every network namespace of a host: what `collector.probe.namespace_script` printed, as values.

The lines, in the order in which they come:

    own INODE                     the namespace of the probe itself
    denied N                      processes whose namespace could not be read
    namespace INODE PID           then its lines of sockstat and sockstat6, and
    protocols N                     the sockets of all its protocols (/proc/PID/net/protocols)
    comm NAME                       the process that it was read through
    cgroup LINE                     of that process
    gone INODE                    it ended before it could be read
    rest COUNT INUSE              further namespaces, and their sockets in use, both families
    again INODE                   then its TCP lines once more, up to three times in turn with
                                  the others; only the first time, and when they changed
    nsfs net:[N]                  a namespace that a mount keeps alive
    procfs LINE                   how /proc is mounted
    uid Uid: …                    of the probe
    … /proc/PID/ns/net -> net:[N] where the link can be read
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ...core.record import record
from ...core.text import clean
from .containers import Container, container_of
from .sockstat import Sockstat, SockstatError, sockstat_of

__all__ = ["Namespace", "NamespaceError", "Namespaces", "parse_namespaces"]

INITIAL_PID_NAMESPACE = 4026531836
"""PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h."""

_MOST_DIGITS = 20  # 2**64 - 1
_COUNTERS = frozenset({b"sockets:", b"TCP:", b"TCP6:"})
_LINK = re.compile(rb"/proc/([0-9]{1,10}|self)/ns/(net|pid) -> '?(?:net|pid):\[([0-9]{1,20})\]'?$")
_HIDEPID = re.compile(rb"\bhidepid=(?:[1-9]|noaccess|invisible|ptraceable)\b")


class NamespaceError(ValueError):
    """Lines that the namespace probe cannot have printed; the text quotes the line."""


@record
class Namespace:
    """One network namespace, read through one of its processes."""

    inode: int
    """Of its /proc/PID/net/sockstat: what tells namespaces apart without rights."""
    netns: int | None = None
    """The namespace's own number, as in ``net:[N]``; None where the link cannot be read."""
    is_host: bool = False
    """Whether it is the one that the probe itself ran in."""
    pid: int
    """The oldest process in it that could be read."""
    command: str | None = None
    """Its short name (comm), never its arguments."""
    container: Container | None = None
    inuse: int
    inuse6: int | None = None
    """None where IPv6 is off."""
    tw: int | None = None
    used: int | None = None
    """Sockets of every kind."""
    in_protocols: int | None = None
    """Sockets that any protocol has in use (/proc/PID/net/protocols); None where unreadable."""

    @property
    def tcp_close_max(self) -> int | None:
        """Its own share of the machine's closed sockets at most; None where it cannot be told.

        Every socket counts in ``used`` from its creation on, and in its protocol only while it is
        hashed, which a closed one is not. Unbound UDP sockets, and those of protocols that do not
        count (vsock), stay in, so this is a bound and not the number.
        """
        if self.used is None or self.in_protocols is None:
            return None
        return max(0, self.used - self.in_protocols)


@record
class Namespaces:
    """All that were seen, and what may have been missed."""

    seen: tuple[Namespace, ...]
    """The host's own first, then by inode; at most 300."""
    rest_namespaces: int = 0
    """Further ones, of which only the sum is known."""
    rest_inuse: int = 0
    """Sockets that those have in use, IPv4 and IPv6."""
    change: int | None = 0
    """Sockets by which each ``inuse`` changed over all reads, summed up; None: read only once."""
    allocs: tuple[int, ...] = ()
    """The machine's ``alloc`` at the reads that differ from the one before."""
    denied: int = 0
    """Processes that show in /proc and whose namespace could not be read."""
    gone: int = 0
    """Namespaces whose processes ended before they could be read."""
    unlisted: bool = False
    """Whether processes began in others after these had been listed (warm samples)."""
    unwatched: bool = False
    """Whether processes began after these had been listed and nobody knows where."""
    without_process: int = 0
    """Namespaces that a mount keeps alive and that none of the processes is known to live in."""
    hidden_processes: bool = False
    """Whether /proc hides other users' processes from the probe (hidepid)."""
    other_pid_namespace: bool = False
    """Whether the probe ran inside a container, where /proc shows the container's processes."""


@dataclass(slots=True)
class _Draft:
    inode: int
    pid: int
    rows: list[bytes] = field(default_factory=list)
    again: list[list[bytes]] = field(default_factory=list)
    protocols: int | None = None
    comm: str | None = None
    cgroup: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Answer:
    """The lines, sorted by what they speak of."""

    drafts: dict[int, _Draft] = field(default_factory=dict)
    own: int | None = None
    denied: int = 0
    gone: int = 0
    rest: tuple[int, int] = (0, 0)
    nsfs: set[int] = field(default_factory=set)
    procfs: bytes = b""
    uid: int | None = None
    netns: dict[int, int] = field(default_factory=dict)
    pid_namespace: int | None = None


def parse_namespaces(data: bytes) -> Namespaces | None:
    """Read all lines; None where there is no namespace in them: the host has no awk or xargs.

    Raises NamespaceError, quoting the line, for lines that the probe cannot have printed.
    """
    answer = _Answer()
    current: list[bytes] = []
    draft: _Draft | None = None
    for row in data.split(b"\n"):
        word, _, rest = row.partition(b" ")
        if word in _COUNTERS:
            current.append(row)
        elif word == b"namespace":
            draft = _new_draft(answer, row, rest)
            current = draft.rows
        elif word == b"again":
            draft = answer.drafts.get(_whole(rest, row))
            current = []
            if draft is not None:
                draft.again.append(current)
        elif draft is None or not _describes(draft, word, rest, row):
            _note(answer, word, rest, row)
    return _namespaces(answer) if answer.drafts else None


def _new_draft(answer: _Answer, row: bytes, rest: bytes) -> _Draft:
    inode, _, pid = rest.partition(b" ")
    draft = _Draft(_whole(inode, row), _whole(pid, row))
    if draft.inode in answer.drafts:
        raise NamespaceError(f"namespaces: {clean(row, limit=80)!r}: a second time")
    answer.drafts[draft.inode] = draft
    return draft


def _describes(draft: _Draft, word: bytes, rest: bytes, row: bytes) -> bool:
    """Whether the line is about the namespace's process; it is taken down then."""
    if word == b"cgroup":
        draft.cgroup.append(clean(rest, limit=1000))
    elif word == b"comm":
        draft.comm = clean(rest, limit=64) or None
    elif word == b"protocols":
        draft.protocols = _whole(rest, row)
    else:
        return False
    return True


def _note(answer: _Answer, word: bytes, rest: bytes, row: bytes) -> None:
    if word == b"own":
        answer.own = _whole(rest, row)
    elif word == b"denied":
        answer.denied = _whole(rest, row)
    elif word == b"procfs":
        answer.procfs = rest  # the last one mounted is the one that shows
    elif word == b"uid":
        ids = rest.split()
        answer.uid = _whole(ids[2], row) if len(ids) > 2 else None
    elif word == b"gone":
        answer.gone += 1
    elif word == b"rest":
        count, _, inuse = rest.partition(b" ")
        answer.rest = (_whole(count, row), _whole(inuse, row))
    elif word == b"nsfs":
        if rest.startswith(b"net:["):  # other kinds of namespaces are mounted too
            answer.nsfs.add(_whole(rest[5:-1], row))
    else:
        _note_link(answer, row)


def _note_link(answer: _Answer, row: bytes) -> None:
    link = _LINK.search(row)
    if link is not None and link[2] == b"pid":
        answer.pid_namespace = int(link[3])
    elif link is not None and link[1] != b"self":
        answer.netns[int(link[1])] = int(link[3])


def _namespaces(answer: _Answer) -> Namespaces:
    read = [(draft, _files(draft)) for draft in answer.drafts.values()]
    namespaces = [_namespace(draft, files[0], answer) for draft, files in read]
    seen = sorted(namespaces, key=lambda n: (not n.is_host, n.inode))
    known = {namespace.netns for namespace in seen}
    # As an ordinary user the numbers of others' namespaces are not known, so that none of the
    # mounted ones can be told to be among those that were read.
    return Namespaces(
        seen=tuple(seen),
        rest_namespaces=answer.rest[0],
        rest_inuse=answer.rest[1],
        change=sum(_change(files) for _, files in read),
        allocs=tuple(_allocs([files for _, files in read])),
        denied=answer.denied,
        gone=answer.gone,
        without_process=len(answer.nsfs - known),
        hidden_processes=answer.uid != 0 and bool(_HIDEPID.search(answer.procfs)),
        other_pid_namespace=answer.pid_namespace != INITIAL_PID_NAMESPACE,
    )


def _files(draft: _Draft) -> list[Sockstat]:
    """What was read of the namespace: first, and each time that it had changed."""
    return [_counters(draft.rows), *(_counters(rows) for rows in draft.again if rows)]


def _namespace(draft: _Draft, first: Sockstat, answer: _Answer) -> Namespace:
    inuse = first.get("TCP", "inuse")
    if inuse is None:
        raise NamespaceError(f"namespaces: {draft.inode} has no 'TCP: inuse'")
    return Namespace(
        inode=draft.inode,
        netns=answer.netns.get(draft.pid),
        is_host=draft.inode == answer.own,
        pid=draft.pid,
        command=draft.comm,
        container=container_of(draft.cgroup),
        inuse=inuse,
        inuse6=first.get("TCP6", "inuse"),
        tw=first.get("TCP", "tw"),
        used=first.get("sockets", "used"),
        in_protocols=draft.protocols,
    )


def _change(files: Sequence[Sockstat]) -> int:
    """By how much the two ``inuse`` of a namespace changed over all reads."""
    return _spread(files, "TCP") + _spread(files, "TCP6")


def _spread(files: Sequence[Sockstat], name: str) -> int:
    known = [inuse for file in files if (inuse := file.get(name, "inuse")) is not None]
    return max(known) - min(known) if known else 0


def _allocs(read: Sequence[Sequence[Sockstat]]) -> Iterator[int]:
    for file in (*(files[0] for files in read), *(file for files in read for file in files[1:])):
        alloc = file.get("TCP", "alloc")
        if alloc is not None:
            yield alloc


def _counters(rows: list[bytes]) -> Sockstat:
    try:
        return sockstat_of(rows)
    except SockstatError as error:
        raise NamespaceError(str(error)) from error


def _whole(text: bytes, row: bytes) -> int:
    if not (text.isdigit() and len(text) <= _MOST_DIGITS):
        raise NamespaceError(f"namespaces: {clean(row, limit=80)!r}: expected a number")
    return int(text)
