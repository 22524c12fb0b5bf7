"""Each host of a scan, seen by a rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import lru_cache

from ...aggregator.change import Since
from ...aggregator.host import HostSummary
from ...aggregator.host_numbers import HOST_NUMBERS, rests_on_bound
from ...aggregator.measures import RANKS
from ...history.moments import format_duration
from ..rules.keys import is_change, is_stored
from ..rules.model import Condition, Rule
from .observation import Doubt, Observation, Reading, observe
from .scan_view import ScanView

__all__ = ["boot_id", "describe_no_past", "describe_unread", "observe_hosts"]

_NOT_TRIED = frozenset({"deadline", "not_attempted"})


def observe_hosts(rule: Rule, view: ScanView) -> Iterator[Observation]:
    """What the rule sees of each of its hosts."""
    chosen = view.select(rule.where)
    for host in view.summary.hosts:
        if host.name in chosen:
            yield _observe(rule, host, view)


def boot_id(host: HostSummary | None) -> str | None:
    """The boot id of a host; None where it is unknown."""
    return None if host is None or host.kernel is None else host.kernel.boot_id


def describe_unread(host: HostSummary, view: ScanView) -> Reading:
    """Why a host that was not read cannot be judged."""
    error = host.error
    if error is None:
        return Reading(doubt=Doubt.UNREAD, reason="it was not read")
    if error.category in _NOT_TRIED and not view.summary.scan.complete:
        reason = "the scan ended before it was its turn"
        return Reading(doubt=Doubt.INCOMPLETE, reason=reason)
    return Reading(doubt=Doubt.UNREAD, reason=f"it was not read: {error.category}: {error.message}")


def _observe(rule: Rule, host: HostSummary, view: ScanView) -> Observation:
    return observe(
        rule,
        view.subjects[host.name],
        [_read(one, host, view) for one in rule.when],
        view.counters[host.name],
        groups=host.groups,
        boot_id=boot_id(host),
    )


def _read(condition: Condition, host: HostSummary, view: ScanView) -> Reading:
    key = condition.measure
    if key == "failed":
        return Reading(value=float(host.tcp is None))
    if is_stored(key):
        return _read_stored(condition, host, view)
    if host.tcp is None:
        return describe_unread(host, view)
    if key == "worst.diagnosis":
        ranks = [RANKS[one.severity] for one in host.diagnosis]
        return Reading(value=float(max(ranks))) if ranks else _absent(key)
    if key.startswith("diagnosed."):
        word = key.removeprefix("diagnosed.")
        return Reading(value=float(any(one.word == word for one in host.diagnosis)))
    return _read_number(condition, host, view)


def _read_stored(condition: Condition, host: HostSummary, view: ScanView) -> Reading:
    key = condition.measure
    if host.tcp is None and key != "unread_scans":
        return describe_unread(host, view)
    found = view.stored(key, condition.over).get(host.name)
    if found is None:
        return Reading(doubt=Doubt.ABSENT, reason=f"the store has too little for {key}")
    return Reading(value=found)


def _read_number(condition: Condition, host: HostSummary, view: ScanView) -> Reading:
    key = condition.measure
    name = key.removeprefix("apart.")
    if is_change(name):
        compared = view.compared(condition.over)
        if compared.earlier is None:
            return describe_no_past(condition.over, compared.refusal)
        host = compared.hosts[host.name]
    else:
        compared = view.plain(carried=False)
    if condition.exact and host.is_bound:
        reason = "its tcp_close is an upper bound: some of its network namespaces were not read"
        return Reading(doubt=Doubt.BOUND, reason=reason)
    value = HOST_NUMBERS[name](host)
    if value is None:
        return _describe_absence(name, host)
    if condition.exact and rests_on_bound(name, host):
        return Reading(doubt=Doubt.BOUND, reason="its change is the difference of two bounds")
    if name == key:
        return Reading(value=value)
    times: Mapping[str, float] = view.medians(name, condition.over, compared)
    if host.name not in times:
        return Reading(doubt=Doubt.ABSENT, reason="its group has fewer than 4 hosts to compare")
    return Reading(value=times[host.name])


@lru_cache(maxsize=64)  # the same for each of thousands of hosts
def describe_no_past(over: timedelta | None, refusal: str | None) -> Reading:
    """Why a change cannot be judged where no earlier scan compares."""
    if refusal is not None:
        return Reading(doubt=Doubt.REFUSED, reason=f"the earlier scan does not compare: {refusal}")
    age = "before this one" if over is None else f"of {format_duration(over)} before"
    return Reading(doubt=Doubt.YOUNG, reason=f"the store has no scan {age} yet")


def _describe_absence(name: str, host: HostSummary) -> Reading:
    change = host.change
    if not is_change(name) or change is None:
        return _absent(name)
    if change.status is Since.REBOOTED:
        reason = "it rebooted since the earlier scan"
        return Reading(doubt=Doubt.YOUNG, reason=reason)
    if change.status is not Since.COMPARED:
        return Reading(doubt=Doubt.YOUNG, reason="the earlier scan did not read it")
    if name.endswith("tcp_close"):
        reason = "the two scans saw other network namespaces of it: their numbers do not compare"
        return Reading(doubt=Doubt.REFUSED, reason=reason)
    return _absent(name)


def _absent(name: str) -> Reading:
    return Reading(doubt=Doubt.ABSENT, reason=f"it does not give {name}")
