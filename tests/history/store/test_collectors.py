"""Two collectors and a reader at once, and processes that are killed in the middle."""

from __future__ import annotations

import collectors
import history_crashes
import pytest


def test_two_collectors_and_a_reader_lose_and_double_nothing(store_url):
    """`./dev bench collectors` runs them for minutes."""
    assert collectors.find_losses(store_url, seconds=0, scans=10) == (20, [])


def test_a_store_outlives_processes_that_are_killed_while_they_write(store_url):
    """`./dev bench history_crashes` kills 200."""
    assert history_crashes.kill_often(store_url, kills=2, seed=7) == []


@pytest.mark.as_root
def test_a_store_outlives_a_full_disk():
    """`./dev bench history_crashes` fills 20."""
    assert history_crashes.fill_disk(400_000) == []
    assert history_crashes.fill_disk(1_100_000) == []
