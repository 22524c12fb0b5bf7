"""The fleet and each group of a scan, seen by a rule."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ...aggregator.fleet import FleetSummary
from ...aggregator.measures import measure
from ...aggregator.numbers import TCP_NUMBERS
from ..notification import Subject
from ..rules.keys import CLOCK_KEYS, is_change, is_stored
from ..rules.model import Condition, Each, Rule
from .hosts import describe_no_past
from .observation import Doubt, Observation, Reading, observe
from .scan_view import Compared, ScanView

__all__ = ["observe_groups"]

_OF_THE_RUN = frozenset({"failed", "failed_percent", "read", "duration_s", *CLOCK_KEYS})
"""What the scan itself gives: known of every complete scan, whatever hosts it could read."""
_SINCE = frozenset({"new", "gone", "lost", "recovered", "rebooted"})


def observe_groups(rule: Rule, view: ScanView) -> Iterator[Observation]:
    """What the rule sees of the fleet, or of each group."""
    chosen = view.select(rule.where)
    if rule.each is Each.FLEET:
        yield _observe(rule, Subject(kind="fleet", name="all"), chosen, view)
        return
    members: dict[str, set[str]] = {}
    for host in view.summary.hosts:
        if host.name in chosen:
            for group in host.groups:
                members.setdefault(group, set()).add(host.name)
    for name in sorted(members):
        yield _observe(rule, Subject(kind="group", name=name), members[name], view)


def _observe(rule: Rule, subject: Subject, names: Collection[str], view: ScanView) -> Observation:
    totals = view.plain(carried=True).part(names).fleet.totals
    return observe(
        rule,
        subject,
        [_read(one, names, view) for one in rule.when],
        {name: getattr(totals, name) for name in TCP_NUMBERS},
        groups=(subject.name,) if subject.kind == "group" else (),
    )


def _read(condition: Condition, names: Collection[str], view: ScanView) -> Reading:
    key = condition.measure
    if key in CLOCK_KEYS:
        return Reading(value=measure(key, view.summary).value)
    if not view.summary.scan.complete:
        reason = "the scan ended before every host had its turn"
        return Reading(doubt=Doubt.INCOMPLETE, reason=reason)
    if not names:
        return Reading(doubt=Doubt.ABSENT, reason="the rule selects no host of this scan")
    if is_change(key):
        compared = view.compared(condition.over, carried=key not in _SINCE)
        if compared.earlier is None:
            return describe_no_past(condition.over, compared.refusal)
    else:
        compared = view.plain(carried=key not in _OF_THE_RUN and not is_stored(key))
    return _measure(condition, names, compared, view)


def _measure(
    condition: Condition, names: Collection[str], compared: Compared, view: ScanView
) -> Reading:
    key = condition.measure
    part = compared.part(names)
    if key in _SINCE and len(names) == len(view.hosts):
        part = compared.summary  # a part cannot tell which hosts are missing
    if condition.exact:
        part = _only_exact(part, compared)
        if not part.hosts:
            return Reading(doubt=Doubt.BOUND, reason="the numbers of all its hosts are bounds")
    stored = {key: view.stored(key, condition.over)} if is_stored(key) else None
    value = measure(key, part, stored).value
    if value is not None:
        return Reading(value=value)
    if not part.fleet.hosts.ok:
        return Reading(doubt=Doubt.UNREAD, reason="no host of it was read")
    return Reading(doubt=Doubt.ABSENT, reason=f"no host gives {key}")


def _only_exact(part: FleetSummary, compared: Compared) -> FleetSummary:
    """The part without the hosts whose numbers are bounds."""
    return compared.part(
        {host.name for host in part.hosts if host.tcp is not None and not host.is_bound}
    )
