"""Parse the output of `probe.process_script`: the processes that hold closed TCP sockets.

The lines, in their order:

    denied N                      processes whose descriptors could not be read
    partial                       only where time or memory did not suffice for all
    tool NAME                     the tool that read the protocols: python3, perl, getfattr or lsof;
                                  none; or - where there was no socket to check
    process PID NAMESPACE COUNT SHARED
                                  then, of this process:
    args TEXT                       only with the option for arguments
    user UID NAME                   the name where /etc/passwd has one
    comm NAME
    files N LIMIT                   open descriptors, and RLIMIT_NOFILE (soft); - where unknown
    cgroup LINE                     two at most, none of the root group
    rest PROCESSES COUNT          those that are not described, with the fewest sockets

A socket that several processes hold counts once, for the lowest pid. SHARED is the largest number
of other processes that hold one of its sockets too. NAMESPACE is ``-`` where it cannot be read.
"""

from __future__ import annotations

from dataclasses import field

from ...core.lazy_pattern import lazy_pattern
from ...core.record import mutable, record
from ...core.text import clean
from .containers import Container, container_of
from .process_script import MAX_PROCESSES

__all__ = ["Process", "ProcessError", "Processes", "parse_processes"]

TOOLS = ("python3", "perl", "getfattr", "lsof")

_NUMBER = lazy_pattern(r"[0-9]{1,20}")


class ProcessError(ValueError):
    """Lines that the script cannot have printed; the text quotes the line."""


@record
class Process:
    """One process and the TCP sockets in state TCP_CLOSE that it holds open."""

    pid: int
    command: str | None = None
    """Its short name (comm); None where it ended before it could be read."""
    arguments: str | None = None
    """Its command line, limited to 256 bytes; None without the option for arguments."""
    user: str | None = None
    """The name, or the number where the host's /etc/passwd has no name for it."""
    namespace: int | None = None
    """The inode of its /proc/PID/net/sockstat, as in `Namespace.inode`."""
    container: Container | None = None
    tcp_close: int
    bound: bool = False
    """Whether ``tcp_close`` is an upper bound, as no tool could read the protocols."""
    shared: int = 0
    """How many other processes hold one of its sockets too, at most. Each socket counts once, for
    the process with the lowest pid."""
    open_files: int | None = None
    """Its open descriptors, of which the sockets are some; None where they were not all listed."""
    open_files_limit: int | None = None
    """The number of descriptors that it may have open (RLIMIT_NOFILE, soft); None where it is
    unlimited or cannot be read. One more ends in EMFILE."""

    @property
    def open_files_left(self) -> int | None:
        """How many more descriptors it may open, None where a number is unknown."""
        if self.open_files is None or self.open_files_limit is None:
            return None
        return max(0, self.open_files_limit - self.open_files)


@record
class Processes:
    """The processes that hold closed TCP sockets, as far as the probe could see them."""

    seen: tuple[Process, ...]
    """The one with the most sockets first, then by pid; at most 200."""
    tool: str | None = None
    """The tool that read the protocols of the sockets; None where none was needed or available."""
    exact: bool
    """Whether the counts are exact and not upper bounds."""
    denied: int = 0
    """Processes whose descriptors the probe could not read, without kernel threads."""
    partial: bool = False
    """Whether the probe ran out of time or memory before it had checked all processes."""
    rest_processes: int = 0
    """Further processes that are not in ``seen``."""
    rest_tcp_close: int = 0
    """The closed sockets that these hold."""

    @property
    def tcp_close(self) -> int:
        """The sum over all processes.

        The difference to the host's ``tcp_close`` belongs to unseen processes, or to none.
        """
        return sum(process.tcp_close for process in self.seen) + self.rest_tcp_close


@mutable
class _UnparsedProcess:
    pid: int
    namespace: int | None
    tcp_close: int
    shared: int
    texts: dict[str, str] = field(default_factory=dict)
    cgroup: list[str] = field(default_factory=list)
    files: tuple[int | None, int | None] | None = None

    def build(self, *, bound: bool) -> Process:
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
            open_files=self.files[0] if self.files else None,
            open_files_limit=self.files[1] if self.files else None,
        )


@mutable
class _ParsedLines:
    """All lines, by what they describe."""

    found: dict[int, _UnparsedProcess] = field(default_factory=dict)
    denied: int | None = None
    tool: str | None = None
    partial: bool = False
    rest: tuple[int, int] | None = None


