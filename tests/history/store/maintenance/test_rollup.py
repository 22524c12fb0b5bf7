"""Hours and days are the medians of their scans, whatever order the scans come in."""

from __future__ import annotations

import random
from datetime import timedelta
from statistics import median

import pytest
from scanned_fleet import BEGIN, ScannedFleet
from sqlalchemy import text

from sockfleet.aggregator.numbers import TcpNumbers
from sockfleet.history.store.maintenance.retention import (
    Limits,
    maintain,
    prune,
    read_limits,
    remember_limits,
)
from sockfleet.history.store.save import save_scan
from sockfleet.history.store.series import read_hourly, read_series
from tests.support.history.made_scans import host_summary, scan_of

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EVER = BEGIN + timedelta(days=400)


def rows(store, query):
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def save_numbers(store, numbers, begin=BEGIN, every=timedelta(minutes=10)):
    """Save a scan of host a for each number; None where it fails."""
    for place, number in enumerate(numbers):
        save_scan(store, scan_of([host_summary("a", number)], begin + place * every))


def test_an_hour_has_the_median_the_extremes_and_the_number_of_readings(store):
    save_numbers(store, [5, 1, None, 9, 2, 4, 100])
    assert maintain(store, BEGIN + 2 * HOUR, most_s=None)
    hours = (
        "SELECT host, samples, tcp_close, tcp_close_min, tcp_close_max FROM hourly ORDER BY hour"
    )
    assert rows(store, hours) == [("a", 5, 4.0, 1, 9), ("a", 1, 100.0, 100, 100)]


def test_the_median_of_an_even_number_of_readings_may_be_a_half(store):
    save_numbers(store, [5, 6])
    maintain(store, BEGIN + HOUR, most_s=None)
    assert rows(store, "SELECT tcp_close FROM hourly") == [(5.5,)]
    assert read_hourly(store, "tcp_close", BEGIN, EVER).values.tolist() == [[5.5]]


def test_an_hour_that_is_not_over_is_not_rolled_up(store):
    save_numbers(store, [5, 6])
    maintain(store, BEGIN + HOUR - timedelta(seconds=1), most_s=None)
    assert rows(store, "SELECT * FROM hourly") == []


def test_a_host_that_was_never_read_in_an_hour_has_no_row(store):
    save_numbers(store, [None, None])
    maintain(store, BEGIN + DAY, most_s=None)
    assert rows(store, "SELECT * FROM hourly") == []
    assert str(read_hourly(store, "tcp_close", BEGIN, EVER).values.tolist()) == "[[nan]]"


def test_a_number_that_a_kernel_did_not_give_is_null(store):
    host = host_summary("a", 3, tcp=TcpNumbers(alloc=9, tcp_close=3))
    save_scan(store, scan_of([host]))
    maintain(store, BEGIN + 2 * DAY, most_s=None)
    assert rows(store, "SELECT alloc, orphan FROM hourly") == [(9.0, None)]
    assert rows(store, "SELECT alloc, orphan FROM daily") == [(9.0, None)]


def test_a_day_is_the_median_of_its_hours(store):
    numbers = random.Random(7).sample(range(1000), 24)
    save_numbers(store, numbers, every=HOUR)
    maintain(store, BEGIN + DAY, most_s=None)
    query = "SELECT samples, tcp_close, tcp_close_min, tcp_close_max, day_unix FROM daily"
    assert rows(store, query) == [
        (24, median(numbers), min(numbers), max(numbers), int(BEGIN.timestamp()))
    ]


