"""Judge one scan by all rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...aggregator.fleet import FleetSummary
from ...aggregator.host import HostSummary
from ...core.record import record
from ..notification import Subject
from ..rules.keys import CLOCK_KEYS
from ..rules.model import Each, Rule
from .groups import observe_groups
from .hosts import observe_hosts
from .observation import Observation, Reading
from .parts import (
    describe_lost_rights,
    describe_missing_part,
    describe_partial_list,
    observe_parts,
)
from .past import Past
from .scan_view import ScanView

__all__ = ["Ended", "JudgedScan", "is_of_the_clock", "judge_scan", "subject_key"]


@record
class Ended:
    """A subject that is no longer there: its alert is over."""

    reason: str


@record
class JudgedScan:
    """What each rule sees of each of its subjects in one scan."""

    summary: FleetSummary
    observations: Mapping[str, Mapping[str, Observation]]
    """By `Rule.key`, then by `subject_key`."""
    view: ScanView

    def find_missing(self, rule: Rule, subject: Subject) -> Observation | Ended:
        """What became of a subject that an earlier scan had, and that this one does not show."""
        host = self.view.hosts.get(subject.host or "")
        is_part = rule.each in (Each.NAMESPACE, Each.HOLDER)
        if not is_part or host is None or host.name not in self.view.select(rule.where):
            return Ended(
                reason=f"the {rule.each} is no longer in the inventory, or in the rule's where"
            )
        doubt = self._doubt_absence(rule.each, subject, host)
        if doubt is not None:
            return Observation(
                subject=subject, doubt=doubt.doubt, reason=doubt.reason, measured={}, counters={}
            )
        if rule.each is Each.NAMESPACE:
            return Ended(reason="the namespace ended")
        return Ended(reason="no process of it holds a closed socket any more")

    def _doubt_absence(self, each: Each, subject: Subject, host: HostSummary) -> Reading | None:
        """Why a namespace or holder may still be there; None: it has ended."""
        doubt = describe_missing_part(each, host, self.view) or describe_partial_list(each, host)
        if doubt is not None or each is Each.NAMESPACE:
            return doubt
        return describe_lost_rights(subject, host, self.view)


def judge_scan(rules: Iterable[Rule], summary: FleetSummary, past: Past) -> JudgedScan:
    """Judge a scan beside its past."""
    view = ScanView(summary, past)
    return JudgedScan(
        summary=summary,
        observations={
            rule.key: {subject_key(one.subject): one for one in _observe(rule, view)}
            for rule in rules
        },
        view=view,
    )


def is_of_the_clock(rule: Rule) -> bool:
    """Whether the rule changes without a scan, and is judged at each evaluation."""
    return all(one.measure in CLOCK_KEYS for one in rule.when)


def subject_key(subject: Subject) -> str:
    """The subject in keys of alerts: a host's own name, others with their kind before."""
    return subject.name if subject.kind == "host" else f"{subject.kind}:{subject.name}"


def _observe(rule: Rule, view: ScanView) -> Iterable[Observation]:
    if rule.each is Each.HOST:
        return observe_hosts(rule, view)
    if rule.each in (Each.GROUP, Each.FLEET):
        return observe_groups(rule, view)
    return observe_parts(rule, view)
