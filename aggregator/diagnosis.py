"""What a host's numbers mean, in a fixed vocabulary, and the next command to run there.

Only what a host gave is judged: a number that is absent leads to no word. Several words may hold;
the most severe comes first, and that is the one that tables show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .namespaces import NamespaceSummary
from .thresholds import Thresholds

__all__ = ["Diagnosis", "Evidence", "Severity", "Word", "diagnose"]


class Severity(StrEnum):
    """How soon somebody has to look, the soonest first."""

    CRITICAL = "critical"
    """The kernel refuses memory or cuts connections off, or is about to."""
    WARNING = "warning"
    NOTICE = "notice"
    """It may be so: the numbers are bounds."""
    OK = "ok"


class Word(StrEnum):
    """The vocabulary; of two that are equally severe the first comes first."""

    MEM_HIGH = "mem-high"
    """The memory of all TCP buffers is near the end of tcp_mem."""
    MEM_PRESSURE = "mem-pressure"
    """It is in the range where the kernel shrinks buffers."""
    ORPHANS = "orphans"
    """Connections that no process holds any more come near tcp_max_orphans."""
    CONTAINER_HELD = "container-held"
    """Many of the closed sockets are in other network namespaces than the host's."""
    HELD_CLOSED = "held-closed"
    """Many sockets are in state CLOSE and still open in a process: a leak or an idle pool."""
    TIME_WAIT = "time-wait"
    """What ``ss -s`` calls closed is mostly TIME_WAIT: normal churn."""
    NORMAL = "normal"
    """Nothing unusual in the numbers that the host gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One word that holds for a host, and why."""

    word: str
    """One of `Word`, or a newer one in a document read back."""
    severity: Severity
    because: Mapping[str, int]
    """The numbers that led to it, by their names in the JSON of a scan."""
    next: str
    """A shell command for that host that shows more, as root where it begins with sudo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a diagnosis rests on; names and units as in the JSON of a scan, None where absent."""

    alloc: int | None = None
    tw: int | None = None
    orphan: int | None = None
    mem_pages: int | None = None
    closed: int | None = None
    tcp_close: int | None = None
    is_bound: bool = True
    """Whether ``tcp_close`` is only an upper bound."""
    tcp_mem: tuple[int, int, int] | None = None
    tcp_max_orphans: int | None = None
    namespaces: Sequence[NamespaceSummary] | None = None


_MOST_FREQUENT = "sort | uniq -c | sort -rn | head"
_BUFFERS = "sudo ss -tanpH | awk '{print $2 + $3, $0}' | sort -rn | head"
# Peers without their ports. ss leaves the column of states out where only one is asked for.
_ORPHANED = (
    "ss -tanH state fin-wait-1 state closing state last-ack | "
    f"awk '{{sub(/:[0-9]+$/, \"\", $5); print $1, $5}}' | {_MOST_FREQUENT}"
)
_CHURN = (
    f"ss -tanH state time-wait | awk '{{sub(/:[0-9]+$/, \"\", $4); print $4}}' | {_MOST_FREQUENT}"
)
_EACH_NAMESPACE = "sudo lsns -t net"
_AGAIN = "cat /proc/net/sockstat /proc/net/sockstat6"
# lsof finds no name for a TCP socket that stands in no table: such a one is in state CLOSE.
_COUNT = (
    'awk \'/protocol: TCP|identify protocol/ {n[$2 " " $1]++} '
    "END {for (p in n) print n[p], p}' | sort -rn | head"
)

_SEVERITIES = {severity: rank for rank, severity in enumerate(Severity)}
_WORDS: dict[str, int] = {word: rank for rank, word in enumerate(Word)}


def diagnose(evidence: Evidence, thresholds: Thresholds) -> tuple[Diagnosis, ...]:
    """Every word that holds, the most severe first; none where the host gave too little."""
    found = [
        *_memory(evidence, thresholds),
        *_orphans(evidence, thresholds),
        *_in_containers(evidence, thresholds),
        *_held(evidence, thresholds),
        *_churn(evidence, thresholds),
    ]
    if len(found) > 1:
        found.sort(key=lambda one: (_SEVERITIES[one.severity], _WORDS[one.word]))
    return tuple(found or _nothing(evidence))


def _memory(evidence: Evidence, thresholds: Thresholds) -> Iterator[Diagnosis]:
    if evidence.mem_pages is None or evidence.tcp_mem is None:
        return
    _, pressure, high = evidence.tcp_mem
    if evidence.mem_pages > thresholds.mem_high_share * high:
        yield Diagnosis(
            word=Word.MEM_HIGH.value,
            severity=Severity.CRITICAL,
            because={"mem_pages": evidence.mem_pages, "tcp_mem_high": high},
            next=_BUFFERS,
        )
    elif evidence.mem_pages > thresholds.mem_pressure_share * pressure:
        yield Diagnosis(
            word=Word.MEM_PRESSURE.value,
            severity=Severity.WARNING,
            because={"mem_pages": evidence.mem_pages, "tcp_mem_pressure": pressure},
            next=_BUFFERS,
        )