def test_the_order_in_which_scans_are_saved_does_not_matter(store):
    scans = list(ScannedFleet(12).scans(30, every=timedelta(minutes=9)))
    shuffled = random.Random(3).sample(scans, len(scans))
    for place, summary in enumerate(shuffled):
        save_scan(store, summary, details=False)
        if place % 7 == 0:
            maintain(store, EVER, most_s=None)
    maintain(store, EVER, most_s=None)
    found = read_hourly(store, "alloc", BEGIN, EVER)
    raw = read_series(store, "alloc", BEGIN, EVER)
    for column, moment in enumerate(found.times.tolist()):
        members = [place for place, time in enumerate(raw.times) if time // 3600 == moment // 3600]
        for row in range(len(found.hosts)):
            given = [v for v in raw.values[row, members].tolist() if v == v]
            assert found.values[row, column] == pytest.approx(median(given))
    assert set(found.boots.ravel().tolist()) == {0}


def test_the_numbers_of_an_hour_outlive_its_scans(store):
    save_numbers(store, range(300), every=timedelta(minutes=30))
    before = read_hours(store)
    limits = Limits(keep=DAY, keep_details=HOUR)
    pruned = prune(store, limits, BEGIN + timedelta(days=7))
    assert pruned.scans == 288
    assert rows(store, "SELECT count(*) FROM scans") == [(12,)]
    hours = rows(store, "SELECT tcp_close FROM hourly ORDER BY hour")
    assert hours == [(2 * hour + 0.5,) for hour in range(150)]
    assert len(rows(store, "SELECT * FROM daily")) == 7
    assert before == []
    assert rows(store, "SELECT count(*) FROM latest") == [(1,)]


def read_hours(store):
    return rows(store, "SELECT tcp_close FROM hourly ORDER BY hour")


def test_a_scan_that_is_imported_after_its_hour_was_pruned_changes_no_number(store):
    save_numbers(store, [5, 6, 7, 8])
    prune(store, Limits(keep=timedelta(0)), BEGIN + DAY)
    late = [host_summary("a", 1000), host_summary("b", 3)]
    save_scan(store, scan_of(late, BEGIN + timedelta(minutes=7)))
    prune(store, Limits(keep=timedelta(0)), BEGIN + DAY)
    assert rows(store, "SELECT host, tcp_close FROM hourly ORDER BY host") == [("a", 6.5), ("b", 3)]


def test_details_go_first_and_the_scan_is_still_shown(store):
    save_numbers(store, [1, 2, 3], every=DAY)
    pruned = prune(store, Limits(keep_details=timedelta(hours=30)), BEGIN + 3 * DAY)
    assert (pruned.details, pruned.scans) == (2, 0)


def test_hours_go_by_their_own_age_and_days_stay(store):
    save_numbers(store, range(100), every=HOUR)
    limits = Limits(keep=HOUR, keep_hourly=2 * DAY)
    pruned = prune(store, limits, BEGIN + 5 * DAY)
    assert pruned.hours == 72
    assert len(rows(store, "SELECT * FROM daily")) == 5
    assert len(read_hours(store)) == 28


def test_a_dry_run_counts_and_drops_nothing(store):
    save_numbers(store, range(50), every=HOUR)
    pruned = prune(store, Limits(keep=HOUR), BEGIN + 5 * DAY, dry_run=True)
    assert (pruned.scans, pruned.details) == (50, 0)
    assert rows(store, "SELECT count(*) FROM scans") == [(50,)]


def test_a_store_stays_within_its_size(store):
    for summary in ScannedFleet(200).scans(100, every=HOUR):
        save_scan(store, summary)
    size = prune(store, Limits(), BEGIN + 5 * DAY).bytes_after
    limits = Limits(max_size=size - 200_000)
    pruned = prune(store, limits, BEGIN + 5 * DAY)
    assert pruned.bytes_after <= size - 200_000
    assert pruned.scans >= 20
    assert rows(store, "SELECT count(*) FROM scans")[0][0] > 0


def test_one_scan_under_a_wrong_clock_drops_nothing(store):
    save_numbers(store, [1, 2, 3])
    wrong = BEGIN + timedelta(days=5000)
    save_scan(store, scan_of([host_summary("a", 4)], wrong))
    maintain(store, wrong, most_s=None)
    assert rows(store, "SELECT count(*) FROM scans") == [(4,)]


def test_the_limits_of_a_store_are_remembered(store):
    assert read_limits(store) == Limits()
    chosen = Limits(keep=timedelta(days=60), max_size=5 << 30)
    remember_limits(store, chosen)
    assert read_limits(store) == chosen
    remember_limits(store, Limits())
    assert read_limits(store) == Limits()


def test_maintenance_stops_when_its_time_is_over(store):
    save_numbers(store, range(40), every=HOUR)
    assert not maintain(store, EVER, most_s=0.0)
    assert read_hours(store) == []
    assert maintain(store, EVER, most_s=None)


def test_a_merged_scan_counts_once_in_the_numbers_of_an_hour(store):
    from sockfleet.aggregator.merge import merge_scans

    parts = [scan_of([host_summary(name, 4)], BEGIN) for name in "ab"]
    for summary in (*parts, merge_scans(parts)):
        save_scan(store, summary)
    maintain(store, BEGIN + HOUR, most_s=None)
    assert rows(store, "SELECT host, samples FROM hourly ORDER BY host") == [("a", 1), ("b", 1)]
