"""Parse the output of `collector.probe.namespace_script`: every network namespace of a host.

The lines, in their order:

    own INODE                     the namespace of the probe itself
    pidless LINE                  there is no /proc/self/ns/pid; the line is /proc/2/stat
    single                        there is no /proc/self/net: a kernel with one namespace
    denied N                      processes whose namespace could not be read
    namespace INODE PID           then its lines of sockstat and sockstat6, and
    protocols N                     the sockets of all its protocols (/proc/PID/net/protocols)
    comm NAME                       the process through which it was read
    cgroup LINE                     of that process
    gone INODE                    it ended before it could be read
    rest COUNT INUSE              further namespaces, and their sockets in use, both families
    again INODE                   then its TCP lines again, up to three times in turn with the
                                  others; the first time, and when they have changed
    nsfs net:[N]                  a namespace that a mount keeps alive
    procfs LINE                   how /proc is mounted
    uid Uid: …                    of the probe
    … /proc/PID/ns/net -> net:[N] where the link can be read
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field

from ...core.lazy_pattern import lazy_pattern
from ...core.record import mutable, record
from ...core.text import clean
from .containers import Container, container_of, unit_of
from .namespace_script import MAX_NAMESPACES
from .sockstat import Sockstat, SockstatError, sockstat_of

__all__ = ["Namespace", "NamespaceError", "Namespaces", "parse_namespaces"]

INITIAL_PID_NAMESPACE = 4026531836
"""PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h."""

_MOST_DIGITS = 20  # 2**64 - 1
_MOST_READS_AGAIN = 3
_COUNTERS = frozenset({b"sockets:", b"TCP:", b"TCP6:"})
_LINK = lazy_pattern(
    rb"/proc/([0-9]{1,10}|self)/ns/(net|pid) -> '?(?:net|pid):\[([0-9]{1,20})\]'?$"
)
_HIDEPID = lazy_pattern(rb"\bhidepid=(?:[1-9]|noaccess|invisible|ptraceable)\b")


class NamespaceError(ValueError):
    """Lines that the script cannot have printed; the text quotes the line."""


@record
class Namespace:
    """One network namespace, read through one of its processes."""

    inode: int
    """Of its /proc/PID/net/sockstat, which identifies a namespace without root."""
    netns: int | None = None
    """The namespace's own number, as in ``net:[N]``; None where the link cannot be read."""
    is_host: bool = False
    """Whether the probe itself ran in it."""
    pid: int
    """The oldest process in it that could be read."""
    command: str | None = None
    """The short name (comm) of that process, never its arguments."""
    container: Container | None = None
    unit: str | None = None
    """The service or scope of systemd that the process is in; None in a container and outside of a
    lasting one."""
    inuse: int
    inuse6: int | None = None
    """None where IPv6 is off."""
    tw: int | None = None
    used: int | None = None
    """Sockets of every kind; None where the line is absent."""
    in_protocols: int | None = None
    """The sum of all protocols (/proc/PID/net/protocols); None where it was not read."""

    @property
    def tcp_close_max(self) -> int | None:
        """An upper bound of its closed sockets; None where it cannot be computed.

        Every socket counts in ``used`` from its creation on, but in its protocol only while it is
        hashed, which a closed one is not. Unbound UDP sockets, and sockets of protocols that do not
        count theirs (vsock), remain in the difference.
        """
        if self.used is None or self.in_protocols is None:
            return None
        return max(0, self.used - self.in_protocols)


@record
class Namespaces:
    """All network namespaces that were read, and what may be missing."""

    seen: tuple[Namespace, ...]
    """The host's own first, then by inode; at most 300."""
    rest_namespaces: int = 0
    """Further namespaces, of which only the sum is known."""
    rest_inuse: int = 0
    """The sockets in use in these, IPv4 and IPv6."""
    change: int | None = 0
    """The sum of the changes of every ``inuse`` over all reads; None: each was read once."""
    allocs: tuple[int, ...] = ()
    """The machine's ``alloc`` at each read that differs from the one before."""
    denied: int = 0
    """Processes visible in /proc whose namespace could not be read."""
    gone: int = 0
    """Namespaces whose processes ended before the read."""
    unlisted: bool = False
    """Whether a process began in another namespace since these were listed (repeated samples)."""
    unwatched: bool = False
    """Whether processes began since these were listed that were not checked (repeated samples)."""
    without_process: int = 0
    """Namespaces that a mount keeps alive, without any known process."""
    hidden_processes: bool = False
    """Whether /proc hides other users' processes from the probe (hidepid)."""
    other_pid_namespace: bool = False
    """Whether the probe ran inside a container, where /proc shows the container's processes."""
    unknown_pid_namespace: bool = False
    """Whether it is not known if the probe ran inside a container."""
    single: bool = False
    """Whether the kernel has only one network namespace (before 2.6.25): ``seen`` is empty."""
    unread: str | None = None
    """Why none could be read, a complete phrase: ``seen`` is empty. None where some were read."""


