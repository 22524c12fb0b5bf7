"""The values of a report, from readings that are made for the question."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

from sockfleet.aggregator.processes import Attribution
from sockfleet.collector.probe.processes import Process
from sockfleet.core.errors import UsageError
from sockfleet.history.report.build import MOST_LINES, Wishes, build_report
from sockfleet.history.report.division import divide_by_group
from sockfleet.history.report.grid import Grid
from sockfleet.history.report.model import State
from sockfleet.history.series import SeriesBlock
from sockfleet.history.store import layout
from sockfleet.history.store.maintenance.retention import Limits, maintain, prune
from sockfleet.history.store.save import save_scan
from sockfleet.output.html.page import render_page
from tests.support.history.made_report import fill_store, made_report, planted_report
from tests.support.history.made_scans import BEGIN, host_summary, scan_of

HOUR = 3600
START = 1_794_873_600


def block_of(values: dict[str, list[float]], *, step: int = HOUR, boots=None) -> SeriesBlock:
    rows = np.array(list(values.values()), np.float32)
    return SeriesBlock(
        metric="tcp_close",
        hosts=tuple(values),
        times=START + np.arange(rows.shape[1], dtype=np.int64) * step,
        values=rows,
        boots=np.full(rows.shape, 0, np.int32) if boots is None else np.array(boots, np.int32),
    )


def test_planted_leaks_are_found_with_their_begin_and_rate():
    hours = np.arange(14 * 24)
    leaking = 20 + 4 * np.maximum(0, hours - 200) + hours % 3
    report = made_report(block_of({"a": leaking, "b": 30 + hours % 5, "c": hours % 2}), failed=0)
    (leak,) = report.leaks
    assert leak.host == "a"
    assert leak.since is not None
    assert abs(leak.since - (START + 200 * HOUR)) <= 2 * HOUR
    assert leak.rate == pytest.approx(4, rel=0.05)
    assert leak.share == pytest.approx(1, abs=0.05)
    assert leak.fitted is not None
    assert leak.fitted[3] == pytest.approx(leaking[-1], rel=0.05)
    assert dict(report.counts) == {State.LEAK: 1, State.NORMAL: 2}


def test_changes_count_from_the_first_reading_where_the_earlier_scan_has_none():
    report = made_report(block_of({"a": [np.nan, 5, 7, 9]}), failed=0)
    (line,) = report.lines
    assert (line.tcp_close, line.change) == (9, 4)
    against = datetime.fromtimestamp(START + 2 * HOUR, UTC)
    later = made_report(block_of({"a": [np.nan, 5, 7, 9]}), failed=0, against=against)
    assert later.lines[0].change == 2
    assert later.against == START + 2 * HOUR
    assert later.distribution_before == later.against


def test_a_host_that_was_not_read_has_no_number():
    report = made_report(block_of({"a": [5.0] * 4, "b": [3.0] * 4}), failed=1)
    (failed,) = report.failed
    assert (failed.host, failed.category) == ("b", "tcp_timeout")
    assert failed.since == START + 2 * HOUR
    line = next(line for line in report.lines if line.name == "b")
    assert (line.state, line.tcp_close, line.change) == (State.FAILED, None, None)
    assert (report.hosts, report.hosts_read, report.tcp_close) == (2, 1, 5)


def test_new_rebooted_and_missing_are_told_apart():
    values = {"old": [5.0] * 40, "new": [np.nan] * 30 + [5.0] * 10, "up": [5.0] * 40}
    boots = [[0] * 40, [-1] * 30 + [0] * 10, [0] * 20 + [1] * 20]
    block = block_of(values, boots=boots)
    report = made_report(block, failed=0)
    assert (report.appeared, report.rebooted, report.disappeared) == (("new",), ("up",), ())
    times = np.delete(block.times, slice(10, 15))
    gap = SeriesBlock(
        metric=block.metric,
        hosts=block.hosts,
        times=times,
        values=np.delete(block.values, slice(10, 15), axis=1),
        boots=np.delete(block.boots, slice(10, 15), axis=1),
    )
    assert made_report(gap, failed=0).missing_scans == 5


def test_groups_divide_the_fleet():
    groups = {
        "a": ("linux", "web", "web-eu"),
        "b": ("linux", "web"),
        "c": ("db", "linux"),
        "d": (),
    }
    assert divide_by_group(groups) == {"a": "linux", "b": "linux", "c": "linux", "d": "ungrouped"}
    del groups["d"]
    assert divide_by_group(groups) == {"a": "web", "b": "web", "c": "db"}


def test_the_sums_of_the_groups_are_the_fleet():
    report = planted_report(60, 3)
    assert sum(group.hosts for group in report.groups) == 60
    assert sum(group.tcp_close or 0 for group in report.groups) == report.tcp_close
    assert sum(each.hosts for each in report.distribution) == report.hosts_read


@pytest.mark.parametrize("step", [60, 300, 900, HOUR, 2 * HOUR, 24 * HOUR])
def test_a_grid_has_few_points_and_no_gap_where_scans_are_regular(step):
    times = START + np.arange(14 * 86_400 // step, dtype=np.int64) * step
    grid = Grid(times, np.ones((1, len(times)), np.float32))
    assert 1 <= grid.length <= 401
    assert np.isfinite(grid.values).all()
    (small,) = grid.small_courses()
    assert len(small.values) <= 48
    assert set(small.values) == {1.0}


def test_a_large_fleet_is_bounded():
    random = np.random.default_rng(1)
    hosts = {f"host{n:05d}": 40 + random.integers(0, 5, 4 * 28) for n in range(10_000)}
    report = made_report(block_of(hosts, step=3 * HOUR), failed=1500)
    assert report.hosts == 10_000
    odd = [line for line in report.lines if line.state is not State.NORMAL]
    assert len(odd) == sum(count for state, count in report.counts if state is not State.NORMAL)
    assert 1500 <= len(odd) <= MOST_LINES
    assert len(report.lines) <= MOST_LINES + 1000
    listed = {line.name for line in report.lines}
    largest = max(hosts, key=lambda name: hosts[name][-1] if name < "host08500" else 0)
    assert largest in listed
    page = render_page(report)
    assert len(page) < 6_000_000
    assert b"of 10,000 hosts: all that are not normal, and the 1,000 that hold most." in page


def test_more_odd_hosts_than_are_listed_are_counted():
    hosts = {f"host{n:05d}": [5.0] * 8 for n in range(2600)}
    report = made_report(block_of(hosts, step=24 * HOUR), failed=2500)
    assert sum(line.state is State.FAILED for line in report.lines) == MOST_LINES
    assert b"the first 2,000 of 2,500 that are not normal" in render_page(report)


def test_the_scans_serve_a_long_time_that_has_few_of_them(store):
    fill_store(store, scans=3)
    since, until = BEGIN - timedelta(days=300), BEGIN + timedelta(days=1)
    report, _ = build_report(store, Wishes(since=since, until=until))
    assert (report.scans, report.since) == (3, BEGIN.timestamp())


def test_hours_serve_where_the_scans_are_pruned(store):
    fill_store(store, scans=80)
    prune(store, Limits(keep=timedelta(days=1)), BEGIN + timedelta(hours=80))
    until = BEGIN + timedelta(hours=80)
    whole, _ = build_report(store, Wishes(since=BEGIN, until=until))
    assert whole.scans == 80
    assert whole.since - BEGIN.timestamp() <= HOUR
    assert (whole.hosts, whole.hosts_read) == (10, 9)
    # Of this time no scan is kept.
    early, _ = build_report(store, Wishes(since=BEGIN, until=BEGIN + timedelta(hours=20)))
    assert (early.scans, early.hosts, early.hosts_read) == (20, 10, 10)
    assert early.tcp_close is not None
    assert {group.name for group in early.groups} == {"web", "db"}
    with pytest.raises(UsageError, match="has no scan"):
        build_report(store, Wishes(since=until, until=until + timedelta(days=1)))


def test_changes_count_from_a_scan_before_the_time_too(store):
    fill_store(store, scans=60)
    since, until = BEGIN + timedelta(hours=40), BEGIN + timedelta(hours=60)
    at = BEGIN + timedelta(hours=2, minutes=30)
    report, _ = build_report(store, Wishes(since=since, until=until, against=at))
    assert report.against == (BEGIN + timedelta(hours=2)).timestamp()
    assert report.distribution_before == report.against
    # web1 held 42 then, as it holds 40 + 59 % 3 + 5 * 9 at the end.
    (web1,) = [line for line in report.lines if line.name == "web1"]
    assert (web1.tcp_close, web1.change) == (87, 45)
    too_early = Wishes(since=since, until=until, against=BEGIN - timedelta(days=3))
    with pytest.raises(UsageError, match="no scan is of the day before"):
        build_report(store, too_early)


def test_a_store_of_either_database_gives_the_report(store):
    fill_store(store, scans=6)
    wishes = Wishes(since=BEGIN, until=BEGIN + timedelta(days=1), pattern="web:db2")
    report, notes = build_report(store, wishes, source="here")
    assert notes == ()
    assert (report.hosts, report.hosts_read, report.scans) == (9, 8, 6)
    (failed,) = report.failed
    assert (failed.host, failed.read_share) == ("db2", pytest.approx(5 / 6))
    assert [group.name for group in report.groups] == ["web", "db"]
    assert {detail.host for detail in report.details} == {"web1"}


def test_what_retention_keeps_is_enough_for_the_report(store):
    """After 40 days of the usual limits: two weeks with holders, and two months by the hour."""
    end = BEGIN + timedelta(days=40)
    for hour in range(0, 40 * 24, 4):
        at = BEGIN + timedelta(hours=hour)
        leaked = 40 + hour % 3 + 5 * max(0, hour - 34 * 24)
        held = (Process(pid=9, command="php", tcp_close=leaked),)
        hosts = [
            host_summary(
                "web1",
                leaked,
                processes=held,
                attribution=Attribution(exact=True),
                unattributed=0,
            ),
            host_summary("web2", 20 + hour % 2),
            host_summary("db1", None if hour % 24 == 0 else 7, groups=("db",)),
        ]
        save_scan(store, scan_of(hosts, at), details=hour > 37 * 24)
    assert maintain(store, end, most_s=None)
    with store.read() as connection:
        oldest = connection.scalar(select(func.min(layout.scans.c.started_ms)))
        details = connection.scalar(select(func.count()).select_from(layout.details))
    assert oldest >= (end - timedelta(days=30, hours=9)).timestamp() * 1000
    assert details == 14  # two days before the second newest scan, by which age counts
    for days, is_raw in ((14, True), (45, False)):
        wishes = Wishes(since=end - timedelta(days=days), until=end)
        report, _ = build_report(store, wishes)
        (leak,) = report.leaks
        assert leak.rate == pytest.approx(5, rel=0.1)
        assert leak.since == pytest.approx(BEGIN.timestamp() + 34 * 86400, abs=8 * HOUR)
        assert [holder.command for holder in leak.holders] == ["php"]
        assert report.scans == (14 if is_raw else 40) * 6
        assert report.counts == ((State.LEAK, 1), (State.NORMAL, 2))
        assert [group.name for group in report.groups] == ["web", "db"]


def test_a_report_reaches_further_back_than_a_short_limit_of_scans(store):
    end = BEGIN + timedelta(days=14)
    for hour in range(0, 14 * 24, 4):
        hosts = [host_summary("web1", 40 + hour % 3 + 5 * max(0, hour - 150))]
        save_scan(store, scan_of(hosts, BEGIN + timedelta(hours=hour)), details=False)
    prune(store, Limits(keep=timedelta(days=3)), end)
    report, _ = build_report(store, Wishes(since=BEGIN, until=end))
    (leak,) = report.leaks
    assert leak.since == pytest.approx(BEGIN.timestamp() + 150 * HOUR, abs=8 * HOUR)
    assert report.since < BEGIN.timestamp() + 86400
