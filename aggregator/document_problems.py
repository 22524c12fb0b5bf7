"""Find values that cannot be right in a document whose shape is valid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ..collector.probe.processes import Process
from ..core.text import has_unsafe
from .change import NAMESPACE_NUMBERS, FleetChange
from .fleet import DISTRIBUTED, SORT_KEYS, FleetSummary
from .host import HostSummary, Status
from .namespaces import NamespaceSummary
from .numbers import tcp_values
from .shards import Shards

__all__ = ["find_problems"]

# A JSON writer can write these again, and their sums over millions of hosts; see host.py.
_MOST = 2**42
_MOST_SETTING = 2**63 - 1


def find_problems(summary: FleetSummary) -> Iterator[str]:
    """Yield each problem as a complete sentence, with the path of keys where it is known."""
    for name in ("started_at", "finished_at"):
        yield from _time_problems(f"scan.{name}", getattr(summary.scan, name))
    if summary.fleet.change is not None:
        yield from _change_problems(summary.fleet.change)
    scan, fleet = summary.scan, summary.fleet
    if scan.sort not in SORT_KEYS:
        yield f"scan.sort is {scan.sort!r}, expected one of {', '.join(SORT_KEYS)}"
    if scan.shards is not None:
        yield from _shard_problems(scan.shards)
    same = [text for one in fleet.same_machine for text in (one.boot_id, *one.hosts)]
    texts = (
        scan.id,
        scan.limit or "",
        scan.group_by or "",
        *scan.inventory,
        *fleet.warnings,
        *scan.merged,
    )
    for text in (*texts, *fleet.failures, *fleet.diagnoses, *summary.groups, *same):
        yield from _unprintable("$", text)
    for name, group in (("fleet", fleet), *summary.groups.items()):
        for missing in set(DISTRIBUTED) - group.distribution.keys():
            yield f"$: {name} has no distribution of {missing}"
    seen = set[str]()
    for number, host in enumerate(summary.hosts):
        where = f"hosts[{number}]"
        if host.name in seen:
            yield f"{where}.name: {host.name!r} stands in the document twice"
        seen.add(host.name)
        yield from _host_problems(where, host)


def _shard_problems(shards: Shards) -> Iterator[str]:
    parts = shards.parts
    if not parts or list(parts) != sorted(set(parts)) or parts[0] < 1 or parts[-1] > shards.of:
        yield f"scan.shards.parts is {list(parts)}, expected parts from 1 to {shards.of}, sorted"


def _time_problems(where: str, moment: datetime) -> Iterator[str]:
    if moment.tzinfo is None:
        yield f"{where} has no time zone"
    if not 1970 <= moment.year < 9999:  # every time zone can express it
        yield f"{where} is of the year {moment.year}, expected one from 1970 on"


def _change_problems(change: FleetChange) -> Iterator[str]:
    where = "fleet.change"
    yield from _time_problems(f"{where}.against.started_at", change.against.started_at)
    if change.against.elapsed_s <= 0:
        yield f"{where}.against.elapsed_s is {change.against.elapsed_s}, expected more than 0"
    for named in (change.new, change.gone or (), change.recovered, change.lost, change.rebooted):
        for name in named:
            yield from _unprintable(where, name)
    for text in (change.against.id, *change.rate_per_hour):
        yield from _unprintable(where, text)


def _host_problems(where: str, host: HostSummary) -> Iterator[str]:
    if host.status is Status.OK and (host.tcp is None or host.error is not None):
        yield f"{where}: status is 'ok', expected 'tcp' and no 'error'"
    if host.status is Status.FAILED and (host.error is None or host.tcp is not None):
        yield f"{where}: status is 'failed', expected 'error' and no 'tcp'"
    yield from _beyond(where, _counts(host), _MOST)
    yield from _beyond(f"{where}.change", _differences(host), 2 * _MOST)
    yield from _beyond(f"{where}.kernel", _settings(host), _MOST_SETTING)
    reasons = (number for one in host.diagnosis for number in one.because.values())
    yield from _beyond(f"{where}.diagnosis", reasons, _MOST_SETTING)
    for text in _texts(host):
        yield from _unprintable(where, text)


def _beyond(where: str, numbers: Iterable[int | None], most: int) -> Iterator[str]:
    for number in numbers:
        if number is not None and abs(number) > most:
            yield f"{where}: {number} is beyond {most}: no kernel counts so far"


def _unprintable(where: str, text: str) -> Iterator[str]:
    if has_unsafe(text):
        yield f"{where}: {text!r} holds characters that cannot be printed"


def _counts(host: HostSummary) -> Iterator[int | None]:
    yield from (host.port, host.attempts, host.sockets_used, host.uncertainty)
    if (rest := host.namespaces_rest) is not None:
        yield from (rest.namespaces, rest.inuse)
    for one in host.namespaces or ():
        yield from (one.inode, one.netns, one.pid)
        yield from (getattr(one, name) for name in NAMESPACE_NUMBERS)
    yield host.unattributed
    for process in host.processes or ():
        yield from (process.pid, process.namespace, process.tcp_close, process.shared)
        yield from (process.open_files, process.open_files_limit)
    if (found := host.attribution) is not None:
        yield from (found.denied, found.rest_processes, found.rest_tcp_close)
    if (tcp := host.tcp) is not None:
        yield from tcp_values(tcp)
    if (kernel := host.kernel) is not None:
        yield from (kernel.tcp_estab, kernel.file_nr)


def _differences(host: HostSummary) -> Iterator[int | None]:
    if (change := host.change) is not None:
        yield from tcp_values(change)
        for namespace in change.namespaces or ():
            yield namespace.inode
            yield from (getattr(namespace, name) for name in NAMESPACE_NUMBERS)


def _settings(host: HostSummary) -> Iterator[int | None]:
    if (kernel := host.kernel) is not None:
        yield from (kernel.page_size, kernel.tcp_max_orphans, kernel.file_max)
        yield from kernel.tcp_mem or ()


def _texts(host: HostSummary) -> Iterator[str]:
    yield host.name
    yield host.address or ""
    yield from host.groups
    yield from host.levels or ()
    yield from host.scope_reasons
    if host.change is not None:
        yield from host.change.rate_per_hour
        for changed in host.change.namespaces or ():
            yield from changed.rate_per_hour
    for diagnosis in host.diagnosis:
        yield from (diagnosis.word, diagnosis.next, *diagnosis.because)
    for process in host.processes or ():
        yield from (process.user or "", process.arguments or "")
    if host.attribution is not None:
        yield host.attribution.tool or ""
    yield from (one.unit or "" for one in host.namespaces or ())
    holders: list[NamespaceSummary | Process] = []
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