def parse_processes(data: bytes) -> Processes | None:
    """Parse all lines; None without any: the host has no awk, xargs or /proc/PID/net/tcp.

    Raises ProcessError, which quotes the line, for lines that the script cannot have printed.
    """
    rows = [raw.decode("utf-8", "replace") for raw in data.split(b"\n") if raw.strip()]
    if not rows:
        return None
    parsed = _ParsedLines()
    current: _UnparsedProcess | None = None
    for row in rows:
        word, _, rest = row.partition(" ")
        if word == "process":
            current = _add_process(parsed, row, rest)
        elif current is not None and word in ("args", "user", "comm", "cgroup", "files"):
            _add_description(current, word, rest, row)
        else:
            _add_line(parsed, word, rest, row)
    return _build_processes(parsed)


def _add_process(parsed: _ParsedLines, row: str, rest: str) -> _UnparsedProcess:
    words = rest.split(" ")
    if len(words) != 4:
        raise _make_error(row, "expected a pid, a namespace and two counts")
    pid, count, shared = (_parse_number(words[n], row) for n in (0, 2, 3))
    if pid in parsed.found:
        raise _make_error(row, "a second time")
    namespace = None if words[1] == "-" else _parse_number(words[1], row)
    current = parsed.found[pid] = _UnparsedProcess(pid, namespace, count, shared)
    return current


def _add_description(current: _UnparsedProcess, word: str, rest: str, row: str) -> None:
    if word == "cgroup":
        current.cgroup.append(clean(rest, limit=1000))
        return
    if word == "files":
        if current.files is not None:
            raise _make_error(row, f"a second {word} of process {current.pid}")
        current.files = _parse_files(rest, row)
        return
    if word in current.texts:
        raise _make_error(row, f"a second {word} of process {current.pid}")
    if word == "user":
        uid, _, name = rest.partition(" ")
        current.texts[word] = clean(name, limit=64) or str(_parse_number(uid, row))
    else:
        text = clean(rest, limit=64 if word == "comm" else 400)
        if text:
            current.texts[word] = text


def _add_line(parsed: _ParsedLines, word: str, rest: str, row: str) -> None:
    if word == "denied" and parsed.denied is None:
        parsed.denied = _parse_number(rest, row)
    elif row == "partial":
        parsed.partial = True
    elif word == "tool" and parsed.tool is None and rest in (*TOOLS, "none", "-"):
        parsed.tool = rest
    elif word == "rest" and parsed.rest is None:
        processes, _, count = rest.partition(" ")
        parsed.rest = _parse_number(processes, row), _parse_number(count, row)
    else:
        raise _make_error(row, "not a line of the process probe, or out of its place")


def _build_processes(parsed: _ParsedLines) -> Processes:
    if parsed.denied is None or parsed.tool is None:
        missing = "denied" if parsed.denied is None else "tool"
        raise ProcessError(f"processes: no line that begins with {missing!r}")
    exact = parsed.tool != "none"
    found = sorted(parsed.found.values(), key=lambda process: (-process.tcp_close, process.pid))
    # The script describes no more; the lines of a host that does must not fill the document.
    seen, others = found[:MAX_PROCESSES], found[MAX_PROCESSES:]
    rest_processes, rest_tcp_close = parsed.rest or (0, 0)
    return Processes(
        seen=tuple(process.build(bound=not exact) for process in seen),
        tool=parsed.tool if parsed.tool in TOOLS else None,
        exact=exact,
        denied=parsed.denied,
        partial=parsed.partial,
        rest_processes=rest_processes + len(others),
        rest_tcp_close=rest_tcp_close + sum(process.tcp_close for process in others),
    )


def _parse_files(rest: str, row: str) -> tuple[int | None, int | None]:
    words = rest.split(" ")
    if len(words) != 2:
        raise _make_error(row, "expected a count and a limit")
    count, limit = (None if word == "-" else _parse_number(word, row) for word in words)
    return count, limit


def _parse_number(text: str, row: str) -> int:
    if not _NUMBER().fullmatch(text):
        raise _make_error(row, "expected a number")
    return int(text)


def _make_error(row: str, problem: str) -> ProcessError:
    return ProcessError(f"processes: {clean(row, limit=80)!r}: {problem}")
