"""One host as every output shows it: its counters and derived numbers, or why there are none.

The fields have the names and shapes of a host in the JSON of a scan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from ..collector.errors import Category, Phase
from ..collector.outcome import HostFailure, HostOutcome, HostReading
from ..collector.probe.kernel import Kernel
from ..collector.probe.namespaces import Namespace
from ..collector.probe.processes import Process
from ..collector.probe.scope import Scope, scope_of, scope_reasons
from ..core.record import record
from ..core.text import clean
from .arithmetic import closed, find_contradictions, inuse_both, tcp_close
from .change import HostChange
from .diagnosis import Diagnosis, diagnose
from .namespaces import (
    NamespaceSummary,
    RestSummary,
    find_impossible_counts,
    inuse_elsewhere,
    namespace_summaries,
    rest_summary,
    uncertainty,
)
from .numbers import TcpNumbers
from .processes import (
    Attribution,
    attribute,
    unattributed,
)
from .thresholds import Thresholds

__all__ = ["FailureReason", "HostSummary", "Status", "summarize_host"]

# The kernel prints the counts as 32-bit numbers (%d) and mem as long; 2**40 pages are 4 PiB. Sums
# of such numbers over millions of hosts fit the 64 bits of a JSON writer, so no host can spoil the
# document of all others.
_MOST = 2**40
_MOST_SETTING = 2**63 - 1  # tcp_mem and the like are long
_SETTINGS = ("page_size", "tcp_max_orphans", "file_max")
_KERNEL_COUNTS = ("tcp_estab", "file_nr")
_MESSAGE_LIMIT = 1000


class Status(StrEnum):
    """Whether a host was read."""

    OK = "ok"
    FAILED = "failed"


@record
class FailureReason:
    """Why a host has no reading."""

    category: str
    """A word of `collector.errors.Category`, or a newer one in a document read back."""
    phase: str
    message: str


@record
class HostSummary:
    """One host of a scan."""

    name: str
    address: str | None = None
    port: int
    groups: tuple[str, ...] = ()
    status: Status
    attempts: int
    elapsed_s: float
    tcp: TcpNumbers | None = None
    """None exactly when the host failed; the same holds for ``scope`` and ``kernel``."""
    scope: Scope | None = None
    scope_reasons: tuple[str, ...] = ()
    """Why some namespaces may not have been read, each a complete sentence."""
    uncertainty: int | None = None
    """By how many sockets ``tcp_close`` may be off (`namespaces.uncertainty`, and more where
    counters contradict each other); None: unknown."""
    namespaces: tuple[NamespaceSummary, ...] | None = None
    """None where only the host's own was read."""
    namespaces_rest: RestSummary | None = None
    """The sum of those that ``namespaces`` does not list; None where it lists all."""
    processes: tuple[Process, ...] | None = None
    """Who holds closed sockets, most first; None, like the next two, without ``--processes``."""
    attribution: Attribution | None = None
    unattributed: int | None = None
    """``tcp_close`` minus the processes' sum."""
    sockets_used: int | None = None
    """Sockets of every kind in the host's own namespace."""
    kernel: Kernel | None = None
    diagnosis: tuple[Diagnosis, ...] = ()
    """The most severe first; empty where the host gave too little."""
    error: FailureReason | None = None
    """None exactly when the host was read."""
    change: HostChange | None = None
    """The change since an earlier scan; None without a comparison."""
    round: int | None = None
    """Of `scan --repeat`, from 1 on; None, like ``sampled_at``, in a scan that is not repeated."""
    sampled_at: datetime | None = None
    """When this host was read in that round, or failed."""
    read_at: datetime | None = None
    """When this host was read, or failed, by the clock of the scanning machine; ndjson has it. None
    in a scan that was read back."""
    levels: tuple[str, ...] | None = None
    """The groups it counts in under ``--group-by``; None without that option."""
    variables: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The inventory's variables, for ``--group-by``; no output shows them."""

    @property
    def is_bound(self) -> bool:
        """Whether ``tcp_close`` is only an upper bound, as some namespaces were not read."""
        return self.scope is not None and self.scope is not Scope.ALL_NAMESPACES

    @property
    def fullest_holder(self) -> Process | None:
        """The holder of closed sockets with the fewest descriptors left; None where unknown."""
        known = [one for one in self.processes or () if one.open_files_left is not None]
        return min(known, key=lambda one: one.open_files_left or 0, default=None)

    @property
    def mem_bytes(self) -> int | None:
        """Memory of all TCP buffers; None where the host gave no ``mem`` or no page size."""
        if self.tcp is None or self.tcp.mem_pages is None:
            return None
        if self.kernel is None or self.kernel.page_size is None:
            return None
        return self.tcp.mem_pages * self.kernel.page_size


_USUAL_THRESHOLDS = Thresholds()


