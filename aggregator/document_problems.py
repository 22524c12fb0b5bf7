"""What cannot be right in a scan that was read back, though its shape is."""

from __future__ import annotations

from collections.abc import Iterator

from .fleet import DISTRIBUTED, SORT_KEYS, FleetSummary
from .host import HostSummary, Status
from .namespaces import NamespaceSummary
from .processes import ProcessSummary

__all__ = ["problems"]

# What a JSON writer can write again, summed over millions of hosts too; see host.py.
_MOST = 2**42
_MOST_SETTING = 2**63 - 1


def problems(summary: FleetSummary) -> Iterator[str]:
    """Each complete as it stands, with the path of keys where that is known."""
    for name in ("started_at", "finished_at"):
        if getattr(summary.scan, name).tzinfo is None:
            yield f"$.scan.{name} has no time zone"
    scan, fleet = summary.scan, summary.fleet
    if scan.sort not in SORT_KEYS:
        yield f"$.scan.sort is {scan.sort!r}, expected one of {', '.join(SORT_KEYS)}"
    same = [text for one in fleet.same_machine for text in (one.boot_id, *one.hosts)]
    texts = (scan.id, scan.limit or "", scan.group_by or "", *scan.inventory, *fleet.warnings)
    for text in (*texts, *fleet.failures, *fleet.diagnoses, *summary.groups, *same):
        yield from _unprintable("$", text)
    for name, group in (("fleet", fleet), *summary.groups.items()):
        for missing in set(DISTRIBUTED) - group.distribution.keys():
            yield f"$: {name} has no distribution of {missing}"
    seen = set[str]()
    for number, host in enumerate(summary.hosts):
        where = f"$.hosts[{number}]"
        if host.name in seen:
            yield f"{where}.name: {host.name!r} stands in the document twice"
        seen.add(host.name)
        yield from _host_problems(where, host)


def _host_problems(where: str, host: HostSummary) -> Iterator[str]:
    if host.status is Status.OK and (host.tcp is None or host.error is not None):
        yield f"{where}: status is 'ok', expected 'tcp' and no 'error'"
    if host.status is Status.FAILED and (host.error is None or host.tcp is not None):
        yield f"{where}: status is 'failed', expected 'error' and no 'tcp'"
    for number in _counts(host):
        if number is not None and abs(number) > _MOST:
            yield f"{where}: {number} is beyond {_MOST}: no kernel counts so far"
    for number in _settings(host):
        if number is not None and abs(number) > _MOST_SETTING:
            yield f"{where}.kernel: {number} is beyond {_MOST_SETTING}"
    for number in (n for one in host.diagnosis for n in one.because.values()):
        if abs(number) > _MOST_SETTING:
            yield f"{where}.diagnosis: {number} is beyond {_MOST_SETTING}"
    for text in _texts(host):
        yield from _unprintable(where, text)


def _unprintable(where: str, text: str) -> Iterator[str]:
    if not text.isprintable():
        yield f"{where}: {text!r} holds characters that cannot be printed"


def _counts(host: HostSummary) -> Iterator[int | None]:
    yield from (host.port, host.attempts, host.sockets_used, host.uncertainty)
    for one in host.namespaces or ():
        yield from (one.inode, one.netns, one.pid)
        yield from (one.inuse, one.inuse6, one.tw, one.used, one.tcp_close_max)
    yield host.unattributed
    for process in host.processes or ():
        yield from (process.pid, process.namespace, process.tcp_close, process.shared)
    if (found := host.attribution) is not None:
        yield from (found.denied, found.rest_processes, found.rest_tcp_close)
    if (tcp := host.tcp) is not None:
        yield from (tcp.alloc, tcp.inuse, tcp.inuse6, tcp.tw, tcp.orphan, tcp.mem_pages)
        yield from (tcp.closed, tcp.tcp_close)


def _settings(host: HostSummary) -> Iterator[int | None]:
    if (kernel := host.kernel) is not None:
        yield from (kernel.page_size, kernel.tcp_max_orphans, kernel.tcp_estab)
        yield from kernel.tcp_mem or ()


def _texts(host: HostSummary) -> Iterator[str]:
    yield host.name
    yield host.address or ""
    yield from host.groups
    yield from host.levels or ()
    yield from host.scope_reasons
    for diagnosis in host.diagnosis:
        yield from (diagnosis.word, diagnosis.next, *diagnosis.because)
    for process in host.processes or ():
        yield from (process.user or "", process.arguments or "")
    if host.attribution is not None:
        yield host.attribution.tool or ""
    holders: list[NamespaceSummary | ProcessSummary] = []
    holders += host.namespaces or ()
    holders += host.processes or ()
    for holder in holders:
        yield holder.command or ""
        if holder.container is not None:
            yield holder.container.runtime
            yield holder.container.id
            yield holder.container.pod_uid or ""
    if host.kernel is not None:
        yield host.kernel.release or ""
        yield host.kernel.boot_id or ""
    if host.error is not None:
        yield host.error.category
        yield host.error.phase
        yield host.error.message
