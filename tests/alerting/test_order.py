"""Each scan is judged at most once, and the newest one always, whatever the clocks were."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockfleet.alerting.evaluate import Evaluator
from sockfleet.history.report.scan_files import memory_folder
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.save import save_scan
from tests.support.alerting.watched_store import NOW, Watch
from tests.support.history.made_scans import host_summary, scan_of

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AHEAD = {"right": 0 * MINUTE, "a bit": 40 * MINUTE, "hours": 3 * HOUR, "a year": 365 * DAY}


class Clocks:
    """A store that is fed and judged every five minutes, by clocks that may be wrong."""

    def __init__(self, store):
        self.watch = Watch(store)
        self.at = NOW
        self.judged = []

    def save(self, clock):
        scan = scan_of([host_summary("a", 500)], self.at + AHEAD[clock])
        save_scan(self.watch.store, scan)
        return scan.scan.id

    def judge(self, clock):
        now = (self.at + AHEAD[clock] + MINUTE / 2).timestamp
        watch = self.watch
        found = Evaluator(watch.store, watch.rules, watch.traits, clock=now).run()
        self.judged += [row.id for row in found.judged]
        return found

    def run(self, step):
        """Save and judge by these clocks (None: it does not); returns the id of the scan."""
        saves_by, judges_by = step
        saved = None if saves_by is None else self.save(saves_by)
        if judges_by is not None:
            self.judge(judges_by)
        self.at += 5 * MINUTE
        return saved


@pytest.mark.parametrize(
    "steps",
    [
        # The clock of the machine jumps ahead, and is right again: with and without a new scan.
        [("right", "right"), ("a year", "a year"), (None, "right"), ("right", "right")],
        [("right", "right"), ("a bit", "a bit"), (None, "right"), ("right", "right")],
        # Scans of another machine's clock are skipped, and their time comes.
        [("right", "right"), ("hours", "right"), *[("right", "right")] * 40],
        [("right", "right"), ("hours", "right"), *[(None, "right")] * 40, ("right", "right")],
        [("a bit", "right"), *[("right", "right")] * 12],
        # The clock of the run that judges is wrong, and that of the scans is right.
        [("right", "a year"), ("right", "right"), ("right", "right")],
        [("right", "right"), ("right", None), ("right", "a bit"), ("right", "right")],
        [("a year", "a year"), ("a year", None), ("right", "right"), ("right", "right")],
        # When alerts are sent again, the newest scan is an older one than the last judged.
        [
            ("a bit", "right"),
            ("right", "right"),
            ("hours", "hours"),
            ("hours", "right"),
            ("right", "right"),
        ],
    ],
)
def test_no_scan_is_judged_twice_and_the_newest_one_is(store, steps):
    clocks = Clocks(store)
    saved = [clocks.run(step) for step in steps]
    assert len(set(clocks.judged)) == len(clocks.judged)
    assert clocks.judged[-1] == saved[-1]
    # By right clocks none is left out.
    right = [one for one, (by, _) in zip(saved, steps, strict=True) if by == "right"]
    assert [one for one in right if one not in clocks.judged] == []


def test_a_scan_of_the_future_is_noted_until_a_later_one_is_judged(store):
    clocks = Clocks(store)
    clocks.run(("right", "right"))
    clocks.run(("a year", None))
    assert len(clocks.judge("right").notes) == 1
    clocks.run(("right", "right"))
    assert list(clocks.judge("right").notes) == []


clock = st.sampled_from([*AHEAD, None, *["right"] * 4])


@settings(max_examples=40)
@given(st.lists(st.tuples(clock, clock), max_size=12))
def test_by_any_clocks_no_scan_is_judged_twice_and_a_right_clock_finds_the_newest(steps):
    with memory_folder() as folder, use_store(str(folder / "h.db"), create=True) as store:
        clocks = Clocks(store)
        for step in steps:
            clocks.run(step)
        last = clocks.run(("right", "right"))
        assert len(set(clocks.judged)) == len(clocks.judged)
        assert clocks.judged[-1] == last