@mutable
class _UnparsedNamespace:
    """The lines of one namespace."""

    inode: int
    pid: int
    rows: list[bytes] = field(default_factory=list)
    again: list[list[bytes]] = field(default_factory=list)
    protocols: int | None = None
    comm: str | None = None
    cgroup: list[str] = field(default_factory=list)


@mutable
class _ParsedLines:
    """All lines, by what they describe."""

    found: dict[int, _UnparsedNamespace] = field(default_factory=dict)
    own: int | None = None
    denied: int = 0
    gone: int = 0
    rest: tuple[int, int] = (0, 0)
    nsfs: set[int] = field(default_factory=set)
    procfs: bytes = b""
    uid: int | None = None
    netns: dict[int, int] = field(default_factory=dict)
    pid_namespace: int | None = None
    has_kernel_threads: bool = False
    single: bool = False


def parse_namespaces(data: bytes) -> Namespaces | None:
    """Parse all lines; None without any namespace, such as on a host without awk or xargs.

    Raises NamespaceError, which quotes the line, for lines that the script cannot have printed.
    """
    parsed = _ParsedLines()
    rows: list[bytes] = []
    current: _UnparsedNamespace | None = None
    for row in data.split(b"\n"):
        word, _, rest = row.partition(b" ")
        if word in _COUNTERS:
            rows.append(row)
        elif word == b"namespace":
            current = _add_namespace(parsed, row, rest)
            rows = current.rows
        elif word == b"again":
            current = parsed.found.get(_parse_number(rest, row))
            rows = []
            if current is not None and len(current.again) < _MOST_READS_AGAIN:
                current.again.append(rows)
        elif current is None or not _add_description(current, word, rest, row):
            _add_line(parsed, word, rest, row)
    if parsed.single and not parsed.found:
        return Namespaces(seen=(), change=None, single=True)
    return _build_namespaces(parsed) if parsed.found else None


def _add_namespace(parsed: _ParsedLines, row: bytes, rest: bytes) -> _UnparsedNamespace:
    inode, _, pid = rest.partition(b" ")
    namespace = _UnparsedNamespace(_parse_number(inode, row), _parse_number(pid, row))
    if namespace.inode in parsed.found:
        raise NamespaceError(f"namespaces: {clean(row, limit=80)!r}: a second time")
    parsed.found[namespace.inode] = namespace
    return namespace


def _add_description(namespace: _UnparsedNamespace, word: bytes, rest: bytes, row: bytes) -> bool:
    """Store a line about the namespace's process; returns False for any other line."""
    if word == b"cgroup":
        namespace.cgroup.append(clean(rest, limit=1000))
    elif word == b"comm":
        namespace.comm = clean(rest, limit=64) or None
    elif word == b"protocols":
        namespace.protocols = _parse_counter(rest, row)
    else:
        return False
    return True


def _add_line(parsed: _ParsedLines, word: bytes, rest: bytes, row: bytes) -> None:
    if not _add_kernel_line(parsed, word, rest):
        _add_count(parsed, word, rest, row)


def _add_kernel_line(parsed: _ParsedLines, word: bytes, rest: bytes) -> bool:
    """Store what the kernel lacks, and how /proc is mounted; returns False for any other line."""
    if word == b"pidless":
        # Kernels before 3.8 have no link, and those without CONFIG_PID_NS: kernel threads are only
        # in the initial PID namespace (a container of OpenVZ on 2.6.32 does not show them).
        parsed.has_kernel_threads = b"(kthreadd)" in rest
    elif word == b"single":
        parsed.single = True
    elif word == b"procfs":
        parsed.procfs = rest  # the last mount hides the others
    else:
        return False
    return True


def _add_count(parsed: _ParsedLines, word: bytes, rest: bytes, row: bytes) -> None:
    if word == b"own":
        parsed.own = _parse_number(rest, row)
    elif word == b"denied":
        parsed.denied = _parse_number(rest, row)
    elif word == b"uid":
        ids = rest.split()
        parsed.uid = _parse_number(ids[2], row) if len(ids) > 2 else None
    elif word == b"gone":
        parsed.gone += 1
    elif word == b"rest":
        count, _, inuse = rest.partition(b" ")
        parsed.rest = (_parse_number(count, row), _parse_counter(inuse, row))
    elif word == b"nsfs":
        if rest.startswith(b"net:["):  # mounts of other kinds of namespaces
            parsed.nsfs.add(_parse_number(rest[5:-1], row))
    else:
        _add_link(parsed, row)


