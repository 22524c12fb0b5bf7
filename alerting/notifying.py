"""Which sinks are notified of an alert after a scan. Pure: no clock, no store.

It follows from what each sink received before, and not from what happened in this scan. So an alert
that a silence held back is sent when the silence ends, and a sink that received no firing alert
receives no end of it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ..core.record import record
from .judge.judge import subject_key
from .judge.observation import RANK
from .notification import Alert, Event, Severity
from .rules.model import Rule
from .states.alert_state import AlertState, Notified, moment
from .states.machine import DAY_MS, Course, Phase

__all__ = [
    "CANNOT_JUDGE",
    "NOTHING",
    "EndedEpisode",
    "Notification",
    "NotifyContext",
    "Restraint",
    "SinkTraits",
    "alert_key",
    "count_others_firing",
    "notify",
]

CANNOT_JUDGE = "cannot-judge"
"""The name of the alert of subjects that no rule could judge for some scans."""


@record
class SinkTraits:
    """The properties of a sink that decide what it receives."""

    name: str
    repeats_all: bool = False
    most_alerts: int = 100


@record
class Notification:
    """One alert for one sink, to be sent."""

    sink: str
    alert: Alert
    is_repeat: bool = False
    """It says nothing new: a newer one of the same alert replaces it."""
    fired_ms: int | None = None
    """The scan in which its episode fired."""


@record
class EndedEpisode:
    """The end of an episode."""

    course: Course
    """As it was before it ended."""
    reason: str | None = None


@record
class NotifyContext:
    """What is the same for all alerts of one evaluation."""

    scope: str
    """The rules file and the selection of hosts: alerts of two of them are never the same."""
    at_ms: int
    """When the scan began."""
    now_ms: int
    """By this machine's clock."""
    expires_ms: int
    """Until when a receiver may hold an alert as firing without news."""


@record
class Restraint:
    """What keeps an alert from being sent."""

    is_inhibited: bool = False
    """A sink that has not received it yet does not receive it."""
    is_silenced: bool = False
    """Direct sinks do not receive it."""
    acknowledged: Severity | None = None
    """Up to this severity direct sinks receive no repeat."""


NOTHING = Restraint()


def notify(
    state: AlertState,
    ended: EndedEpisode | None,
    rule: Rule | None,
    sinks: Mapping[str, SinkTraits],
    context: NotifyContext,
    restraint: Restraint = NOTHING,
) -> tuple[AlertState, list[Notification]]:
    """Return the state with the last notification of each sink, and the new ones.

    ``ended`` is the episode that ended in this scan. ``rule`` is None where the file no longer has
    it; sinks that the file no longer has are not notified.
    """
    notified = {name: one for name, one in state.notified.items() if name in sinks}
    notifications = (
        [] if ended is None else list(_notify_end(state, ended, rule, notified, context))
    )
    course = state.course
    if course.is_firing and rule is not None:
        for name in sinks if rule.notify is None else rule.notify:
            if name not in sinks:
                continue
            before = notified.get(name)
            event = _choose_event(course, before, sinks[name], rule, context, restraint)
            if event is not None:
                notified[name] = _remember(before, course, event, context.now_ms)
                notifications.append(
                    _make_notification(state, course, rule, event, notified[name], name, context)
                )
    if not course.is_flapping:
        notified = {name: replace(one, as_flapping=False) for name, one in notified.items()}
    return replace(state, notified=notified), notifications


def _notify_end(
    state: AlertState,
    ended: EndedEpisode,
    rule: Rule | None,
    notified: Mapping[str, Notified],
    context: NotifyContext,
) -> Iterator[Notification]:
    for name, one in notified.items():
        if one.episode == ended.course.episode:
            made = _make_notification(state, ended.course, rule, Event.RESOLVED, one, name, context)
            alert = replace(
                made.alert,
                ended_at=moment(context.at_ms),
                expires_at=None,
                reason=ended.reason,
            )
            yield replace(made, alert=alert)


def alert_key(scope: str, state: AlertState, episode: int) -> str:
    """The key of an episode: the same for all of its events, and never that of another one."""
    digest = hashlib.blake2b(f"{scope}\n{state.rule_key}".encode(), digest_size=4).hexdigest()
    return f"{state.rule_name}#{digest}|{subject_key(state.subject)}|{episode}"