def _orphans(evidence: Evidence, thresholds: Thresholds) -> Iterator[Diagnosis]:
    orphan, most = evidence.orphan, evidence.tcp_max_orphans
    if orphan is None or most is None or not orphan > thresholds.orphans_warning_share * most:
        return
    is_critical = orphan > thresholds.orphans_critical_share * most
    yield Diagnosis(
        word=Word.ORPHANS.value,
        severity=Severity.CRITICAL if is_critical else Severity.WARNING,
        because={"orphan": orphan, "tcp_max_orphans": most},
        next=_ORPHANED,
    )


def _is_much(sockets: int, alloc: int, thresholds: Thresholds) -> bool:
    # A threshold of 0 finds any closed socket at all, never none.
    return max(1, thresholds.held_sockets, thresholds.held_share * alloc) <= sockets


def _in_containers(evidence: Evidence, thresholds: Thresholds) -> Iterator[Diagnosis]:
    """What the host's own namespace cannot hold of an exact ``tcp_close``, the others do."""
    held, alloc = evidence.tcp_close, evidence.alloc
    if held is None or alloc is None or evidence.is_bound or not evidence.namespaces:
        return
    own_max = [one.tcp_close_max for one in evidence.namespaces if one.host]
    others = [one for one in evidence.namespaces if not one.host]
    if len(own_max) != 1 or own_max[0] is None or not others:
        return
    elsewhere_min = held - own_max[0]
    if not _is_much(elsewhere_min, alloc, thresholds):
        return
    suspect = _suspect(others)
    because = {"tcp_close": held, "alloc": alloc, "elsewhere_min": elsewhere_min}
    if suspect.tcp_close_max is not None:
        because |= {"tcp_close_max": suspect.tcp_close_max}
    yield Diagnosis(
        word=Word.CONTAINER_HELD.value,
        severity=Severity.WARNING,
        because=because | {"namespace": suspect.inode, "pid": suspect.pid},
        next=_who_holds(suspect.pid),
    )


def _suspect(namespaces: Sequence[NamespaceSummary]) -> NamespaceSummary:
    """The one that may hold the most closed sockets: one without the bound may hold them all."""
    return max(namespaces, key=lambda one: (one.tcp_close_max is None, one.tcp_close_max or 0))


def _held(evidence: Evidence, thresholds: Thresholds) -> Iterator[Diagnosis]:
    held, alloc = evidence.tcp_close, evidence.alloc
    if held is None or alloc is None or not _is_much(held, alloc, thresholds):
        return
    seen = evidence.namespaces or ()
    if evidence.is_bound:
        severity, command = Severity.NOTICE, _EACH_NAMESPACE
    else:
        within = _suspect(seen).pid if len(seen) > 1 else None
        severity, command = Severity.WARNING, _who_holds(within)
    yield Diagnosis(
        word=Word.HELD_CLOSED.value,
        severity=severity,
        because={"tcp_close": held, "alloc": alloc},
        next=command,
    )


def _churn(evidence: Evidence, thresholds: Thresholds) -> Iterator[Diagnosis]:
    tw, closed = evidence.tw, evidence.closed
    if tw is None or closed is None or tw < thresholds.tw_sockets:
        return
    if tw >= thresholds.tw_share * closed:
        yield Diagnosis(
            word=Word.TIME_WAIT.value,
            severity=Severity.OK,
            because={"tw": tw, "closed": closed},
            next=_CHURN,
        )


def _nothing(evidence: Evidence) -> Iterator[Diagnosis]:
    """Without ``tcp_close`` nobody can say that there is nothing."""
    if evidence.tcp_close is not None and evidence.alloc is not None:
        yield Diagnosis(
            word=Word.NORMAL.value,
            severity=Severity.OK,
            because={"tcp_close": evidence.tcp_close, "alloc": evidence.alloc},
            next=_AGAIN,
        )


def _who_holds(pid: int | None) -> str:
    """Processes with the closed sockets that each holds.

    lsof knows the tables of one network namespace and takes live sockets of another for closed
    ones, so where there are several it is to look at the processes of one: that of ``pid``.
    """
    if pid is None:
        return f"sudo lsof -nP | {_COUNT}"
    members = f'lsns -no PID $(stat -Lc %i /proc/{pid}/ns/net) | xargs | tr " " ,'
    return f"sudo sh -c 'nsenter -t {pid} -n lsof -nP -p $({members})' | {_COUNT}"
