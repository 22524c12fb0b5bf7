"""Gauges of a scan for node_exporter's textfile collector.

A number that a host did not give has no sample. The inventory bounds the labels: values that
change by themselves (pid, container, boot id) are no labels, so a restart begins no new series.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from ...aggregator.diagnosis import Word
from ...aggregator.fleet import DISTRIBUTED, FleetSummary, sum_up
from ...aggregator.host import HostSummary
from ...aggregator.numbers import TCP_HELP
from ...collector.errors import Category
from ...collector.probe.containers import Container
from ...collector.probe.kernel import Kernel
from ...collector.probe.processes import Process
from ...core.version import VERSION
from ..formats import Format, RenderOptions
from .exposition_format import Family, Sample, format_families, labels
from .host_numbers import HOST_NUMBERS

__all__ = ["FORMAT"]

_MOST_HOLDERS = 10
_NO_KERNEL = Kernel()
_STATISTICS = ("min", "p50", "p90", "p99", "max", "mean")


@dataclass(frozen=True, slots=True)
class _Labelled:
    """A host and its label, formatted once."""

    label: str
    host: HostSummary


def _render(summary: FleetSummary, _options: RenderOptions) -> bytes:
    hosts = [_Labelled(labels(host=host.name), host) for host in summary.hosts]
    return format_families(chain(_scan(summary), _fleet(summary), _numbers(hosts), _words(hosts)))


# node_exporter runs as its own user, which must be able to read the file.
FORMAT = Format(name="prometheus", suffixes=(".prom",), render=_render, mode=0o644)


def _scan(summary: FleetSummary) -> Iterator[Family]:
    scan = summary.scan
    finished = _seconds(scan.finished_at)

    def family(name: str, text: str, value: float | None, label: str = "") -> Family:
        return Family(f"sockfleet_{name}", text, [(label, value)])

    build = labels(version=VERSION)
    yield family("build_info", "The version that wrote this.", 1, build)
    yield family(
        "scan_complete",
        "Whether every host had its turn (1), or the run was ended early (0).",
        int(scan.complete),
    )
    yield family(
        "scan_last_complete_timestamp_seconds",
        "End of the last complete scan, since the epoch; absent when this one was not.",
        finished if scan.complete else None,
    )
    started = _seconds(scan.started_at)
    yield family("scan_started_timestamp_seconds", "Start of this scan, since the epoch.", started)
    yield family("scan_finished_timestamp_seconds", "End of this scan, since the epoch.", finished)
    took = round(scan.duration_s, 3)
    yield family("scan_duration_seconds", "How long this scan took.", took)


def _fleet(summary: FleetSummary) -> Iterator[Family]:
    fleet = summary.fleet

    def family(name: str, text: str, samples: Iterable[Sample]) -> Family:
        return Family(f"sockfleet_fleet_{name}", text, samples)

    by_status = {"ok": fleet.hosts.ok, "failed": fleet.hosts.failed}
    yield family(
        "hosts", "Hosts that were asked, by how that went.", _counts("status", (), by_status)
    )
    yield family(
        "failed_hosts",
        "Hosts that could not be read, by the category of the failure.",
        _counts("category", Category, fleet.failures),
    )
    yield family(
        "diagnosed_hosts",
        "Hosts that were read, by the first word of their diagnosis.",
        _counts("diagnosis", Word, fleet.diagnoses),
    )
    for name, text in TCP_HELP.items():
        if _is_in_pages(name):
            continue
        total = getattr(fleet.totals, name)
        yield family(name, f"Sum over the hosts that gave it. {text}", [("", total)])
    memory = [host.mem_bytes for host in summary.hosts if host.mem_bytes is not None]
    total = sum_up(memory)
    yield family("mem_bytes", "Memory of all TCP buffers of the hosts that gave it.", [("", total)])
    for name in DISTRIBUTED:
        spread = fleet.distribution[name]
        yield family(
            f"{name}_per_host",
            f"How {name} is spread over the hosts that gave it.",
            [(labels(statistic=part), getattr(spread, part)) for part in _STATISTICS],
        )


def _counts(label: str, known: Iterable[str], counts: Mapping[str, int]) -> list[Sample]:
    """Count every known word, also with 0: a series with gaps has no rate."""
    every = dict.fromkeys(map(str, known), 0) | dict(counts)
    return [(labels(**{label: word}), count) for word, count in every.items()]


def _numbers(hosts: Sequence[_Labelled]) -> Iterator[Family]:
    def family(name: str, text: str, value: Callable[[HostSummary], float | None]) -> Family:
        return Family(f"sockfleet_host_{name}", text, ((at.label, value(at.host)) for at in hosts))

    yield family(
        "up",
        "Whether the host was read (1) or not (0); one that was not has no numbers.",
        lambda host: int(host.tcp is not None),
    )
    yield family(
        "elapsed_seconds",
        "How long the host took, all attempts and the waits between them included.",
        lambda host: round(host.elapsed_s, 3),
    )
    yield family("attempts", "How often the host was tried.", lambda host: host.attempts)
    for number in HOST_NUMBERS:
        if not _is_in_pages(number.name):
            yield family(number.name, number.help, number.value)


def _is_in_pages(name: str) -> bool:
    """Prometheus takes base units only: ``mem_bytes`` has in bytes what ``mem_pages`` counts."""
    return name.endswith("_pages")


def _words(hosts: Sequence[_Labelled]) -> Iterator[Family]:
    def family(name: str, text: str, found: Callable[[HostSummary], Iterable[Sample]]) -> Family:
        return Family(
            f"sockfleet_host_{name}",
            text,
            ((f"{at.label},{more}", value) for at in hosts for more, value in found(at.host)),
        )

    yield family("tcp_mem_bytes", "The kernel's limits of the memory of TCP buffers.", _tcp_mem)
    yield family("info", "1 for a host that was read: how far, and on which kernel.", _info)
    yield family("failure", "1 for a host that was not read, and why.", _failure)
    yield family(
        "group",
        "1 for each group that the host counts in, of the inventory or --group-by.",
        _groups,
    )
    yield family("diagnosis", "1 for each word of the host's diagnosis.", _diagnosis)
    yield family(
        "namespace_tcp_close_max",
        "Bound of the closed sockets in all network namespaces in which such a process is the "
        f"first, the host's own included; the {_MOST_HOLDERS} highest of a host.",
        _namespaces,
    )
    yield family(
        "process_tcp_close",
        "Closed sockets that all processes of this name and user hold, only with --processes; the "
        f"{_MOST_HOLDERS} highest of a host.",
        _processes,
    )
    yield family(
        "process_open_files",
        "Open files of the process with the fewest left, among those of this name and user.",
        lambda host: ((label, one.open_files) for label, one in _fullest(host)),
    )
    yield family(
        "process_open_files_limit",
        "The limit of these (RLIMIT_NOFILE), at which accept() and open() fail with EMFILE.",
        lambda host: ((label, one.open_files_limit) for label, one in _fullest(host)),
    )


def _tcp_mem(host: HostSummary) -> Iterator[Sample]:
    kernel = host.kernel or _NO_KERNEL
    if kernel.tcp_mem is not None and kernel.page_size is not None:
        for level, pages in zip(("low", "pressure", "high"), kernel.tcp_mem, strict=True):
            yield labels(level=level), pages * kernel.page_size


def _info(host: HostSummary) -> Iterator[Sample]:
    if host.tcp is not None:
        release = (host.kernel or _NO_KERNEL).release or ""
        yield labels(scope="" if host.scope is None else host.scope.value, release=release), 1


def _failure(host: HostSummary) -> Iterator[Sample]:
    if host.error is not None:
        yield labels(category=host.error.category, phase=host.error.phase), 1


def _groups(host: HostSummary) -> Iterator[Sample]:
    # A document that was read back may name one twice, which makes the whole file invalid.
    for name in dict.fromkeys(host.groups if host.levels is None else host.levels):
        yield labels(group=name), 1


def _diagnosis(host: HostSummary) -> Iterator[Sample]:
    for word in dict.fromkeys(
        labels(diagnosis=one.word, severity=one.severity.value) for one in host.diagnosis
    ):
        yield word, 1


def _namespaces(host: HostSummary) -> list[Sample]:
    return _highest(
        (labels(command=one.command or "", runtime=_runtime(one.container)), one.tcp_close_max)
        for one in host.namespaces or ()
    )


def _processes(host: HostSummary) -> list[Sample]:
    return _highest((_holder(one), one.tcp_close) for one in host.processes or ())


def _holder(one: Process) -> str:
    return labels(command=one.command or "", user=one.user or "")


def _fullest(host: HostSummary) -> Iterator[tuple[str, Process]]:
    """The process with the fewest descriptors left of each name that `_processes` shows."""
    found: dict[str, Process] = {}
    for one in host.processes or ():
        left, name = one.open_files_left, _holder(one)
        if left is not None and (name not in found or left < (found[name].open_files_left or 0)):
            found[name] = one
    for name, _ in _processes(host):
        if name in found:
            yield name, found[name]


def _runtime(container: Container | None) -> str:
    return "" if container is None else container.runtime


def _highest(found: Iterable[tuple[str, int | None]]) -> list[Sample]:
    """Sum the samples of the same labels; return the highest sums."""
    sums = Counter[str]()
    for label, count in found:
        if count is not None:
            sums[label] += count
    return [*sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:_MOST_HOLDERS]]


def _seconds(moment: datetime) -> float:
    return round(moment.timestamp(), 3)
