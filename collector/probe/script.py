"""The one command that a host is asked to run, and how its answer is read.

Traps that gave the command its form, each tried on the shells of
tests/collector/probe/test_script.py:

* ``exec /bin/sh -c '…'`` on one line, without ``!``, single quotes inside or newlines, means the
  same to sh, bash, dash, BusyBox ash, zsh, tcsh and fish.
* dash's ``read`` takes one byte a system call, and the integer files below /proc/sys end after the
  first read: ``read`` alone turned tcp_mem into its first digit. One ``head`` reads every file in
  large reads and labels each by its path, as POSIX says for several operands: one fork in all.
* /proc/net is a link to self/net. Where /proc is mounted with subset=pid the link is hidden and its
  target is not.
* A login shell's start-up files may print anything, numbers that look like ours too: only what
  stands between two lines with this run's random mark counts.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from functools import lru_cache

from ...core.record import record
from ...core.text import cleaned
from ..errors import Category, HostError, Phase
from ..outcome import Kernel
from .namespace_script import NAMESPACE_SCRIPT
from .namespaces import NamespaceError, Namespaces, parse_namespaces
from .process_script import PROCESS_SCRIPT, PROCESS_SCRIPT_WITH_ARGS
from .processes import ProcessError, Processes, parse_processes
from .sockstat import Sockstat, SockstatError, parse_sockstat

__all__ = [
    "ProbeAnswer",
    "ProbeOptions",
    "new_mark",
    "parse_probe",
    "probe_command",
    "probe_script",
    "tcp_estab",
]

SOCKSTAT = "/proc/net/sockstat"
SOCKSTAT6 = "/proc/net/sockstat6"
SNMP = "/proc/net/snmp"
OSRELEASE = "/proc/sys/kernel/osrelease"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
TCP_MEM = "/proc/sys/net/ipv4/tcp_mem"
TCP_MAX_ORPHANS = "/proc/sys/net/ipv4/tcp_max_orphans"
PAGE_SIZE = "page_size"
NAMESPACES = "namespaces"
PROCESSES = "processes"

_SETTINGS = (OSRELEASE, BOOT_ID, TCP_MEM, TCP_MAX_ORPHANS)
_USUAL_SETTINGS = 500  # bytes: what is longer is no kernel's, and is not to be remembered
_LINES = 200  # of each file at most: far more than any of them has

# head -n: the first lines of each file under a line "==> path <==" (POSIX head, "STDOUT").
# The page size is not in a file of its own; the first mapping of the shell itself tells it without
# another fork (proc_pid_smaps(5)), and BusyBox has no getconf.
_SCRIPT = (
    'm={mark}; n=/proc/net; [ -r $n/sockstat ] || n=/proc/self/net; echo; echo "$m begin"; '
    "head -n {lines} $n/sockstat $n/sockstat6 $n/snmp {settings} 2>/dev/null; "
    'echo "==> {page_size} <=="; if [ -r /proc/self/smaps ]; then while read -r k v u; do '
    'case $k in KernelPageSize:) echo "$v $u"; break;; esac; done </proc/self/smaps; fi; '
    '{more}echo "$m end"'
)

_LABEL = re.compile(rb"(\S+) <==")  # behind "==> "
_WHOLE = re.compile(rb"[0-9]{1,20}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_mark() -> str:
    """A mark for one run that nothing on a host can know beforehand."""
    return f"sockfleet-{secrets.token_hex(8)}"


@record
class ProbeOptions:
    """What a host is asked for, besides the files of its own namespace."""

    namespaces: bool = True
    processes: bool = False
    """Who holds the closed sockets; takes the host much longer than all the rest."""
    arguments: bool = False
    """The processes' command lines, which may hold secrets; goes with ``processes``."""

    def scripts(self) -> Iterator[tuple[str, str]]:
        """The label and the script of each further section, in their order."""
        if self.namespaces:
            yield NAMESPACES, NAMESPACE_SCRIPT
        if self.processes:
            yield PROCESSES, PROCESS_SCRIPT_WITH_ARGS if self.arguments else PROCESS_SCRIPT


