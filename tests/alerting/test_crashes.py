"""Runs that are killed while they judge and send lose, invent and reorder nothing."""

from __future__ import annotations

import alert_crashes
import pytest


@pytest.mark.long
def test_runs_that_are_killed_two_at_a_time_lose_and_invent_nothing(store_url, tmp_path):
    """`./dev bench alert_crashes` kills 300."""
    path = tmp_path / "received"
    killed, scans = alert_crashes.kill_often(store_url, path, kills=8, seed=7)
    assert killed >= 8
    assert list(alert_crashes.find_faults(path, scans)) == []
