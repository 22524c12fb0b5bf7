"""The states of an alert: normal, pending, firing, clearing. Pure: no clock, no store.

A scan that cannot judge a subject changes nothing and counts neither way, so that one failed read
neither ends an alert nor starts its ``hold`` anew.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from ...core.record import record
from ..judge.observation import RANK
from ..notification import Severity
from ..rules.model import Span

__all__ = ["DAY_MS", "Course", "Phase", "Step", "Timing", "Transition", "Verdict", "end", "step"]

DAY_MS = 86_400_000
MOST_EPISODES = 3
"""More of them within a day are flapping."""
FLAPPING_CLEARS_AFTER = 4
"""Times ``clear-after``."""


class Phase(StrEnum):
    """Where an alert is."""

    NORMAL = "normal"
    PENDING = "pending"
    """The rule holds, for less than ``hold``."""
    FIRING = "firing"
    CLEARING = "clearing"
    """It is over, for less than ``clear-after``; it still counts as firing."""


class Transition(StrEnum):
    """A change that sinks may have to be notified of."""

    FIRED = "fired"
    WORSE = "worse"
    RESOLVED = "resolved"


@record
class Timing:
    """How long a rule must hold, and must be over."""

    hold: Span = Span()
    clear_after: Span = Span()


@record
class Verdict:
    """What one scan shows of the subject."""

    severity: Severity | None = None
    """None: the rule does not hold."""
    is_clear: bool = False
    """Whether it is over too."""
    is_known: bool = True
    """False: it cannot be judged, and the two above mean nothing."""
    boot_id: str | None = None


@record
class Course:
    """Where an alert is, and how it came there. Times are Unix milliseconds of scans."""

    phase: Phase = Phase.NORMAL
    severity: Severity | None = None
    """While pending, firing or clearing."""
    began_ms: int | None = None
    """When the rule was first seen to hold, of this episode."""
    scans: int = 0
    """Scans in a row that count for ``hold`` or ``clear-after``."""
    span_ms: int = 0
    """The time between them, without the time of scans that could not judge."""
    judged_ms: int | None = None
    """The last scan that could judge; None also where the one after it could not, and while it is
    normal."""
    episode: int = 0
    """One more each time that it fires; never again one that it had."""
    fired_ms: int | None = None
    """When it last fired."""
    recent_ms: tuple[int, ...] = ()
    """When it fired within the day before that."""
    is_flapping: bool = False
    unknown_scans: int = 0
    """Scans in a row that could not judge it."""
    unknown_ms: int | None = None
    """The first of them."""
    boot_id: str | None = None
    """Of its host, at the last scan that read it."""

    @property
    def has_fired(self) -> bool:
        """Whether it ever fired."""
        return self.fired_ms is not None

    @property
    def is_firing(self) -> bool:
        """Whether the alert counts as firing."""
        return self.phase in (Phase.FIRING, Phase.CLEARING)


@record
class Step:
    """What one scan made of a course."""

    course: Course
    transitions: tuple[Transition, ...] = ()
    """In this order: a reboot ends an alert, and the same scan may begin the next one."""
    reason: str | None = None
    """Why it resolved, where that is not the rule's own numbers."""


def step(course: Course, seen: Verdict, timing: Timing, at_ms: int) -> Step:
    """Apply one scan, which began at ``at_ms`` and is newer than all before."""
    ended = Step(course=course)
    is_other_boot = None not in (course.boot_id, seen.boot_id) and course.boot_id != seen.boot_id
    if is_other_boot and course.phase is not Phase.NORMAL:
        ended = end(course, "the host rebooted")
    known = replace(ended.course, boot_id=seen.boot_id or course.boot_id)
    if not seen.is_known:
        unknown = replace(
            known,
            judged_ms=None,
            unknown_scans=known.unknown_scans + 1,
            unknown_ms=at_ms if known.unknown_ms is None else known.unknown_ms,
        )
        return replace(ended, course=unknown)
    # An earlier scan with a wrong clock may be of later.
    elapsed_ms = 0 if course.judged_ms is None else max(0, at_ms - course.judged_ms)
    known = replace(known, judged_ms=at_ms, unknown_scans=0, unknown_ms=None)
    after = _advance(known, seen, timing, at_ms, elapsed_ms)
    moved = after.course
    if moved.phase is Phase.NORMAL:
        # Nothing is counted from it, and what a scan does not change is not written.
        moved = replace(moved, judged_ms=None)
    return Step(
        course=moved,
        transitions=(*ended.transitions, *after.transitions),
        reason=ended.reason,
    )


def end(course: Course, reason: str) -> Step:
    """End an alert for another reason than its numbers: a reboot, no such rule, no such host."""
    transitions = (Transition.RESOLVED,) if course.is_firing else ()
    ended = replace(_to_normal(course), unknown_scans=0, unknown_ms=None)
    return Step(course=ended, transitions=transitions, reason=reason)


def _advance(course: Course, seen: Verdict, timing: Timing, at_ms: int, elapsed_ms: int) -> Step:
    if course.phase is Phase.NORMAL:
        if seen.severity is None:
            return Step(course=course)
        begun = replace(
            course,
            phase=Phase.PENDING,
            severity=seen.severity,
            began_ms=at_ms,
            scans=1,
            span_ms=0,
        )
        return _fire_if_held(begun, timing, at_ms)
    if course.phase is Phase.PENDING:
        if seen.severity is None:
            return Step(course=_to_normal(course))
        held = replace(_count(course, elapsed_ms), severity=seen.severity)
        return _fire_if_held(held, timing, at_ms)
    if seen.severity is not None or not seen.is_clear:
        return _keep_firing(course, seen.severity)
    if course.phase is Phase.FIRING:
        clearing = replace(course, phase=Phase.CLEARING, scans=1, span_ms=0)
    else:
        clearing = _count(course, elapsed_ms)
    times = FLAPPING_CLEARS_AFTER if course.is_flapping else 1
    if timing.clear_after.is_over(clearing.scans, clearing.span_ms, times=times):
        return Step(course=_to_normal(clearing), transitions=(Transition.RESOLVED,))
    return Step(course=clearing)


def _fire_if_held(course: Course, timing: Timing, at_ms: int) -> Step:
    if not timing.hold.is_over(course.scans, course.span_ms):
        return Step(course=course)
    recent = (*(one for one in course.recent_ms if at_ms - one < DAY_MS), at_ms)
    fired = replace(
        course,
        phase=Phase.FIRING,
        episode=course.episode + 1,
        fired_ms=at_ms,
        # A course that flaps for weeks keeps no list of them all.
        recent_ms=recent[-MOST_EPISODES - 1 :],
        is_flapping=len(recent) > MOST_EPISODES,
        scans=0,
        span_ms=0,
    )
    return Step(course=fired, transitions=(Transition.FIRED,))


def _keep_firing(course: Course, severity: Severity | None) -> Step:
    """It holds, or is between its ranges: then it stays as severe as it was."""
    severity = severity or course.severity
    kept = replace(course, phase=Phase.FIRING, severity=severity, scans=0, span_ms=0)
    is_worse = RANK[severity] > RANK[course.severity]
    return Step(course=kept, transitions=(Transition.WORSE,) if is_worse else ())


def _count(course: Course, elapsed_ms: int) -> Course:
    return replace(course, scans=course.scans + 1, span_ms=course.span_ms + elapsed_ms)


def _to_normal(course: Course) -> Course:
    """Its episodes stay known: the next one gets another number."""
    return replace(course, phase=Phase.NORMAL, severity=None, began_ms=None, scans=0, span_ms=0)
