"""What a host's numbers mean, in a fixed vocabulary, and the next command to run there.

An absent number leads to no word. Several words may hold; the most severe comes first, and tables
show that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from ..collector.probe.kernel import Kernel
from ..core.record import record
from .namespaces import NamespaceSummary
from .numbers import TcpNumbers
from .thresholds import Thresholds

__all__ = ["Diagnosis", "Severity", "Word", "diagnose"]


class Severity(StrEnum):
    """How urgent a diagnosis is, the most urgent first."""

    CRITICAL = "critical"
    """The kernel refuses memory or resets connections, or is about to."""
    WARNING = "warning"
    NOTICE = "notice"
    """It may hold: the numbers are bounds."""
    OK = "ok"


class Word(StrEnum):
    """The vocabulary; words of one severity are ordered as here."""

    MEM_HIGH = "mem-high"
    """The memory of all TCP buffers is near the end of tcp_mem."""
    MEM_PRESSURE = "mem-pressure"
    """The memory of all TCP buffers is in the range where the kernel shrinks buffers."""
    ORPHANS = "orphans"
    """The number of orphaned sockets comes near tcp_max_orphans."""
    CONTAINER_HELD = "container-held"
    """Many sockets are closed, most of them in other network namespaces than the host's."""
    HELD_CLOSED = "held-closed"
    """Many sockets are in state CLOSE and still open in a process: a leak or an idle pool."""
    TIME_WAIT = "time-wait"
    """Most sockets that ``ss -s`` calls closed are in TIME_WAIT: normal churn."""
    NORMAL = "normal"
    """The numbers that the host gave are usual."""


@record
class Diagnosis:
    """One word that holds for a host, and why."""

    word: str
    """One of `Word`, or a newer one in a document read back."""
    severity: Severity
    because: Mapping[str, int]
    """The numbers that led to it, by their names in the JSON of a scan."""
    next: str
    """A shell command for that host that shows more, as root where it begins with sudo."""


_MOST_FREQUENT = "sort | uniq -c | sort -rn | head"
_BUFFERS = "sudo ss -tanpH | awk '{print $2 + $3, $0}' | sort -rn | head"
# Peers without their ports. ss omits the state column when one state is selected.
_ORPHANED = (
    "ss -tanH state fin-wait-1 state closing state last-ack | "
    f"awk '{{sub(/:[0-9]+$/, \"\", $5); print $1, $5}}' | {_MOST_FREQUENT}"
)
_CHURN = (
    f"ss -tanH state time-wait | awk '{{sub(/:[0-9]+$/, \"\", $4); print $4}}' | {_MOST_FREQUENT}"
)
_EACH_NAMESPACE = "sudo lsns -t net"
_AGAIN = "cat /proc/net/sockstat /proc/net/sockstat6"
# lsof finds no name for a TCP socket that is in no table: its state is CLOSE.
_COUNT = (
    'awk \'/protocol: TCP|identify protocol/ {n[$2 " " $1]++} '
    "END {for (p in n) print n[p], p}' | sort -rn | head"
)

_SEVERITIES = {severity: rank for rank, severity in enumerate(Severity)}
_WORDS: dict[str, int] = {word: rank for rank, word in enumerate(Word)}


def diagnose(
    tcp: TcpNumbers,
    kernel: Kernel,
    namespaces: Sequence[NamespaceSummary] | None = None,
    *,
    is_bound: bool,
    thresholds: Thresholds,
) -> tuple[Diagnosis, ...]:
    """Return every word that holds, the most severe first; none where the host gave too little.

    ``is_bound`` means that ``tcp.tcp_close`` is only an upper bound.
    """
    found = [
        one
        for one in (
            _memory(tcp, kernel, thresholds),
            _orphans(tcp, kernel, thresholds),
            _in_containers(tcp, namespaces, thresholds) if namespaces and not is_bound else None,
            _held(tcp, namespaces or (), thresholds, is_bound=is_bound),
            _churn(tcp, thresholds),
        )
        if one is not None
    ]
    if len(found) > 1:
        found.sort(key=lambda one: (_SEVERITIES[one.severity], _WORDS[one.word]))
    return tuple(found) or _normal(tcp)


def _memory(tcp: TcpNumbers, kernel: Kernel, thresholds: Thresholds) -> Diagnosis | None:
    if tcp.mem_pages is None or kernel.tcp_mem is None:
        return None
    _, pressure, high = kernel.tcp_mem
    if tcp.mem_pages > thresholds.mem_high_share * high:
        return Diagnosis(
            word=Word.MEM_HIGH.value,
            severity=Severity.CRITICAL,
            because={"mem_pages": tcp.mem_pages, "tcp_mem_high": high},
            next=_BUFFERS,
        )
    if tcp.mem_pages > thresholds.mem_pressure_share * pressure:
        return Diagnosis(
            word=Word.MEM_PRESSURE.value,
            severity=Severity.WARNING,
            because={"mem_pages": tcp.mem_pages, "tcp_mem_pressure": pressure},
            next=_BUFFERS,
        )
    return None