def summarize_host(outcome: HostOutcome, thresholds: Thresholds = _USUAL_THRESHOLDS) -> HostSummary:
    """Summarize one outcome, with a diagnosis by these thresholds.

    A reading with a counter beyond a kernel's range becomes a failure of category ``parse``.
    """
    if isinstance(outcome, HostReading):
        return _summarize_reading(outcome, thresholds)
    return _summarize_failure(outcome)


def _summarize_reading(reading: HostReading, thresholds: Thresholds) -> HostSummary:
    sockstat, sockstat6, namespaces = reading.sockstat, reading.sockstat6, reading.namespaces
    processes, inuse_here = reading.processes, inuse_both(sockstat, sockstat6)
    tcp = sockstat.lines.get("TCP", {})
    alloc, tw, used = tcp.get("alloc"), tcp.get("tw"), sockstat.get("sockets", "used")
    inuse6 = None if sockstat6 is None else sockstat6.get("TCP6", "inuse")
    numbers = TcpNumbers(
        alloc=alloc,
        inuse=tcp.get("inuse"),
        inuse6=inuse6,
        tw=tw,
        orphan=tcp.get("orphan"),
        mem_pages=tcp.get("mem"),
        closed=closed(alloc, inuse_here, tw),
        tcp_close=tcp_close(alloc, [inuse_here, *inuse_elsewhere(namespaces)]),
    )
    read = [*tcp.values(), inuse6 or 0, used or 0]
    if namespaces is not None:
        read += [n or 0 for each in namespaces.seen for n in _counters(each)]
    if processes is not None:
        read += [each.tcp_close for each in processes.seen]
    farthest = max(read, key=abs)
    if abs(farthest) > _MOST:
        return _reject_reading(reading, farthest)
    host, scope = reading.host, scope_of(namespaces)
    kernel = _drop_impossible_settings(reading.kernel)
    summaries = namespace_summaries(namespaces) if namespaces and namespaces.seen else None
    doubt = uncertainty(namespaces, alloc, inuse_here)
    contradictions = [
        *find_contradictions(numbers, doubt),
        *find_impossible_counts(namespaces),
    ]
    if contradictions:
        doubt = max(doubt or 0, *(least for least, _ in contradictions))
        scope = Scope.VISIBLE_NAMESPACES if scope is Scope.ALL_NAMESPACES else scope
    is_bound = scope is not Scope.ALL_NAMESPACES
    return HostSummary(
        name=host.name,
        address=reading.address,
        port=host.port,
        groups=host.groups,
        status=Status.OK,
        attempts=reading.attempts,
        elapsed_s=reading.elapsed_s,
        tcp=numbers,
        scope=scope,
        scope_reasons=(*scope_reasons(namespaces, host.probe), *(why for _, why in contradictions)),
        uncertainty=doubt,
        namespaces=summaries,
        namespaces_rest=rest_summary(namespaces),
        processes=None if processes is None else processes.seen,
        attribution=None if processes is None else attribute(processes),
        unattributed=unattributed(processes, numbers.tcp_close),
        sockets_used=used,
        kernel=kernel,
        diagnosis=diagnose(numbers, kernel, summaries, is_bound=is_bound, thresholds=thresholds),
        variables=host.variables,
    )


def _counters(namespace: Namespace) -> tuple[int | None, ...]:
    return namespace.inuse, namespace.inuse6, namespace.tw, namespace.used


def _summarize_failure(failure: HostFailure) -> HostSummary:
    host = failure.host
    return HostSummary(
        name=host.name,
        address=failure.address,
        port=host.port,
        groups=host.groups,
        status=Status.FAILED,
        attempts=failure.attempts,
        elapsed_s=failure.elapsed_s,
        error=FailureReason(
            category=failure.category.value,
            phase=failure.phase.value,
            message=clean(failure.message, limit=_MESSAGE_LIMIT),
        ),
        variables=host.variables,
    )


def _reject_reading(reading: HostReading, value: int) -> HostSummary:
    return _summarize_failure(
        HostFailure(
            host=reading.host,
            address=reading.address,
            attempts=reading.attempts,
            elapsed_s=reading.elapsed_s,
            category=Category.PARSE,
            phase=Phase.PARSE,
            message=f"sockstat: {value} of something of TCP: no kernel counts beyond {_MOST}",
        )
    )


def _drop_impossible_settings(kernel: Kernel) -> Kernel:
    """Return the kernel without settings and counts beyond a kernel's range."""
    wrong: dict[str, Any] = {}
    for names, most in ((_SETTINGS, _MOST_SETTING), (_KERNEL_COUNTS, _MOST)):
        for name in names:
            if (getattr(kernel, name) or 0) > most:
                wrong[name] = None
    if kernel.tcp_mem is not None and max(kernel.tcp_mem) > _MOST_SETTING:
        wrong["tcp_mem"] = None
    return replace(kernel, **wrong) if wrong else kernel
