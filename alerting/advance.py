"""Apply one judged scan to the states of all alerts, and find what is to be notified. Pure.

`evaluate` runs it in the transaction that saves what it returns; a dry run keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..core.record import record
from ..core.text import count_text
from .alert_text import next_command, summarize
from .judge.judge import Ended, JudgedScan, is_of_the_clock, subject_key
from .judge.observation import RANK, Observation
from .notification import Severity, Subject
from .notifying import (
    CANNOT_JUDGE,
    NOTHING,
    EndedEpisode,
    Notification,
    NotifyContext,
    Restraint,
    SinkTraits,
    alert_key,
    count_others_firing,
    notify,
)
from .rules.model import Each, Rule, RulesFile, Span
from .states.alert_state import AlertState, ProbeResult, StateKey
from .states.inhibition import Inhibitors
from .states.machine import Course, Phase, Step, Timing, Transition, Verdict, end, step

__all__ = ["Advance", "Settings", "advance"]

_CANNOT_JUDGE = Rule(
    name=CANNOT_JUDGE,
    each=Each.HOST,
    when=(),
    clear_after=Span(),
    summary="{subject} cannot be judged",
)
SuppressBy = Callable[[str, Subject, Sequence[str]], str | None]
"""The reason of the silence of a rule's name, a subject and its groups; None: there is none."""


def _not_silenced(_rule: str, _subject: Subject, _groups: Sequence[str]) -> None:
    return None


@record
class Settings:
    """What an evaluation brings beside the scan."""

    rules: RulesFile
    sinks: Mapping[str, SinkTraits]
    context: NotifyContext
    silence: SuppressBy = _not_silenced
    acknowledged: Mapping[str, Severity] = field(default_factory=dict)
    """By `alert_key`."""
    found: Mapping[str, ProbeResult] = field(default_factory=dict)
    """By host: what probes found just now."""
    last_episode: int = 0
    """The highest episode of states that the store dropped."""
    gone: str | None = None
    """Why nothing of this selection of hosts is watched any more: its alerts end by it."""


@dataclass(kw_only=True)
class Advance:
    """The states after a scan, and what is to be notified."""

    states: dict[StateKey, AlertState]
    notifications: list[Notification] = field(default_factory=list)
    began: list[str] = field(default_factory=list)
    """The hosts on which an alert just went pending or fired, the most severe first."""
    ended: list[str] = field(default_factory=list)
    """The `alert_key` of each episode that ended."""
    silenced: list[str] = field(default_factory=list)
    """Each alert that a silence or an inhibition holds back, with the reason."""


@dataclass(kw_only=True)
class _Moved:
    """A state that this scan has moved."""

    state: AlertState
    rule: Rule | None
    ended: EndedEpisode | None = None


def advance(
    states: Mapping[StateKey, AlertState],
    judged: JudgedScan | None,
    settings: Settings,
) -> Advance:
    """Apply a scan to the states.

    ``judged`` is None, or has observations of rules of the clock alone, where there is no new
    scan: then nothing else moves, and what fires is sent again to the sinks that want that.
    """
    moved: dict[StateKey, _Moved] = {}
    found = Advance(states={})
    by_rule: dict[str, dict[str, AlertState]] = {}
    for (rule_key, subject), state in states.items():
        by_rule.setdefault(rule_key, {})[subject] = state
    for rule in settings.rules.rules:
        if judged is not None and rule.key in judged.observations:
            _move_rule(rule, by_rule.get(rule.key, {}), judged, settings, moved, found)
    _end_gone_rules(states, settings, moved)
    for key, state in states.items():
        if key not in moved:
            moved[key] = _Moved(state=state, rule=settings.rules.rule(state.rule_key))
    if judged is not None:
        _move_doubts(states, settings, moved)
    _notify_all(moved, settings, found)
    return found


def _move_rule(
    rule: Rule,
    states: Mapping[str, AlertState],
    judged: JudgedScan,
    settings: Settings,
    moved: dict[StateKey, _Moved],
    found: Advance,
) -> None:
    """Apply the scan to the states of one rule, by subject."""
    observations: dict[str, Observation | Ended] = dict(judged.observations[rule.key])
    for subject, state in states.items():
        if subject not in observations and _is_moving(state.course):
            observations[subject] = judged.find_missing(rule, state.subject)
    at_ms = settings.context.now_ms if is_of_the_clock(rule) else settings.context.at_ms
    began: list[tuple[int, str]] = []
    for subject, seen in observations.items():
        before = states.get(subject) or _new_state(rule, seen, settings)
        if before is None:
            continue
        one = _move(rule, before, seen, judged, settings, at_ms)
        moved[rule.key, subject] = one
        if _has_begun(before.course, one.state.course) and one.state.subject.host is not None:
            began.append((-RANK[one.state.course.severity], one.state.subject.host))
    found.began += [host for _, host in sorted(began)]


