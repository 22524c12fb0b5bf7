"""The network namespaces of hosts, and the processes that hold their sockets, seen by a rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from ...aggregator.change import NAMESPACE_NUMBERS
from ...aggregator.host import HostSummary
from ...aggregator.namespaces import NamespaceSummary
from ...collector.probe.containers import Container
from ...collector.probe.processes import Process
from ..notification import Subject
from ..rules.model import Condition, Each, Rule
from .hosts import boot_id, describe_unread
from .observation import Doubt, Observation, Reading, observe
from .scan_view import ScanView

__all__ = [
    "describe_lost_rights",
    "describe_missing_part",
    "describe_partial_list",
    "observe_parts",
]

Numbers = Mapping[str, float | None]
_DIFFERENCES = ("change.", "growth.")


def observe_parts(rule: Rule, view: ScanView) -> Iterator[Observation]:
    """What the rule sees of each namespace, or of the processes of each command."""
    chosen = view.select(rule.where)
    read = [host for host in view.summary.hosts if host.name in chosen and host.tcp is not None]
    if read and all(describe_missing_part(rule.each, host, view) is not None for host in read):
        what = "processes" if rule.each is Each.HOLDER else "namespaces"
        view.notes[f"rule {rule.name} judges nothing: the scan was without --{what}"] = None
    for host in view.summary.hosts:
        if host.name in chosen:
            for name, numbers in _parts(rule.each, host).items():
                yield _observe(rule, name, numbers, host, view)


def describe_missing_part(each: Each, host: HostSummary, view: ScanView) -> Reading | None:
    """Why a host lists no namespaces or holders at all; None: it does."""
    if host.tcp is None:
        return describe_unread(host, view)
    if each is Each.NAMESPACE and host.namespaces is None:
        return Reading(doubt=Doubt.ABSENT, reason="its network namespaces were not read")
    if each is Each.HOLDER and host.processes is None:
        return Reading(doubt=Doubt.ABSENT, reason="the scan was without --processes")
    return None


def describe_partial_list(each: Each, host: HostSummary) -> Reading | None:
    """Why a part may be there that the host's list does not show; None: it is not there.

    A holder's listed processes may then be only some of its processes.
    """
    reason = _describe_cut(host) if each is Each.HOLDER else _describe_bound(host)
    return None if reason is None else Reading(doubt=Doubt.PARTIAL, reason=reason)


def describe_lost_rights(subject: Subject, host: HostSummary, view: ScanView) -> Reading | None:
    """Why a holder may be one of the processes that could not be read; None: it is not.

    It is not where the scan before showed it to a reader of the same rights.
    """
    denied = _count_denied(host)
    if not denied:
        return None
    before = view.compared(None).earlier_hosts.get(host.name)
    name = subject.name.removeprefix(f"{host.name}/")
    if before is not None and _count_denied(before) and name in _holders(before):
        return None
    return Reading(doubt=Doubt.PARTIAL, reason=f"{denied} of its processes could not be read")


def _describe_bound(host: HostSummary) -> str | None:
    if host.namespaces_rest is not None:
        return f"{host.namespaces_rest.namespaces} of its network namespaces are not listed"
    return "some of its network namespaces were not read" if host.is_bound else None


def _describe_cut(host: HostSummary) -> str | None:
    found = host.attribution
    if found is not None and found.partial:
        return "the time on the host ended before all its processes were read"
    if found is not None and found.rest_processes:
        return f"{found.rest_processes} of its processes are not listed"
    return None


def _count_denied(host: HostSummary) -> int:
    """The processes that could not be read, if they may hold closed sockets."""
    if host.attribution is None or (host.unattributed is not None and host.unattributed <= 0):
        return 0
    return host.attribution.denied


def _parts(each: Each, host: HostSummary) -> Mapping[str, Numbers]:
    return _holders(host) if each is Each.HOLDER else _namespaces(host)


def _namespaces(host: HostSummary) -> Mapping[str, Numbers]:
    found: dict[str, Numbers] = {}
    for one in host.namespaces or ():
        name = _name_namespace(one)
        if name in found:  # two containers of one pod
            name = f"{name}:{one.netns or one.inode}"
        found[name] = {number: getattr(one, number) for number in NAMESPACE_NUMBERS}
    return found


def _name_namespace(one: NamespaceSummary) -> str:
    if one.host:
        return "host"
    return _name_container(one.container) or one.command or str(one.netns or one.inode)


def _name_container(container: Container | None) -> str | None:
    return None if container is None else container.id[:12]


def _holders(host: HostSummary) -> Mapping[str, Numbers]:
    """The processes by command: a restart or a pool of workers makes no new subject."""
    members: dict[str, list[Process]] = {}
    for process in host.processes or ():
        members.setdefault(process.command or "process", []).append(process)
    return {name: _sum_up(processes) for name, processes in members.items()}


def _sum_up(processes: list[Process]) -> Numbers:
    known = [one for one in processes if one.open_files is not None]
    limited = [
        (100 * (one.open_files or 0) / one.open_files_limit, one.open_files)
        for one in known
        if one.open_files_limit
    ]
    percent, open_files = max(limited, default=(None, None))
    if open_files is None:
        open_files = max((one.open_files or 0 for one in known), default=None)
    return {
        "tcp_close": sum(one.tcp_close for one in processes),
        "processes": len(processes),
        "open_files": open_files,
        "open_files_percent": None if percent is None else round(percent, 2),
    }


def _observe(
    rule: Rule, name: str, numbers: Numbers, host: HostSummary, view: ScanView
) -> Observation:
    seen = observe(
        rule,
        Subject(kind=str(rule.each), name=f"{host.name}/{name}", host=host.name),
        [_read(one, rule.each, name, numbers, host, view) for one in rule.when],
        numbers,
        groups=host.groups,
        boot_id=boot_id(host),
    )
    if rule.each is not Each.HOLDER or seen.severity is not None or seen.doubt is not None:
        return seen
    partial = describe_partial_list(rule.each, host)
    if partial is None:
        return seen
    # Its other processes may be among those that the list lacks: the numbers are lower bounds.
    return replace(seen, is_clear=False, doubt=partial.doubt, reason=partial.reason)


def _read(
    condition: Condition,
    each: Each,
    name: str,
    numbers: Numbers,
    host: HostSummary,
    view: ScanView,
) -> Reading:
    key = condition.measure
    prefix = next((one for one in _DIFFERENCES if key.startswith(one)), "")
    value = numbers.get(key.removeprefix(prefix))
    if value is None:
        return Reading(doubt=Doubt.ABSENT, reason=f"it does not give {key}")
    if condition.exact and each is Each.HOLDER and any(one.bound for one in host.processes or ()):
        return Reading(doubt=Doubt.BOUND, reason="the counts of processes are upper bounds")
    if not prefix:
        return Reading(value=value)
    return _difference(prefix, key.removeprefix(prefix), value, (each, name, host), condition, view)


def _difference(
    prefix: str,
    number: str,
    value: float,
    part: tuple[Each, str, HostSummary],
    condition: Condition,
    view: ScanView,
) -> Reading:
    each, name, host = part
    compared = view.compared(condition.over)
    scan, before = compared.earlier, compared.earlier_hosts.get(host.name)
    if scan is None or before is None or describe_missing_part(each, before, view) is not None:
        reason = "the store has no scan of that age that read it"
        return Reading(doubt=Doubt.YOUNG, reason=reason)
    if boot_id(before) != boot_id(host):
        return Reading(doubt=Doubt.YOUNG, reason="its host rebooted since the earlier scan")
    earlier = _parts(each, before).get(name, {}).get(number)
    if earlier is None and each is Each.NAMESPACE:
        return Reading(doubt=Doubt.YOUNG, reason="it is new since the earlier scan")
    saw_less = earlier is None and _count_denied(before) and not _count_denied(host)
    if each is Each.HOLDER and (saw_less or describe_partial_list(each, before) is not None):
        return Reading(doubt=Doubt.YOUNG, reason="the earlier scan did not read all processes")
    # A process that held nothing is not listed.
    change = value - (earlier or 0)
    if prefix == "change.":
        return Reading(value=change)
    elapsed = view.summary.scan.started_at - scan.scan.started_at
    return Reading(value=round(change / (elapsed / timedelta(hours=1)), 3))
