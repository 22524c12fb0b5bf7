"""A summary as the JSON document of a scan, ``sockfleet/scan/v1``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..collector.probe.containers import Container
from ..collector.probe.processes import Process
from ..core.text import has_unsafe
from ..core.version import VERSION
from .change import NAMESPACE_NUMBERS, FleetChange, HostChange, NamespaceChange
from .diagnosis import Diagnosis
from .fleet import Distribution, Fleet, FleetSummary, GroupSummary, ScanInfo
from .host import HostSummary
from .namespaces import NamespaceSummary
from .numbers import TCP_NUMBERS, TcpNumbers
from .processes import Attribution

__all__ = [
    "SCHEMA",
    "fleet_document",
    "head_document",
    "host_document",
    "time_text",
    "to_document",
]

SCHEMA = "sockfleet/scan/v1"


def to_document(summary: FleetSummary) -> dict[str, Any]:
    """Return the document as plain values, in the order in which it is written."""
    return head_document(summary) | {
        "hosts": [host_document(host, rank) for rank, host in summary.ranked()]
    }


def head_document(summary: FleetSummary) -> dict[str, Any]:
    """Return the document without its hosts; a writer adds those one by one."""
    return {
        "schema": SCHEMA,
        "sockfleet": VERSION,
        "scan": _scan(summary.scan),
        "fleet": fleet_document(summary.fleet),
        "groups": {_printable(name): _group(group) for name, group in summary.groups.items()},
    }


def fleet_document(fleet: Fleet) -> dict[str, Any]:
    """Return the ``fleet`` of a document; the key ``change`` is absent without a comparison."""
    document: dict[str, Any] = {
        **_group(fleet),
        "failures": dict(fleet.failures),
        "diagnoses": dict(fleet.diagnoses),
        "same_machine": [
            {"boot_id": same.boot_id, "hosts": list(same.hosts)} for same in fleet.same_machine
        ],
        "warnings": [_printable(warning) for warning in fleet.warnings],
    }
    if fleet.change is not None:
        document["change"] = _fleet_change(fleet.change)
    return document


def host_document(host: HostSummary, rank: int | None = None) -> dict[str, Any]:
    """Return one of the ``hosts`` of a document; the key ``rank`` is absent without a rank."""
    document: dict[str, Any] = {
        "name": host.name,
        "address": host.address,
        "port": host.port,
        "groups": host.groups,
        "status": host.status,
    }
    if host.round is not None and host.sampled_at is not None:
        document["round"] = host.round
        document["sampled_at"] = time_text(host.sampled_at)
    if host.levels is not None:
        document["levels"] = host.levels
    if rank is not None:
        document["rank"] = rank
    document["attempts"] = host.attempts
    document["elapsed_s"] = round(host.elapsed_s, 3)
    if (tcp := host.tcp) is not None:
        document["tcp"] = _numbers(tcp)
        document["scope"] = host.scope
        document["scope_reasons"] = host.scope_reasons
        document["uncertainty"] = host.uncertainty
        document["sockets_used"] = host.sockets_used
    _add_holders(document, host)
    if (kernel := host.kernel) is not None:
        document["kernel"] = {
            "release": kernel.release,
            "boot_id": kernel.boot_id,
            "page_size": kernel.page_size,
            "tcp_mem": kernel.tcp_mem,
            "tcp_max_orphans": kernel.tcp_max_orphans,
            "file_nr": kernel.file_nr,
            "file_max": kernel.file_max,
            "tcp_estab": kernel.tcp_estab,
        }
    if tcp is not None:
        document["diagnosis"] = [_diagnosis(one) for one in host.diagnosis]
    if host.change is not None:
        document["change"] = _host_change(host.change)
    if (error := host.error) is not None:
        document["error"] = {
            "category": error.category,
            "phase": error.phase,
            "message": error.message,
        }
    return document


def _add_holders(document: dict[str, Any], host: HostSummary) -> None:
    """Add the namespaces and processes of a host, where they were read."""
    if host.namespaces is not None:
        document["namespaces"] = [_namespace(one) for one in host.namespaces]
    if (rest := host.namespaces_rest) is not None:
        document["namespaces_rest"] = {"namespaces": rest.namespaces, "inuse": rest.inuse}
    if host.processes is not None and host.attribution is not None:
        document["unattributed"] = host.unattributed
        document["processes"] = [_process(one) for one in host.processes]
        document["attribution"] = _attribution(host.attribution)


def _scan(scan: ScanInfo) -> dict[str, Any]:
    document = {
        "id": scan.id,
        "started_at": time_text(scan.started_at),
        "finished_at": time_text(scan.finished_at),
        "duration_s": round(scan.duration_s, 3),
        "complete": scan.complete,
        "inventory": [_printable(source) for source in scan.inventory],
        "limit": None if scan.limit is None else _printable(scan.limit),
        "sort": scan.sort,
        "group_by": None if scan.group_by is None else _printable(scan.group_by),
    }
    if scan.shards is not None:
        document["shards"] = {"of": scan.shards.of, "parts": list(scan.shards.parts)}
    if scan.round is not None:
        document["round"] = scan.round
    if scan.merged:
        document["merged"] = list(scan.merged)
    return document


def _group(group: GroupSummary) -> dict[str, Any]:
    hosts = group.hosts
    return {
        "hosts": {"total": hosts.total, "ok": hosts.ok, "failed": hosts.failed},
        "totals": _numbers(group.totals),
        "distribution": {
            name: _distribution(spread) for name, spread in group.distribution.items()
        },
    }


def _numbers(tcp: TcpNumbers) -> dict[str, int | None]:
    return {name: getattr(tcp, name) for name in TCP_NUMBERS}


def _distribution(spread: Distribution) -> dict[str, int | float | None]:
    return {
        "min": spread.min,
        "p50": spread.p50,
        "p90": spread.p90,
        "p99": spread.p99,
        "max": spread.max,
        "mean": spread.mean,
    }


def time_text(moment: datetime) -> str:
    """Format a moment as every document has it: UTC, with milliseconds."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}Z"


