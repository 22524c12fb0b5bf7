"""The ticks of an axis: round values, whole numbers, local midnights."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from sockfleet.output.html.axis import time_ticks, value_ticks


@pytest.mark.parametrize("highest", [0, 0.4, 1, 2, 3, 5, 7, 9, 10, 11, 49, 51, 999, 12_345, 10**9])
def test_values_are_whole_round_and_reach_the_highest(highest):
    ticks = value_ticks(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest
    assert 2 <= len(ticks) <= 6
    assert all(tick % 1 == 0 for tick in ticks)
    assert len({after - before for before, after in pairwise(ticks)}) == 1


def test_days_begin_at_midnight_also_when_the_clock_changes(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        start = datetime(2026, 10, 20, 12, tzinfo=UTC).timestamp()
        ticks = time_ticks(start, start + 10 * 86_400)
        local = [datetime.fromtimestamp(at).astimezone() for at, _ in ticks]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert {(each.hour, each.minute) for each in local} == {(0, 0)}
    assert [label for _, label in ticks][:3] == ["22 Oct", "24 Oct", "26 Oct"]