_USUAL_OPTIONS = ProbeOptions()


def probe_command(mark: str, options: ProbeOptions = _USUAL_OPTIONS) -> str:
    """The command for the host's login shell; it only reads.

    It forks once, and for the namespaces a few times more, whatever runs on the host.
    """
    return f"exec /bin/sh -c '{probe_script(mark, options)}'"


def probe_script(mark: str, options: ProbeOptions) -> str:
    """The same as a script for /bin/sh, to stand within single quotes."""
    more = "".join(f'echo "==> {label} <=="; {script}; ' for label, script in options.scripts())
    return _SCRIPT.format(
        mark=mark,
        lines=_LINES,
        settings=" ".join(_SETTINGS),
        page_size=PAGE_SIZE,
        more=more,
    )


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
            kernel=_kernel(sections),
            namespaces=parse_namespaces(sections.get(NAMESPACES, b"")),
            processes=parse_processes(sections.get(PROCESSES, b"")),
        )
    except (SockstatError, NamespaceError, ProcessError) as error:
        raise HostError(Category.PARSE, Phase.PARSE, str(error)) from error


def tcp_estab(snmp: bytes) -> int | None:
    """CurrEstab of /proc/net/snmp (pairs of lines, names and values); None where it is not."""
    pair = (b"\n" + snmp).split(b"\nTcp: ")[1:]
    if len(pair) != 2:
        return None
    names, values = (row.partition(b"\n")[0].split() for row in pair)
    if b"CurrEstab" not in names or len(names) != len(values):
        return None
    return _whole(values[names.index(b"CurrEstab")])


def _between_marks(stdout: bytes, mark: bytes) -> bytes:
    """The rows between the two, each with the newline before it."""
    text = b"\n%b\n" % stdout
    begin, end = b"\n%b begin\n" % mark, b"\n%b end\n" % mark
    at = _only(begin, text)
    if at < 0:
        seen = cleaned(stdout, limit=120) or "nothing"
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


def _kernel(sections: Mapping[str, bytes]) -> Kernel:
    settings = [
        sections.get(name, b"") for name in (OSRELEASE, PAGE_SIZE, TCP_MEM, TCP_MAX_ORPHANS)
    ]
    usual = sum(map(len, settings)) <= _USUAL_SETTINGS
    release, page_size, tcp_mem, tcp_max_orphans = (
        _settings(*settings) if usual else _settings.__wrapped__(*settings)
    )
    boot_id = sections.get(BOOT_ID, b"").decode("ascii", "replace").strip()
    return Kernel(
        release=release,
        boot_id=boot_id if _UUID.fullmatch(boot_id) else None,
        page_size=page_size,
        tcp_mem=tcp_mem,
        tcp_max_orphans=tcp_max_orphans,
        tcp_estab=tcp_estab(sections.get(SNMP, b"")),
    )


# What most hosts have as others do: read once, it is also kept once, 0.3 KiB less a host.
_KEPT_ONCE = (OSRELEASE, PAGE_SIZE, TCP_MEM, TCP_MAX_ORPHANS)


@lru_cache(maxsize=256)
def _settings(
    release: bytes, page_size: bytes, tcp_mem: bytes, tcp_max_orphans: bytes
) -> tuple[str | None, int | None, tuple[int, int, int] | None, int | None]:
    size = page_size.split()
    kib = _whole(size[0]) if len(size) == 2 and size[1] == b"kB" else None
    limits = [_whole(word) for word in tcp_mem.split()]
    low, pressure, high = limits if len(limits) == 3 else (None, None, None)
    return (
        cleaned(release, limit=100) or None,
        None if kib is None else kib * 1024,
        None if low is None or pressure is None or high is None else (low, pressure, high),
        _whole(tcp_max_orphans.strip()),
    )


def _whole(word: bytes) -> int | None:
    return int(word) if _WHOLE.fullmatch(word) else None