def _move(
    rule: Rule,
    state: AlertState,
    seen: Observation | Ended,
    judged: JudgedScan,
    settings: Settings,
    at_ms: int,
) -> _Moved:
    before = state.course
    if _is_unchanged(state, seen):
        return _Moved(state=state, rule=rule)
    if isinstance(seen, Ended):
        after = end(before, seen.reason)
    elif before.phase is Phase.NORMAL and seen.doubt is not None and seen.doubt.is_expected:
        # A host that rebooted has no growth for some hours: nothing to count.
        after = Step(course=replace(before, judged_ms=None, unknown_scans=0, unknown_ms=None))
    else:
        after = step(
            before, _seen(seen), Timing(hold=rule.hold, clear_after=rule.clear_after), at_ms
        )
        is_quiet = before.phase is after.course.phase is Phase.NORMAL
        if seen.doubt is not None or not is_quiet:
            state = _show(rule, state, seen, after.course, judged, settings)
        elif state.reason is not None:
            state = replace(state, reason=None)
    ended = _ended_episode(before, after)
    if after.course.phase is Phase.NORMAL and ended is None:
        state = replace(state, evidence=None)
    return _Moved(state=replace(state, course=after.course), rule=rule, ended=ended)


def _is_unchanged(state: AlertState, seen: Observation | Ended) -> bool:
    """Whether an alert that ended some time ago just goes on being over, as thousands do."""
    course = state.course
    return (
        isinstance(seen, Observation)
        and course.phase is Phase.NORMAL
        and not course.unknown_scans
        and state.reason is None
        and seen.severity is None
        and seen.doubt is None
        and seen.boot_id in (None, course.boot_id)
    )


def _new_state(rule: Rule, seen: Observation | Ended, settings: Settings) -> AlertState | None:
    """The first state of a subject; None for most, of which there is nothing to keep."""
    if isinstance(seen, Ended):
        return None
    if seen.severity is None and (seen.doubt is None or seen.doubt.is_expected):
        return None
    return AlertState(
        subject=seen.subject,
        rule_name=rule.name,
        rule_key=rule.key,
        course=Course(episode=settings.last_episode),
    )


def _seen(observation: Observation) -> Verdict:
    doubt = observation.doubt
    return Verdict(
        severity=observation.severity,
        is_clear=observation.is_clear,
        is_known=doubt is None,
        boot_id=observation.boot_id,
    )


def _show(
    rule: Rule,
    state: AlertState,
    seen: Observation,
    course: Course,
    judged: JudgedScan,
    settings: Settings,
) -> AlertState:
    """The state with what its notification shows of this scan."""
    if seen.doubt is not None:
        return replace(state, reason=seen.reason)
    host = judged.view.hosts.get(seen.subject.host or "")
    evidence = state.evidence
    if _has_begun(state.course, course):
        evidence = None  # that of an earlier episode
    if seen.subject.host is not None and evidence is None and course.phase is not Phase.NORMAL:
        found = settings.found.get(seen.subject.host)
        evidence = None if found is None else found.evidence
    state = replace(
        state,
        subject=seen.subject,
        values=seen.values,
        groups=tuple(seen.groups),
        reason=None,
        labels=rule.labels,
        evidence=evidence,
    )
    if course.phase is Phase.NORMAL and not state.course.is_firing:
        return state
    return replace(
        state,
        summary=summarize(rule, state, course, judged.summary),
        next_command=next_command(state, host, judged.summary),
    )


def _ended_episode(before: Course, after: Step) -> EndedEpisode | None:
    if Transition.RESOLVED in after.transitions:
        return EndedEpisode(course=before, reason=after.reason)
    return None


def _has_begun(before: Course, after: Course) -> bool:
    """Whether it went from normal to pending or firing, or fired anew in the scan of a reboot."""
    if after.phase not in (Phase.PENDING, Phase.FIRING):
        return False
    return before.phase is Phase.NORMAL or before.began_ms != after.began_ms


def _is_moving(course: Course) -> bool:
    return course.phase is not Phase.NORMAL or course.unknown_scans > 0


def _is_kept(state: AlertState) -> bool:
    return _is_moving(state.course) or state.course.has_fired


