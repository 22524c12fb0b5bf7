"""Series of some hosts, of scans of all of them and of scans of parts."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from sockfleet.history.store.save import save_scan
from sockfleet.history.store.series import read_series
from tests.support.history.made_scans import BEGIN, host_summary, scan_of

MINUTE = timedelta(minutes=1)
SCANS = [
    # The ids of the hosts follow the order of their first scan, not that of their names.
    {"c": 30, "d": None},
    {"a": 1, "b": None, "c": 31, "d": 40},
    {"a": 2, "b": 20, "c": None, "d": 41},
    {"b": 21, "d": 42},
    {"a": 3, "b": 22, "c": 33, "d": 43},
]


@pytest.fixture
def filled(store):
    for number, hosts in enumerate(SCANS):
        made = [host_summary(name, value) for name, value in hosts.items()]
        save_scan(store, scan_of(made, BEGIN + 5 * number * MINUTE))
    return store


@pytest.mark.parametrize("wanted", [None, ["c"], ["d", "a"], ["b", "nobody"], ["nobody"], []])
def test_each_reading_has_the_row_of_its_host_and_the_column_of_its_scan(filled, wanted):
    block = read_series(filled, "tcp_close", BEGIN, BEGIN + 60 * MINUTE, wanted)
    names = [name for name in "abcd" if wanted is None or name in wanted]
    assert list(block.hosts) == names
    due = [[scan.get(name) for scan in SCANS] for name in names]
    assert np.array_equal(
        block.values, np.array(due, np.float32).reshape(len(names), len(SCANS)), equal_nan=True
    )
    assert ((block.boots >= 0) == ~np.isnan(block.values)).all()


@pytest.mark.parametrize("wanted", [None, ["b", "c"]])
def test_scans_of_parts_of_a_fleet_are_one_column(store, wanted):
    parts = [{"b": 5, "d": 7}, {"a": 4, "c": None}]
    for number, part in enumerate(parts):
        made = [host_summary(name, value) for name, value in part.items()]
        save_scan(store, scan_of(made, BEGIN + number * MINUTE / 6))
    block = read_series(store, "tcp_close", BEGIN, BEGIN + 60 * MINUTE, wanted)
    due = {"a": 4, "b": 5, "c": None, "d": 7}
    assert list(block.hosts) == (wanted or list(due))
    column = [due[name] for name in block.hosts]
    assert np.array_equal(block.values[:, 0], np.array(column, np.float32), equal_nan=True)
    assert block.values.shape[1] == 1


def test_more_hosts_than_one_query_names(store, mocker):
    mocker.patch("sockfleet.history.store.series._FEW_HOSTS", 1)
    save_scan(store, scan_of([host_summary("a", 1), host_summary("b", 2)], BEGIN))
    block = read_series(store, "tcp_close", BEGIN, BEGIN + MINUTE, ["b", "c"])
    assert (block.hosts, block.values.tolist()) == (("b",), [[2.0]])