def _orphans(tcp: TcpNumbers, kernel: Kernel, thresholds: Thresholds) -> Diagnosis | None:
    orphan, most = tcp.orphan, kernel.tcp_max_orphans
    if orphan is None or most is None or orphan <= thresholds.orphans_warning_share * most:
        return None
    is_critical = orphan > thresholds.orphans_critical_share * most
    return Diagnosis(
        word=Word.ORPHANS.value,
        severity=Severity.CRITICAL if is_critical else Severity.WARNING,
        because={"orphan": orphan, "tcp_max_orphans": most},
        next=_ORPHANED,
    )


def _is_many(sockets: int, alloc: int, thresholds: Thresholds) -> bool:
    # With a threshold of 0 one closed socket is enough, and none is not.
    return max(1, thresholds.held_sockets, thresholds.held_share * alloc) <= sockets


def _suspect(namespaces: Sequence[NamespaceSummary]) -> NamespaceSummary:
    """The namespace that may hold most closed sockets; one without a bound may hold them all."""
    return max(namespaces, key=lambda one: (one.tcp_close_max is None, one.tcp_close_max or 0))


def _in_containers(
    tcp: TcpNumbers, namespaces: Sequence[NamespaceSummary], thresholds: Thresholds
) -> Diagnosis | None:
    """The other namespaces hold the part of an exact ``tcp_close`` that the host's own cannot."""
    held, alloc = tcp.tcp_close, tcp.alloc
    own_max = [one.tcp_close_max for one in namespaces if one.host]
    others = [one for one in namespaces if not one.host]
    if held is None or alloc is None or len(own_max) != 1 or own_max[0] is None or not others:
        return None
    elsewhere_min = held - own_max[0]
    if not _is_many(elsewhere_min, alloc, thresholds) or 2 * elsewhere_min <= held:
        return None
    suspect = _suspect(others)
    because = {"tcp_close": held, "alloc": alloc, "elsewhere_min": elsewhere_min}
    if suspect.tcp_close_max is not None:
        because |= {"tcp_close_max": suspect.tcp_close_max}
    return Diagnosis(
        word=Word.CONTAINER_HELD.value,
        severity=Severity.WARNING,
        because=because | {"namespace": suspect.inode, "pid": suspect.pid},
        next=_who_holds(suspect.pid),
    )


def _held(
    tcp: TcpNumbers,
    namespaces: Sequence[NamespaceSummary],
    thresholds: Thresholds,
    *,
    is_bound: bool,
) -> Diagnosis | None:
    held, alloc = tcp.tcp_close, tcp.alloc
    if held is None or alloc is None or not _is_many(held, alloc, thresholds):
        return None
    if is_bound:
        severity, command = Severity.NOTICE, _EACH_NAMESPACE
    else:
        within = _suspect(namespaces).pid if len(namespaces) > 1 else None
        severity, command = Severity.WARNING, _who_holds(within)
    return Diagnosis(
        word=Word.HELD_CLOSED.value,
        severity=severity,
        because={"tcp_close": held, "alloc": alloc},
        next=command,
    )


def _churn(tcp: TcpNumbers, thresholds: Thresholds) -> Diagnosis | None:
    tw, closed = tcp.tw, tcp.closed
    if tw is None or closed is None or tw < thresholds.tw_sockets:
        return None
    if tw < thresholds.tw_share * closed:
        return None
    return Diagnosis(
        word=Word.TIME_WAIT.value,
        severity=Severity.OK,
        because={"tw": tw, "closed": closed},
        next=_CHURN,
    )


def _normal(tcp: TcpNumbers) -> tuple[Diagnosis, ...]:
    """The word for usual numbers; none without ``tcp_close``, as a leak would not show."""
    if tcp.tcp_close is None or tcp.alloc is None:
        return ()
    return (
        Diagnosis(
            word=Word.NORMAL.value,
            severity=Severity.OK,
            because={"tcp_close": tcp.tcp_close, "alloc": tcp.alloc},
            next=_AGAIN,
        ),
    )


def _who_holds(pid: int | None) -> str:
    """The command that lists processes with the closed sockets that each holds.

    lsof reads the tables of one network namespace and takes live sockets of another for closed
    ones, so where there are several it looks at the processes of one namespace: that of ``pid``.
    """
    if pid is None:
        return f"sudo lsof -nP | {_COUNT}"
    members = f'lsns -no PID $(stat -Lc %i /proc/{pid}/ns/net) | xargs | tr " " ,'
    return f"sudo sh -c 'nsenter -t {pid} -n lsof -nP -p $({members})' | {_COUNT}"
