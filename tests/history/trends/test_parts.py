"""The steps from scans to findings, each by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.history.trends.apart import find_apart
from sockfleet.history.trends.begin import date_begin
from sockfleet.history.trends.bend import is_bent
from sockfleet.history.trends.end import find_end
from sockfleet.history.trends.forecast import Limit, forecast_first
from sockfleet.history.trends.hinge import fit_shapes
from sockfleet.history.trends.hourly import bin_medians, choose_bins, median, median_of_rows
from sockfleet.history.trends.rate import Rate, estimate_rate
from sockfleet.history.trends.restarts import find_restarts
from sockfleet.history.trends.rhythm import Rhythm, choose_rhythm
from sockfleet.history.trends.staircase import is_staircase

HOUR = 3600


def scans(hours, interval_s=300):
    return 1_800_000_000 + np.arange(int(hours * HOUR / interval_s)) * interval_s


@pytest.mark.parametrize(
    ("interval_s", "length_s"), [(60, HOUR), (300, HOUR), (900, HOUR), (HOUR, 3 * HOUR)]
)
def test_a_bin_holds_three_scans_at_least(interval_s, length_s):
    bins = choose_bins(scans(96, interval_s))
    assert bins.length_s == length_s
    assert (np.diff(bins.starts) == length_s).all()


def test_daily_scans_are_bins_of_their_own():
    bins = choose_bins(scans(24 * 10, 24 * HOUR))
    assert (bins.length_s, len(bins.starts), bins.fewest) == (24 * HOUR, 10, 1)


def test_a_bin_with_too_few_reads_has_no_median():
    times = scans(2)
    values = np.full((1, len(times)), 5.0, np.float32)
    values[0, 2:12] = np.nan
    medians = bin_medians(values, choose_bins(times - times[0] % HOUR))
    assert np.isnan(medians[0, 0])
    assert medians[0, 1] == 5


@given(st.lists(st.one_of(st.just(float("nan")), st.integers(-50, 50)), min_size=1, max_size=9))
def test_medians_ignore_what_is_unknown(values):
    row = np.array([values], float)
    known = row[np.isfinite(row)]
    expected = np.median(known) if len(known) else np.nan
    np.testing.assert_equal(median_of_rows(row), [expected])


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=9))
def test_the_median_of_a_row_is_that_of_numpy(values):
    assert median(np.array(values, float)) == np.median(values)


def test_another_boot_id_is_a_restart_across_a_gap_too():
    times = scans(10)
    values = np.full((1, len(times)), 90.0, np.float32)
    boots = np.zeros_like(values, np.int32)
    values[0, 50:], boots[0, 50:] = 3, 1
    values[0, 40:50], boots[0, 40:50] = np.nan, -1
    found = find_restarts(times, values, boots)
    assert np.flatnonzero(found.boots[0]).tolist() == [50]
    assert not found.falls.any()


def test_the_fall_of_what_had_grown_for_hours_is_added_back():
    times = scans(24)
    grown = np.arange(len(times), dtype=np.float32)[None, :] + 10
    values = np.where(np.arange(len(times)) < 150, grown, grown - 150)
    found = find_restarts(times, values, np.full(values.shape, -1, np.int32))
    assert np.flatnonzero(found.falls[0]).tolist() == [150]
    assert np.abs(values + found.added - grown).max() <= 1


@pytest.mark.parametrize("kind", ["spike", "gap", "office hours"])
def test_other_falls_are_no_restart(kind):
    times = scans(48)
    values = np.full((1, len(times)), 40.0, np.float32)
    if kind == "spike":
        values[0, 100] = 900
    elif kind == "gap":
        values[0] = np.arange(len(times)) + 10
        values[0, 290:] = 5
        values[0, 270:290] = np.nan
    else:
        values[0, 100:200] = 400
    assert not find_restarts(times, values, np.zeros(values.shape, np.int32)).falls.any()


def test_a_daily_rhythm_is_found_and_chance_is_not():
    middles = scans(24 * 14, HOUR)
    wave = 50 * np.cos(np.arange(len(middles)) * 2 * np.pi / 24)
    noise = np.random.default_rng(2).normal(0, 5, (2, len(middles)))
    found = choose_rhythm(Rhythm(middles), noise + np.array([[1], [0]]) * wave)
    assert np.abs(found[0] - wave - (found[0] - wave).mean()).max() < 8
    assert not found[1].any()


def test_a_lone_weekend_has_a_share_of_the_rhythm_of_working_days():
    middles = scans(24 * 7, HOUR)
    is_weekend = (middles // (24 * HOUR) + 3) % 7 >= 5
    wave = 100 + 50 * np.cos(np.arange(len(middles)) * 2 * np.pi / 24)
    values = np.where(is_weekend, 0.4 * wave, wave)
    found = choose_rhythm(Rhythm(middles), values[None, :])
    assert np.ptp(values - found[0]) < 1


def rise(shape, *, hours=200, begin=160, height=100.0):
    """Return hours, and a level with a little noise and a rise of ``shape`` from ``begin`` on."""
    at = np.arange(float(hours))
    noise = np.random.default_rng(4).normal(0, 3, hours)
    return at, 40 + noise + height * shape(np.maximum(at - begin, 0))


@pytest.mark.parametrize("life_h", [0.5, 4, 8])
def test_a_level_that_is_reached_within_hours_bends(life_h):
    hours, values = rise(lambda since: 1 - np.exp(-since / life_h))
    assert is_bent(hours, values, np.ones(len(hours)), 160, 3.0)


def test_a_pool_that_fills_ever_more_slowly_bends():
    hours, values = rise(lambda since: 1 - np.exp(-since / 25), begin=100)
    assert is_bent(hours, values, np.ones(len(hours)), 90, 3.0)


@pytest.mark.parametrize("begin", [0, 100, 160])
def test_a_ramp_does_not_bend(begin):
    hours, values = rise(lambda since: since / (200 - begin), begin=begin)
    assert not is_bent(hours, values, np.ones(len(hours)), begin, 3.0)


@pytest.mark.parametrize("levels", [2, 3, 4])
def test_a_few_levels_are_a_staircase(levels):
    hours, values = rise(lambda since: np.floor(since * levels / 100) / levels, begin=100)
    assert is_staircase(hours[100:], values[100:], np.ones(100), 30.0)


@pytest.mark.parametrize("spreads", [6.0, 30.0])
def test_a_ramp_is_no_staircase(spreads):
    hours, values = rise(lambda since: since / 100, begin=100, height=3 * spreads)
    assert not is_staircase(hours[100:], values[100:], np.ones(100), spreads)


def test_a_rise_that_is_flat_for_a_day_has_ended_and_one_that_goes_on_has_not():
    hours, values = rise(lambda since: np.minimum(since, 70) / 70, begin=90)
    assert find_end(hours[90:], values[90:]) == pytest.approx(70, abs=6)
    hours, values = rise(lambda since: since / 110, begin=90)
    assert find_end(hours[90:], values[90:]) is None


def test_a_leak_that_is_slow_at_first_is_dated_by_its_first_sockets():
    times = scans(100, HOUR)
    since = np.maximum(np.arange(100.0) - 50, 0)
    values = 5 + np.where(since < 8, 6 * since, 20 * since - 112)
    begin = date_begin(times, values, float(times[53]), 20.0, 1.0, has_rhythm=False)
    assert begin == pytest.approx(times[50], abs=HOUR)


def test_the_hinge_of_a_ramp_is_at_its_begin_in_spite_of_outliers():
    hours = np.arange(300.0)
    values = 20 + 3 * np.maximum(hours - 120, 0)
    values[::17] += 500
    values[40:60] = np.nan
    shapes = fit_shapes(hours, values[None, :])
    assert abs(shapes.hinge.knot[0] - 120) <= 2
    assert shapes.hinge.slope[0] == pytest.approx(3, rel=0.01)
    assert shapes.hinge.error[0] < shapes.step.error[0]


def test_the_step_of_a_new_level_is_where_it_begins():
    shapes = fit_shapes(np.arange(200.0), np.where(np.arange(200) < 77, 5.0, 65.0)[None, :])
    assert (shapes.step.knot[0], round(float(shapes.step.slope[0]))) == (77, 60)
    assert shapes.step.error[0] < min(shapes.hinge.error[0], shapes.rise_end.error[0])


def test_the_range_of_a_rate_covers_the_true_one():
    random = np.random.default_rng(3)
    hours = np.arange(200.0)
    covered = 0
    for _ in range(200):
        leaked = np.cumsum(random.poisson(4.0, 200)).astype(float)
        rate = estimate_rate(hours, leaked + random.normal(0, 10, 200))
        covered += rate.low <= 4.0 <= rate.high
    assert covered >= 190


def test_the_lowest_limit_is_met_first():
    rate = Rate(per_hour=10.0, low=5.0, high=20.0)
    limits = (Limit(name="file-max", value=9000.0), Limit(name="open files", value=1024.0))
    found = forecast_first(924.0, rate, 0.0, limits)
    assert found is not None
    assert found.limit.name == "open files"
    assert (found.at, found.earliest, found.latest) == (10 * HOUR, 5 * HOUR, 20 * HOUR)


def test_without_growth_or_limits_there_is_no_forecast():
    still = Rate(per_hour=0.0, low=0.0, high=1.0)
    assert forecast_first(5.0, still, 0.0, (Limit(name="file-max", value=9.0),)) is None
    assert forecast_first(5.0, Rate(per_hour=1.0, low=0.0, high=2.0), 0.0, ()) is None


def test_a_limit_that_is_met_already_is_met_now():
    rate = Rate(per_hour=1.0, low=0.0, high=2.0)
    found = forecast_first(50.0, rate, 7.0, (Limit(name="file-max", value=9.0),))
    assert found is not None
    assert (found.at, found.latest) == (7.0, None)


def test_who_is_apart_is_so_by_the_median_of_the_group():
    hosts = tuple(f"web{number}" for number in range(8))
    levels = np.array([10.0, 12, 9, 11, 10, 13, 900, np.nan])
    found = find_apart(hosts, levels, dict.fromkeys(hosts, ("web",)))
    assert list(found) == ["web6"]
    assert (found["web6"].group, found["web6"].median) == ("web", 11.0)


def test_a_small_group_has_nobody_apart():
    hosts = ("a", "b", "c")
    assert not find_apart(hosts, np.array([1.0, 1.0, 900.0]), dict.fromkeys(hosts, ("g",)))