def _namespace(one: NamespaceSummary) -> dict[str, Any]:
    return {
        "inode": one.inode,
        "netns": one.netns,
        "host": one.host,
        "pid": one.pid,
        "command": one.command,
        "container": _container(one.container),
        "unit": one.unit,
        "inuse": one.inuse,
        "inuse6": one.inuse6,
        "tw": one.tw,
        "used": one.used,
        "tcp_close_max": one.tcp_close_max,
    }


def _diagnosis(one: Diagnosis) -> dict[str, Any]:
    return {
        "word": one.word,
        "severity": one.severity,
        "because": one.because,
        "next": one.next,
    }


def _container(container: Container | None) -> dict[str, Any] | None:
    if container is None:
        return None
    return {"runtime": container.runtime, "id": container.id, "pod_uid": container.pod_uid}


def _process(one: Process) -> dict[str, Any]:
    document: dict[str, Any] = {
        "pid": one.pid,
        "command": one.command,
        "user": one.user,
        "namespace": one.namespace,
        "container": _container(one.container),
        "tcp_close": one.tcp_close,
        "bound": one.bound,
        "shared": one.shared,
        "open_files": one.open_files,
        "open_files_limit": one.open_files_limit,
    }
    if one.arguments is not None:
        document["arguments"] = one.arguments
    return document


def _attribution(found: Attribution) -> dict[str, Any]:
    return {
        "tool": found.tool,
        "exact": found.exact,
        "denied": found.denied,
        "partial": found.partial,
        "rest_processes": found.rest_processes,
        "rest_tcp_close": found.rest_tcp_close,
    }


def _host_change(change: HostChange) -> dict[str, Any]:
    document: dict[str, Any] = {
        "status": change.status.value,
        **_numbers(change),
        "bound": change.bound,
        "rate_per_hour": dict(change.rate_per_hour),
    }
    if change.namespaces is not None:
        document["namespaces"] = [_namespace_change(one) for one in change.namespaces]
    return document


def _namespace_change(change: NamespaceChange) -> dict[str, Any]:
    return {
        "inode": change.inode,
        "status": change.status.value,
        **{name: getattr(change, name) for name in NAMESPACE_NUMBERS},
        "rate_per_hour": dict(change.rate_per_hour),
    }


def _fleet_change(change: FleetChange) -> dict[str, Any]:
    return {
        "against": {
            "id": change.against.id,
            "started_at": time_text(change.against.started_at),
            "elapsed_s": round(change.against.elapsed_s, 3),
        },
        "compared": change.compared,
        **_numbers(change),
        "bound": change.bound,
        "rate_per_hour": dict(change.rate_per_hour),
        "new": change.new,
        "gone": change.gone,
        "recovered": change.recovered,
        "lost": change.lost,
        "rebooted": change.rebooted,
    }


def _printable(text: str) -> str:
    """Make text of the command line, which may hold any bytes, valid and printable in JSON."""
    if not has_unsafe(text):
        return text
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join("\N{REPLACEMENT CHARACTER}" if has_unsafe(c) else c for c in shown)
