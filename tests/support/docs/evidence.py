"""The numbers that a diagnosis uses, as one value that tests vary field by field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sockfleet.aggregator import diagnosis
from sockfleet.aggregator.namespaces import NamespaceSummary
from sockfleet.aggregator.numbers import TcpNumbers
from sockfleet.aggregator.thresholds import Thresholds
from sockfleet.collector.probe.kernel import Kernel

__all__ = ["Evidence", "diagnose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The numbers of one host; None where it did not give them."""

    alloc: int | None = None
    tw: int | None = None
    orphan: int | None = None
    mem_pages: int | None = None
    closed: int | None = None
    tcp_close: int | None = None
    is_bound: bool = True
    tcp_mem: tuple[int, int, int] | None = None
    tcp_max_orphans: int | None = None
    namespaces: Sequence[NamespaceSummary] | None = None


def diagnose(evidence: Evidence, thresholds: Thresholds) -> tuple[diagnosis.Diagnosis, ...]:
    """Call `sockfleet.aggregator.diagnosis.diagnose` with the evidence."""
    return diagnosis.diagnose(
        TcpNumbers(
            alloc=evidence.alloc,
            tw=evidence.tw,
            orphan=evidence.orphan,
            mem_pages=evidence.mem_pages,
            closed=evidence.closed,
            tcp_close=evidence.tcp_close,
        ),
        Kernel(tcp_mem=evidence.tcp_mem, tcp_max_orphans=evidence.tcp_max_orphans),
        evidence.namespaces,
        is_bound=evidence.is_bound,
        thresholds=thresholds,
    )
