"""Two collectors and a reader at once, and processes that are killed in the middle."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta

import history_crashes
import pytest

from sockfleet.history.store.maintenance.check import check_store
from sockfleet.history.store.maintenance.retention import maintain
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.read import list_scans
from sockfleet.history.store.save import save_scan
from sockfleet.history.store.series import read_series
from tests.support.history.made_scans import BEGIN, host_summary, scan_of

SCANS = 10
LATER = BEGIN + timedelta(days=9)


def collect(url, collector):
    """Save scans of two hosts: one of this collector, one of both."""
    with use_store(url, create=True) as store:
        for number in range(SCANS):
            hosts = [host_summary(name, number) for name in (f"own{collector}", "shared")]
            at = BEGIN + timedelta(minutes=7 * number, seconds=collector)
            save_scan(store, scan_of(hosts, at, uid=f"{collector}-{number:04d}"))
            maintain(store, at)


def read(url, ended):
    """Read until the collectors have ended: each scan that is seen is whole."""
    with use_store(url, create=True) as store:
        while not ended.is_set():
            seen = len(list_scans(store))
            block = read_series(store, "tcp_close", BEGIN, LATER, hosts=["shared"])
            values = [] if not block.hosts else [v for v in block.values[0].tolist() if v == v]
            assert len(values) * 2 >= seen


def test_two_collectors_and_a_reader_lose_and_double_nothing(store_url):
    context = multiprocessing.get_context("spawn")
    ended = context.Event()
    reader = context.Process(target=read, args=(store_url, ended))
    collectors = [context.Process(target=collect, args=(store_url, n)) for n in (1, 2)]
    for process in (reader, *collectors):
        process.start()
    for process in collectors:
        process.join()
    ended.set()
    reader.join()
    assert [process.exitcode for process in (reader, *collectors)] == [0, 0, 0]
    with use_store(store_url) as store:
        assert check_store(store).problems == ()
        ids = sorted(row.id for row in list_scans(store))
        assert ids == [f"{c}-{number:04d}" for c in (1, 2) for number in range(SCANS)]
        block = read_series(store, "tcp_close", BEGIN, LATER, hosts=["own1", "own2"])
    for row in block.values.tolist():
        assert [value for value in row if value == value] == list(range(SCANS))


def test_a_store_outlives_processes_that_are_killed_while_they_write(store_url):
    """`./dev bench history_crashes` kills 200."""
    assert history_crashes.kill_often(store_url, kills=2, seed=7) == []


@pytest.mark.as_root
def test_a_store_outlives_a_full_disk():
    """`./dev bench history_crashes` fills 20."""
    assert history_crashes.fill_disk(400_000) == []
    assert history_crashes.fill_disk(1_100_000) == []