def count_others_firing(
    notifications: Iterable[Notification], states: Iterable[AlertState]
) -> list[Notification]:
    """Return the notifications, each with how many others that fired with it still fire."""
    firing = [_fired_together(state) for state in states if state.course.is_firing]
    still = Counter((rule, fired_ms) for rule, _, fired_ms in firing)
    present = set(firing)
    counted = []
    for one in notifications:
        alert = one.alert
        itself = alert.rule, subject_key(alert.subject), one.fired_ms
        others = still[alert.rule, one.fired_ms] - (itself in present)
        counted.append(replace(one, alert=replace(alert, others_firing=others)))
    return counted


def _fired_together(state: AlertState) -> tuple[str, str, int | None]:
    return state.rule_name, subject_key(state.subject), state.course.fired_ms


def _choose_event(
    course: Course,
    notified: Notified | None,
    sink: SinkTraits,
    rule: Rule,
    context: NotifyContext,
    restraint: Restraint,
) -> Event | None:
    """The event that the sink has to receive now; None: none."""
    is_silenced = restraint.is_silenced and not sink.repeats_all
    rank = RANK[course.severity]
    if notified is None or notified.episode != course.episode:
        is_known = notified is not None and notified.as_flapping and course.is_flapping
        if (
            notified is not None
            and is_known
            and rank <= RANK[notified.severity]
            and not sink.repeats_all
            and not _lasts(course, context.at_ms)
        ):
            return None
        if is_silenced or restraint.is_inhibited or course.phase is Phase.CLEARING:
            return None
        if rule.name == CANNOT_JUDGE:
            return Event.CANNOT_JUDGE
        return Event.FLAPPING if course.is_flapping and not is_known else Event.FIRING
    if rank > RANK[notified.severity] and not is_silenced:
        return Event.WORSE
    if sink.repeats_all:
        return Event.REPEATED
    is_acknowledged = rank <= RANK[restraint.acknowledged]
    if is_silenced or restraint.is_inhibited or is_acknowledged or rule.repeat is None:
        return None
    is_due = context.now_ms - notified.at_ms >= rule.repeat.total_seconds() * 1000
    return Event.REPEATED if is_due and course.phase is Phase.FIRING else None


def _lasts(course: Course, at_ms: int) -> bool:
    """Whether it fires for a day: no flapping then, and its receiver last read of an end."""
    return course.fired_ms is not None and at_ms - course.fired_ms >= DAY_MS


def _remember(before: Notified | None, course: Course, event: Event, now_ms: int) -> Notified:
    is_same = before is not None and before.episode == course.episode
    severity = course.severity or Severity.WARNING
    if before is not None and is_same and RANK[before.severity] > RANK[severity]:
        severity = before.severity  # one that falls is not sent
    return Notified(
        episode=course.episode,
        severity=severity,
        at_ms=now_ms,
        repeats=(before.repeats if before is not None and is_same else 0)
        + (event is Event.REPEATED),
        as_flapping=event is Event.FLAPPING or (before is not None and before.as_flapping),
    )


def _make_notification(
    state: AlertState,
    course: Course,
    rule: Rule | None,
    event: Event,
    notified: Notified,
    sink: str,
    context: NotifyContext,
) -> Notification:
    key = alert_key(context.scope, state, course.episode)
    # Each repeat is an event of its own.
    word = f"{event}-{notified.repeats}" if event is Event.REPEATED else str(event)
    evidence = state.evidence
    alert = Alert(
        id=f"{key}|{word}|{sink}",
        key=key,
        rule=state.rule_name,
        subject=state.subject,
        event=event,
        severity=notified.severity,
        summary=state.summary,
        began_at=moment(course.began_ms or context.at_ms),
        fired_at=None if course.fired_ms is None else moment(course.fired_ms),
        at=moment(context.at_ms),
        expires_at=moment(context.expires_ms),
        reason=state.reason if event is Event.CANNOT_JUDGE else None,
        labels=state.labels,
        values=state.values,
        holders=() if evidence is None else evidence.holders,
        evidence=None if evidence is None else evidence.text,
        groups=tuple(state.groups),
        runbook=None if rule is None else rule.runbook,
        next_command=state.next_command,
    )
    is_repeat = event is Event.REPEATED
    return Notification(sink=sink, alert=alert, is_repeat=is_repeat, fired_ms=course.fired_ms)
