"""What is found in made fleets and in single courses; fixed seeds keep it from getting worse."""

from dataclasses import replace

import numpy as np
import pytest
from made_fleets import make_fleet
from other_fleets import make_other_fleet
from trends import Score

from sockfleet.history.series import SeriesBlock
from sockfleet.history.trends.classify import Kind
from sockfleet.history.trends.findings import find_trends
from sockfleet.history.trends.forecast import Limit

HOUR, DAY = 3600, 86_400
START = 1_794_873_600


def block_of(*rows, interval_s=300, boots=None):
    values = np.array(rows, np.float32)
    return SeriesBlock(
        metric="tcp_close",
        hosts=tuple(f"host{number}" for number in range(len(rows))),
        times=START + np.arange(values.shape[1]) * interval_s,
        values=values,
        boots=np.zeros(values.shape, np.int32) if boots is None else boots,
    )


def ramp(hours, *, begin=0.0, rate=5.0, level=40.0, interval_s=300):
    """Return scans with a little noise that leak ``rate`` sockets an hour from ``begin`` on."""
    at = np.arange(int(hours * HOUR / interval_s)) * interval_s / HOUR
    noise = np.random.default_rng(5).normal(0, 2, len(at))
    return np.rint(level + noise + np.floor(rate * np.maximum(at - begin, 0)))


def only(block, **options):
    (finding,) = find_trends(block, **options)
    return finding


@pytest.fixture(
    scope="module",
    params=[
        (make, interval_s) for make in (make_fleet, make_other_fleet) for interval_s in (300, HOUR)
    ],
    ids=lambda param: f"{param[0].__name__}-{param[1]}",
)
def score(request):
    make, interval_s = request.param
    found = Score()
    for seed in (11, 12):
        fleet = make(seed, hosts=160 if interval_s == 300 else 500, leaks=60, interval_s=interval_s)
        found.add(fleet, find_trends(fleet.block))
    return found


def test_nearly_every_clear_leak_is_found(score):
    assert len(score.found) > 60
    assert sum(score.found) >= 0.965 * len(score.found), score.wrong


def test_no_quiet_host_is_called_a_leak(score):
    assert not any(score.false), score.wrong


def test_clear_rates_are_within_ten_percent(score):
    assert sum(score.rates) >= 0.97 * len(score.rates), score.wrong


def test_ranges_cover_the_true_rate(score):
    assert sum(score.ranges) >= 0.93 * len(score.ranges)


@pytest.mark.parametrize("interval_s", [300, 900, HOUR])
@pytest.mark.parametrize("hours", [4 * 24, 30 * 24])
def test_a_leak_is_found_at_every_interval_and_window(interval_s, hours):
    begin = hours / 3 + 0.4
    finding = only(block_of(ramp(hours, begin=begin, interval_s=interval_s), interval_s=interval_s))
    assert finding.kind is Kind.LEAK
    assert finding.rate is not None
    assert finding.begin is not None
    assert finding.rate.per_hour == pytest.approx(5, rel=0.1)
    assert abs(finding.begin - START - begin * HOUR) <= 2 * interval_s + 0.4 * HOUR


def test_the_begin_of_an_old_leak_is_before_the_window():
    finding = only(block_of(ramp(14 * 24)))
    assert (finding.kind, finding.begin, finding.begin_before_window) == (Kind.LEAK, None, True)


def test_a_reboot_does_not_hide_a_leak():
    values = ramp(14 * 24, level=0.0)
    values[2000:] -= values[2000]
    boots = np.zeros((1, len(values)), np.int32)
    boots[0, 2000:] = 1
    finding = only(block_of(np.maximum(values, 0), boots=boots))
    assert (finding.kind, finding.restarts) == (Kind.LEAK, 1)
    assert finding.rate is not None
    assert finding.rate.per_hour == pytest.approx(5, rel=0.1)


def test_a_leak_that_a_restart_ended_has_recovered():
    values = ramp(14 * 24)
    values[2500:] = ramp(14 * 24, rate=0.0)[2500:]
    finding = only(block_of(values))
    assert finding.kind is Kind.RECOVERED
    assert finding.end == pytest.approx(START + 2500 * 300, abs=2 * HOUR)


def test_a_restart_of_this_hour_leaves_open_whether_it_leaks_on():
    values = ramp(14 * 24)
    values[-6:] = 40
    assert only(block_of(values)).kind in {Kind.RESTARTED, Kind.RECOVERED}


def test_restarts_every_night_make_a_sawtooth():
    at = np.arange(14 * 288)
    assert only(block_of(30 + np.floor((at % 288) * 0.7))).kind is Kind.SAWTOOTH


def test_a_leak_beneath_a_sawtooth_is_a_leak():
    at = np.arange(14 * 288)
    values = 30 + np.floor((at % 170) * 0.5) + np.floor(at * 0.4)
    finding = only(block_of(values))
    assert finding.kind is Kind.LEAK
    assert finding.rate is not None
    assert finding.rate.per_hour == pytest.approx(4.8, rel=0.1)


def test_a_new_level_is_a_step():
    values = ramp(14 * 24, rate=0.0)
    values[1500:] += 300
    finding = only(block_of(values))
    assert finding.kind is Kind.STEP
    assert finding.growth == pytest.approx(300, abs=5)
    assert finding.begin == pytest.approx(START + 1500 * 300, abs=HOUR)


def test_three_days_are_too_early():
    assert only(block_of(ramp(3 * 24))).kind is Kind.TOO_EARLY


def test_a_host_that_was_never_read_is_too_early():
    finding = only(block_of(np.full(14 * 288, np.nan)))
    assert (finding.kind, finding.level) == (Kind.TOO_EARLY, None)


def test_no_scan_and_no_host_are_no_error():
    block = block_of(ramp(24))
    assert not find_trends(replace(block, hosts=(), values=block.values[:0], boots=block.boots[:0]))
    empty = replace(
        block, times=block.times[:0], values=block.values[:, :0], boots=block.boots[:, :0]
    )
    assert only(empty).kind is Kind.TOO_EARLY
    assert only(block_of([7.0])).kind is Kind.TOO_EARLY


@pytest.mark.parametrize("value", [0, 1, 200_000])
def test_a_number_that_never_changes_is_normal(value):
    assert only(block_of(np.full(14 * 288, value))).kind is Kind.NORMAL


def test_a_leak_has_the_time_of_its_first_limit_and_who_is_apart_its_group():
    rows = [ramp(14 * 24, rate=0.0) for _ in range(9)]
    block = block_of(ramp(14 * 24, begin=150), *rows)
    level = float(block.values[0, -1])
    first, *others = find_trends(
        block,
        limits={"host0": (Limit(name="open files", value=level + 45),)},
        groups=dict.fromkeys(block.hosts, ("web",)),
    )
    assert first.forecast is not None
    assert first.forecast.at - block.times[-1] == pytest.approx(9 * HOUR, rel=0.15)
    assert first.apart is not None
    assert first.apart.group == "web"
    assert not any(each.apart for each in others)
    assert {each.kind for each in others} == {Kind.NORMAL}


def test_values_of_any_size_and_gap_give_a_finding():
    random = np.random.default_rng(9)
    values = random.integers(0, 200_000, (40, 5 * 288)).astype(float)
    values[random.random(values.shape) < 0.5] = np.nan
    boots = random.integers(-1, 3, values.shape).astype(np.int32)
    block = block_of(*values, boots=boots)
    assert len(find_trends(block)) == 40
