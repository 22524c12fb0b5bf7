"""Numbers that many scans give, from both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sockfleet.aggregator.fleet import FleetSummary
from sockfleet.aggregator.processes import Attribution
from sockfleet.alerting.stored_numbers import FAR_H, read_stored_number
from sockfleet.collector.probe.processes import Process
from sockfleet.history.store.save import save_scan
from tests.support.history.made_scans import BEGIN, host_summary, scan_of

HOUR = timedelta(hours=1)


def save(store, count, hosts, *, every=HOUR) -> FleetSummary:
    """Save scans of the hosts that a function makes of each number; return the last."""
    for number in range(count):
        scan = scan_of(hosts(number), BEGIN + every * number)
        save_scan(store, scan)
    return scan


def test_a_host_is_scored_against_its_own_past(store):
    last = save(
        store,
        30,
        lambda n: [
            host_summary("calm", 100 + n % 3),
            host_summary("odd", 300 if n == 29 else 100 + n % 3),
        ],
    )
    found = read_stored_number(store, "past.tcp_close", last)
    assert abs(found["calm"]) < 1
    assert found["odd"] == pytest.approx(199 / 101**0.5, rel=0.01)


def test_a_host_without_a_past_has_no_score(store):
    last = save(store, 5, lambda n: [host_summary("a", n)])
    assert read_stored_number(store, "past.tcp_close", last) == {}


def test_unread_scans_are_those_in_a_row_up_to_this_one(store):
    reads = {"a": [5, None, 5, None, None], "b": [None] * 5, "c": [5] * 5, "d": [None] * 4 + [5]}
    last = save(store, 5, lambda n: [host_summary(name, all_[n]) for name, all_ in reads.items()])
    assert read_stored_number(store, "unread_scans", last) == {"a": 2, "b": 5, "c": 0, "d": 0}


def test_unread_scans_of_another_selection_do_not_count(store):
    last = save(store, 3, lambda n: [host_summary("a", None)])
    save_scan(store, scan_of([host_summary("a", 5)], BEGIN + HOUR / 2, limit="a"))
    assert read_stored_number(store, "unread_scans", last) == {"a": 3}


def test_the_hours_to_a_limit_are_those_of_the_trend(store):
    def hosts(number):
        process = Process(pid=1, command="php", tcp_close=5, open_files=900, open_files_limit=1100)
        read = {"processes": (process,), "attribution": Attribution(exact=True)}
        made = host_summary("leak", 100 + 10 * number, **read)
        return [made, host_summary("calm", 50, **read), host_summary("none", 50)]

    last = save(store, 24 * 6, hosts)
    found = read_stored_number(store, "hours_to.nofile", last)
    # 200 descriptors are left, and 10 sockets an hour come.
    assert found["leak"] == pytest.approx(20, rel=0.1)
    assert found["calm"] == FAR_H
    assert "none" not in found


def test_a_host_far_from_the_limits_of_its_kernel_is_far(store):
    last = save(store, 24, lambda n: [host_summary("a", 5), host_summary("b", None)])
    for key in ("hours_to.tcp_mem", "hours_to.orphans"):
        assert read_stored_number(store, key, last) == {"a": FAR_H}
