"""What a rule sees of one subject in one scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from ...core.record import record
from ..notification import Severity, Subject
from ..rules.model import Condition, Rule

__all__ = ["RANK", "Doubt", "Observation", "Reading", "judge_conditions", "observe"]

RANK = {None: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
"""A higher number is worse."""


class Doubt(StrEnum):
    """Why a number cannot be judged. Each freezes the state of an alert."""

    UNREAD = "unread"
    """The host was not read."""
    INCOMPLETE = "incomplete"
    """The scan ended before every host was tried."""
    PARTIAL = "partial"
    """The host's list lacks some parts, or some processes of a holder."""
    BOUND = "bound"
    """The number is an upper bound, and the rule takes only exact ones."""
    REFUSED = "refused"
    """The comparison with the earlier scan means nothing."""
    YOUNG = "young"
    """There is no earlier scan of that age yet, or the host was not in it."""
    ABSENT = "absent"
    """The host does not give the number."""

    @property
    def is_expected(self) -> bool:
        """Whether it is usual for a subject, so it is no reason for a cannot-judge alert."""
        return self in (Doubt.PARTIAL, Doubt.YOUNG, Doubt.ABSENT)


@record
class Reading:
    """One number of one subject; exactly one of ``value`` and ``doubt`` is None."""

    value: float | None = None
    doubt: Doubt | None = None
    reason: str | None = None
    """A sentence, with ``doubt``."""


@record
class Observation:
    """A subject in a scan, seen by a rule."""

    subject: Subject
    severity: Severity | None = None
    """How bad it is; None where the rule does not hold, or cannot be judged."""
    is_clear: bool = False
    """Whether a firing alert is over: a rule may neither hold nor be over."""
    doubt: Doubt | None = None
    """Not None: it cannot be judged, and the two above mean nothing."""
    reason: str | None = None
    """A sentence, with ``doubt``."""
    measured: Mapping[str, float | None]
    """The numbers of the rule's conditions by KEY."""
    counters: Mapping[str, float | None]
    """The subject's plain numbers by KEY, which a notification may show too."""
    groups: Sequence[str] = ()
    boot_id: str | None = None
    """Of its host; None where that is unknown, or it has none."""

    @property
    def values(self) -> Mapping[str, float | None]:
        """All by KEY, those of the rule first: few observations become an alert that shows them."""
        more = {key: one for key, one in self.counters.items() if key not in self.measured}
        return {**self.measured, **more}


def observe(
    rule: Rule,
    subject: Subject,
    readings: Sequence[Reading],
    counters: Mapping[str, float | None],
    *,
    groups: Sequence[str] = (),
    boot_id: str | None = None,
) -> Observation:
    """The observation of a subject from the readings of the rule's conditions, in their order.

    ``counters`` are the plain numbers of the subject, which a notification may show too.
    """
    severity, is_clear, doubtful = judge_conditions(rule, readings)
    values: dict[str, float | None] = {}
    for condition, reading in zip(rule.when, readings, strict=True):
        values.setdefault(condition.measure, reading.value)
    return Observation(
        subject=subject,
        severity=severity,
        is_clear=is_clear,
        doubt=None if doubtful is None else doubtful.doubt,
        reason=None if doubtful is None else doubtful.reason,
        measured=values,
        counters=counters,
        groups=groups,
        boot_id=boot_id,
    )


def judge_conditions(
    rule: Rule, readings: Sequence[Reading]
) -> tuple[Severity | None, bool, Reading | None]:
    """Judge the numbers of a rule's conditions, in their order.

    Returns the severity (None: it does not hold), whether the rule is over, and the doubtful
    reading if one leaves it open. A condition that is known to be over decides, whatever the
    others are.
    """
    severities: list[Severity | None] = []
    doubtful: Reading | None = None
    for condition, reading in zip(rule.when, readings, strict=True):
        if reading.value is None:
            doubtful = doubtful or reading
            continue
        severity, is_over = _judge(condition, reading.value)
        if is_over:
            return None, True, None
        severities.append(severity)
    if doubtful is not None:
        return None, False, doubtful
    if any(severity is None for severity in severities):
        return None, False, None  # between its ranges: it does not hold and is not over
    return _severity_of_all(rule.when, severities), False, None


def _judge(condition: Condition, value: float) -> tuple[Severity | None, bool]:
    """The severity of one number, and whether it is over."""
    if condition.critical is not None and condition.critical.alerts(value):
        return Severity.CRITICAL, False
    if condition.warning is not None and condition.warning.alerts(value):
        return Severity.WARNING, False
    return None, condition.clear is None or not condition.clear.alerts(value)


def _severity_of_all(
    conditions: Sequence[Condition], severities: Sequence[Severity | None]
) -> Severity:
    """Critical where all that have a critical range are; one without it is only a requirement."""
    graded = [
        severity
        for condition, severity in zip(conditions, severities, strict=True)
        if condition.critical is not None
    ]
    is_critical = bool(graded) and all(one is Severity.CRITICAL for one in graded)
    return Severity.CRITICAL if is_critical else Severity.WARNING