def _add_link(parsed: _ParsedLines, row: bytes) -> None:
    link = _LINK().search(row)
    if link is not None and link[2] == b"pid":
        parsed.pid_namespace = int(link[3])
    elif link is not None and link[1] != b"self":
        parsed.netns[int(link[1])] = int(link[3])


def _build_namespaces(parsed: _ParsedLines) -> Namespaces:
    found = sorted(
        parsed.found.values(), key=lambda lines: (lines.inode != parsed.own, lines.inode)
    )
    # The script describes no more; the lines of a host that does must not fill the document.
    shown, others = found[:MAX_NAMESPACES], found[MAX_NAMESPACES:]
    read = [(lines, _parse_reads(lines)) for lines in shown]
    seen = tuple(_build_namespace(lines, files[0], parsed) for lines, files in read)
    known = {namespace.netns for namespace in seen}
    # Without root the numbers of other users' namespaces are unknown, so a mounted one cannot be
    # matched with those that were read.
    return Namespaces(
        seen=seen,
        rest_namespaces=parsed.rest[0] + len(others),
        rest_inuse=parsed.rest[1] + sum(map(_sum_inuse, others)),
        change=sum(_sum_changes(files) for _, files in read),
        allocs=tuple(_find_allocs([files for _, files in read])),
        denied=parsed.denied,
        gone=parsed.gone,
        without_process=len(parsed.nsfs - known),
        hidden_processes=parsed.uid != 0 and bool(_HIDEPID().search(parsed.procfs)),
        other_pid_namespace=parsed.pid_namespace not in (None, INITIAL_PID_NAMESPACE),
        unknown_pid_namespace=parsed.pid_namespace is None and not parsed.has_kernel_threads,
    )


def _parse_reads(lines: _UnparsedNamespace) -> list[Sockstat]:
    """The counters of the first read, and of each later one that differs."""
    return [_parse_counters(lines.rows), *(_parse_counters(rows) for rows in lines.again if rows)]


def _build_namespace(lines: _UnparsedNamespace, first: Sockstat, parsed: _ParsedLines) -> Namespace:
    inuse = first.get("TCP", "inuse")
    if inuse is None:
        raise NamespaceError(f"namespaces: {lines.inode} has no 'TCP: inuse'")
    container = container_of(lines.cgroup)
    return Namespace(
        inode=lines.inode,
        netns=parsed.netns.get(lines.pid),
        is_host=lines.inode == parsed.own,
        pid=lines.pid,
        command=lines.comm,
        container=container,
        unit=unit_of(lines.cgroup) if container is None else None,
        inuse=inuse,
        inuse6=first.get("TCP6", "inuse"),
        tw=first.get("TCP", "tw"),
        used=first.get("sockets", "used"),
        in_protocols=lines.protocols,
    )


def _sum_inuse(lines: _UnparsedNamespace) -> int:
    """The sockets in use of a namespace, both families."""
    words = [(row.split(b" ", 3), row) for row in lines.rows if row.startswith(b"TCP")]
    return sum(
        _parse_counter(word[2], row) for word, row in words if len(word) > 2 and word[1] == b"inuse"
    )


def _sum_changes(files: Sequence[Sockstat]) -> int:
    """How much the two ``inuse`` of a namespace changed over all reads."""
    return _max_change(files, "TCP") + _max_change(files, "TCP6")


def _max_change(files: Sequence[Sockstat], name: str) -> int:
    known = [inuse for file in files if (inuse := file.get(name, "inuse")) is not None]
    return max(known) - min(known) if known else 0


def _find_allocs(read: Sequence[Sequence[Sockstat]]) -> Iterator[int]:
    for file in (*(files[0] for files in read), *(file for files in read for file in files[1:])):
        alloc = file.get("TCP", "alloc")
        if alloc is not None:
            yield alloc


def _parse_counters(rows: list[bytes]) -> Sockstat:
    try:
        return sockstat_of(rows)
    except SockstatError as error:
        raise NamespaceError(str(error)) from error


def _parse_counter(text: bytes, row: bytes) -> int:
    """A sum of the kernel's counters, which may be below 0."""
    number = _parse_number(text.removeprefix(b"-"), row)
    return -number if text.startswith(b"-") else number


def _parse_number(text: bytes, row: bytes) -> int:
    if not (text.isdigit() and len(text) <= _MOST_DIGITS):
        raise NamespaceError(f"namespaces: {clean(row, limit=80)!r}: expected a number")
    return int(text)