def _end_gone_rules(
    states: Mapping[StateKey, AlertState],
    settings: Settings,
    moved: dict[StateKey, _Moved],
) -> None:
    known = {rule.key for rule in settings.rules.rules} | {_CANNOT_JUDGE.key}
    names = {rule.name for rule in settings.rules.rules}
    for key, state in states.items():
        if not _is_moving(state.course) or (state.rule_key in known and settings.gone is None):
            continue
        what = "was changed" if state.rule_name in names else "is no longer in the rules file"
        after = end(state.course, settings.gone or f"the rule {what}")
        ended = _ended_episode(state.course, after)
        moved[key] = _Moved(state=replace(state, course=after.course), rule=None, ended=ended)


def _move_doubts(
    states: Mapping[StateKey, AlertState],
    settings: Settings,
    moved: dict[StateKey, _Moved],
) -> None:
    """Move the alerts of subjects that rules could not judge for some scans: one for a subject."""
    rules: dict[str, list[str]] = {}
    shown: dict[str, AlertState] = {}
    for one in list(moved.values()):
        course = one.state.course
        if one.rule is None or one.rule.name == CANNOT_JUDGE or not course.unknown_scans:
            continue
        if course.unknown_scans >= one.rule.unknown_after:
            subject = subject_key(one.state.subject)
            rules.setdefault(subject, []).append(one.rule.name)
            shown.setdefault(subject, one.state)
    at_ms = settings.context.at_ms
    former = {subject for rule_key, subject in states if rule_key == _CANNOT_JUDGE.key}
    for subject in (*shown, *(former - shown.keys())):
        source = shown.get(subject)
        state = states.get((_CANNOT_JUDGE.key, subject))
        if state is None:
            if source is None:
                continue
            state = AlertState(
                subject=source.subject,
                rule_name=CANNOT_JUDGE,
                rule_key=_CANNOT_JUDGE.key,
                course=Course(episode=settings.last_episode),
            )
        severity = None if source is None else Severity.WARNING
        seen = Verdict(severity=severity, is_clear=source is None)
        after = step(state.course, seen, Timing(), at_ms)
        if source is not None:
            state = replace(
                state,
                groups=source.groups,
                reason=source.reason,
                summary=_describe_doubt(source, rules[subject]),
            )
        moved[_CANNOT_JUDGE.key, subject] = _Moved(
            state=replace(state, course=after.course),
            rule=_CANNOT_JUDGE,
            ended=_ended_episode(state.course, after),
        )


def _describe_doubt(state: AlertState, rules: Sequence[str]) -> str:
    more = f" and {len(rules) - 3} more" if len(rules) > 3 else ""
    named = f"{', '.join(rules[:3])}{more}"
    scans = count_text(state.course.unknown_scans, "scan")
    return f"{state.subject.name} cannot be judged for {scans} ({named}): {state.reason}"


def _notify_all(moved: Mapping[StateKey, _Moved], settings: Settings, found: Advance) -> None:
    inhibitors = Inhibitors(
        (one.state, one.rule.inhibits)
        for one in moved.values()
        if one.rule is not None and one.state.course.is_firing
    )
    for key, one in moved.items():
        state = one.state
        if state.course.phase is Phase.NORMAL and one.ended is None:
            if _is_kept(state):
                found.states[key] = state
            continue
        restraint = NOTHING
        if state.course.is_firing:
            restraint = _restrain(state, inhibitors, settings, found)
        if one.ended is not None:
            found.ended.append(alert_key(settings.context.scope, state, one.ended.course.episode))
        state, notifications = notify(
            state, one.ended, one.rule, settings.sinks, settings.context, restraint
        )
        if one.ended is not None and not state.course.is_firing:
            state = replace(state, evidence=None)
        found.notifications += notifications
        if _is_kept(state):
            found.states[key] = state
    found.notifications = count_others_firing(
        found.notifications, (one.state for one in moved.values())
    )


def _restrain(
    state: AlertState, inhibitors: Inhibitors, settings: Settings, found: Advance
) -> Restraint:
    silence = settings.silence(state.rule_name, state.subject, state.groups)
    inhibitor = inhibitors.find(state)
    what = f"{state.rule_name} {state.subject.name}"
    if silence is not None:
        found.silenced.append(f"{what}: silenced: {silence}")
    elif inhibitor is not None:
        by = f"{inhibitor.rule_name} {inhibitor.subject.name}"
        found.silenced.append(f"{what}: inhibited by {by}")
    key = alert_key(settings.context.scope, state, state.course.episode)
    return Restraint(
        is_inhibited=inhibitor is not None,
        is_silenced=silence is not None,
        acknowledged=settings.acknowledged.get(key),
    )
