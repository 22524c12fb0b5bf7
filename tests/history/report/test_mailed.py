"""What a mail named is known to the next one, in SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockfleet.history.report.mailed import mark_known, read_mailed, remember_mailed
from tests.support.history.made_report import planted_report

WEEK = 7 * 86_400


@pytest.fixture(scope="module")
def report():
    return planted_report(40, 4)


def test_known_leaks_are_marked_and_a_new_one_is_a_change(store, report):
    first, is_changed = mark_known(report, read_mailed(store, "monday"))
    assert (first.new_leaks, first.known_since, is_changed) == (len(report.leaks), None, True)
    remember_mailed(store, "monday", report)
    second, is_changed = mark_known(report, read_mailed(store, "monday"))
    assert (second.new_leaks, is_changed) == (0, False)
    assert second.known_since == report.until
    fewer = replace(report, leaks=report.leaks[1:])
    _, is_changed = mark_known(fewer, read_mailed(store, "monday"))
    assert is_changed
    other, _ = mark_known(report, read_mailed(store, "friday"))
    assert other.new_leaks == len(report.leaks)


def test_a_leak_that_begins_again_within_a_week_is_known(store, report):
    remember_mailed(store, "monday", report)
    gone = replace(report, leaks=(), until=report.until + WEEK - 1)
    remember_mailed(store, "monday", gone)
    again, is_changed = mark_known(report, read_mailed(store, "monday"))
    assert (again.new_leaks, is_changed) == (0, False)
    remember_mailed(store, "monday", replace(gone, until=report.until + WEEK + 1))
    later, is_changed = mark_known(report, read_mailed(store, "monday"))
    assert (later.new_leaks, is_changed) == (len(report.leaks), True)
    assert later.known_since is None
