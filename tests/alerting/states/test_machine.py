"""The states of an alert: what holds for every course of scans, and each rule of it once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.alerting.notification import Severity
from sockfleet.alerting.rules.model import Span
from sockfleet.alerting.states.machine import (
    DAY_MS,
    Course,
    Phase,
    Step,
    Timing,
    Transition,
    Verdict,
    end,
    step,
)

WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL
FIRED, WORSE, RESOLVED = Transition.FIRED, Transition.WORSE, Transition.RESOLVED
MINUTE_MS = 60_000

HOLDS = Verdict(severity=WARNING)
IS_CRITICAL = Verdict(severity=CRITICAL)
BETWEEN = Verdict()
CLEAR = Verdict(is_clear=True)
UNKNOWN = Verdict(is_known=False)

seen = st.sampled_from([HOLDS, IS_CRITICAL, BETWEEN, CLEAR, UNKNOWN])
courses = st.lists(seen, max_size=60)
spans = st.one_of(
    st.integers(1, 4).map(lambda scans: Span(scans=scans)),
    st.integers(1, 40).map(lambda minutes: Span(time=timedelta(minutes=minutes))),
)
timings = st.builds(lambda hold, clear: Timing(hold=hold, clear_after=clear), spans, spans)


def run(scans, timing=None, *, every_ms=5 * MINUTE_MS, course=None, begin_ms=0):
    """Apply scans; return each step."""
    steps, at_ms = list[Step](), begin_ms
    course = course or Course()
    for one in scans:
        at_ms += every_ms
        steps.append(step(course, one, timing or Timing(), at_ms))
        course = steps[-1].course
    return steps


def transitions(steps):
    return [one for each in steps for one in each.transitions]


def scans(hold=1, clear=1):
    return Timing(hold=Span(scans=hold), clear_after=Span(scans=clear))


@given(courses, timings)
def test_what_fired_and_what_resolved_alternate(scans, timing):
    events = [one for one in transitions(run(scans, timing)) if one is not WORSE]
    assert events[::2] == [FIRED] * len(events[::2])
    assert events[1::2] == [RESOLVED] * len(events[1::2])


@given(courses, timings)
def test_an_alert_fires_only_after_a_scan_in_which_its_rule_holds(scans, timing):
    for one, after in zip(scans, run(scans, timing), strict=True):
        if FIRED in after.transitions or WORSE in after.transitions:
            assert one.severity is not None
        if RESOLVED in after.transitions:
            assert one is CLEAR


@given(courses, st.integers(1, 4), st.integers(1, 4), st.data())
def test_scans_that_cannot_judge_change_nothing_however_many_there_are(known, hold, clear, data):
    # Wherever they are put in between, the same alerts begin and end at the same scans.
    timing = scans(hold, clear)
    known = [one for one in known if one is not UNKNOWN]
    mixed = list[Verdict]()
    for one in known:
        mixed += [UNKNOWN] * data.draw(st.integers(0, 3)) + [one]
    plain = [after.transitions for after in run(known, timing)]
    frozen = [
        after.transitions
        for one, after in zip(mixed, run(mixed, timing), strict=True)
        if one is not UNKNOWN
    ]
    assert [set(one) for one in frozen] == [set(one) for one in plain]


@given(courses, timings)
def test_a_scan_that_cannot_judge_leaves_phase_severity_and_counts_as_they_are(scans, timing):
    course = Course()
    for number, after in enumerate(run(scans, timing)):
        if scans[number] is UNKNOWN:
            assert after.transitions == ()
            kept = ("phase", "severity", "began_ms", "scans", "span_ms", "episode", "fired_ms")
            assert all(getattr(after.course, name) == getattr(course, name) for name in kept)
        course = after.course


@given(courses, timings)
def test_each_episode_has_a_number_of_its_own(scans, timing):
    numbers = [after.course.episode for after in run(scans, timing) if FIRED in after.transitions]
    assert numbers == list(range(1, len(numbers) + 1))


@given(courses, timings)
def test_a_severity_that_rises_while_it_fires_is_told_at_that_scan(scans, timing):
    before = Course()
    for one, after in zip(scans, run(scans, timing), strict=True):
        was_firing = before.is_firing
        if was_firing and before.severity is WARNING and one is IS_CRITICAL:
            assert after.transitions == (WORSE,)
        else:
            assert WORSE not in after.transitions
        before = after.course


@given(courses, timings)
def test_the_state_survives_being_written_and_read(scans, timing):
    import msgspec

    for after in run(scans, timing):
        text = msgspec.json.encode(after.course)
        assert msgspec.json.decode(text, type=Course) == after.course


def test_it_fires_at_the_scan_that_completes_its_hold():
    phases = [one.course.phase for one in run([HOLDS] * 3, scans(hold=3))]
    assert phases == [Phase.PENDING, Phase.PENDING, Phase.FIRING]


def test_one_scan_without_the_condition_begins_the_hold_anew():
    steps = run([HOLDS, HOLDS, CLEAR, HOLDS, HOLDS], scans(hold=3))
    assert transitions(steps) == []
    assert steps[-1].course.scans == 2


def test_a_hold_in_time_counts_the_time_of_the_scans():
    timing = Timing(hold=Span(time=timedelta(minutes=15)))
    steps = run([HOLDS] * 4, timing, every_ms=5 * MINUTE_MS)
    assert [bool(one.transitions) for one in steps] == [False, False, False, True]


def test_the_time_of_a_scan_that_cannot_judge_does_not_count_for_a_hold():
    timing = Timing(hold=Span(time=timedelta(minutes=15)))
    steps = run([HOLDS, HOLDS, UNKNOWN, HOLDS, HOLDS, HOLDS], timing)
    assert [bool(one.transitions) for one in steps] == [False] * 5 + [True]


def test_between_its_ranges_an_alert_goes_on_and_keeps_its_severity():
    steps = run([IS_CRITICAL, BETWEEN, BETWEEN, CLEAR], scans())
    assert transitions(steps) == [FIRED, RESOLVED]
    assert steps[2].course.severity is CRITICAL


def test_a_falling_severity_is_kept_and_not_told():
    steps = run([IS_CRITICAL, HOLDS], scans())
    assert transitions(steps) == [FIRED]
    assert steps[-1].course.severity is WARNING


def test_an_alert_that_holds_again_while_clearing_has_not_ended():
    steps = run([HOLDS, CLEAR, HOLDS, CLEAR, CLEAR], scans(clear=2))
    assert transitions(steps) == [FIRED, RESOLVED]
    assert steps[2].course.episode == 1


def test_a_reboot_ends_an_alert_with_its_reason_and_the_same_scan_begins_anew():
    first = replace(HOLDS, boot_id="a")
    steps = run([first, first, replace(HOLDS, boot_id="b")], scans(hold=2))
    assert transitions(steps) == [FIRED, RESOLVED]
    assert steps[-1].reason == "the host rebooted"
    assert steps[-1].course.phase is Phase.PENDING
    assert run([first, replace(HOLDS, boot_id="b")])[-1].transitions == (RESOLVED, FIRED)


def test_a_reboot_ends_an_alert_though_its_number_cannot_be_judged_yet():
    (firing,) = run([replace(HOLDS, boot_id="a")])
    after = step(firing.course, replace(UNKNOWN, boot_id="b"), Timing(), DAY_MS)
    assert (after.transitions, after.reason) == ((RESOLVED,), "the host rebooted")
    assert after.course.boot_id == "b"


def test_a_boot_id_that_is_unknown_for_a_scan_is_no_reboot():
    boots = [replace(HOLDS, boot_id=one) for one in ("a", None, "a")]
    assert transitions(run(boots)) == [FIRED]


def test_an_alert_that_is_ended_from_outside_resolves_only_if_it_fired():
    (pending,) = run([HOLDS], scans(hold=2))
    (firing,) = run([HOLDS])
    assert end(pending.course, "no such rule").transitions == ()
    ended = end(firing.course, "no such rule")
    assert (ended.transitions, ended.reason) == ((RESOLVED,), "no such rule")
    assert ended.course.episode == 1


def test_more_than_three_episodes_in_a_day_are_flapping_and_clear_four_times_as_late():
    steps = run([HOLDS, CLEAR] * 4)
    assert [one.course.is_flapping for one in steps if FIRED in one.transitions] == [
        *(False, False, False),
        True,
    ]
    assert transitions(steps) == [FIRED, RESOLVED] * 3 + [FIRED]
    more = run([CLEAR] * 3, course=steps[-1].course, begin_ms=10**7)
    assert [one.transitions for one in more] == [(), (), (RESOLVED,)]


def test_four_episodes_in_more_than_a_day_are_not_flapping():
    steps = run([HOLDS, CLEAR] * 6, every_ms=DAY_MS // 5)
    assert not any(one.course.is_flapping for one in steps)


@pytest.mark.parametrize("count", [1, 3, 7])
def test_scans_that_cannot_judge_are_counted_from_the_first(count):
    course = run([UNKNOWN] * count)[-1].course
    assert (course.unknown_scans, course.unknown_ms) == (count, 5 * MINUTE_MS)
    assert run([UNKNOWN, CLEAR])[-1].course.unknown_scans == 0


def test_time_since_a_scan_of_a_wrong_clock_counts_as_none():
    timing = Timing(hold=Span(time=timedelta(minutes=1)))
    held = Verdict(severity=Severity.WARNING)
    course = step(Course(), held, timing, 10**12).course
    course = step(course, held, timing, 0).course
    assert step(course, held, timing, 60_000).transitions == (Transition.FIRED,)
