"""Properties of the estimate for a large fleet."""

from dataclasses import fields, replace

import pytest
import scale
from hypothesis import given
from hypothesis import strategies as st
from unit_costs import UnitCosts

COSTS = replace(
    UnitCosts(**{field.name: 1.0 for field in fields(UnitCosts)}), scan_ms=1.0, round_trips=6.0
)

hosts = st.integers(1, 3000)
slots = st.integers(1, 500)


def test_one_host_takes_the_time_of_its_round_trips():
    assert scale.worker_s(COSTS, 1, 10, rtt_ms=50.0, dead_percent=0.0) == pytest.approx(0.3)


def test_with_many_slots_the_cpu_time_decides():
    assert scale.worker_s(COSTS, 10_000, 1000, rtt_ms=50.0, dead_percent=0.0) == pytest.approx(
        10.0, rel=0.05
    )


def test_with_few_slots_the_round_trips_decide():
    assert scale.worker_s(COSTS, 1000, 10, rtt_ms=50.0, dead_percent=0.0) == pytest.approx(
        30.0, rel=0.05
    )


def test_a_dead_host_delays_the_end_by_its_timeout():
    alive = scale.worker_s(COSTS, 1000, 1000, rtt_ms=50.0, dead_percent=0.0)
    assert scale.worker_s(COSTS, 1000, 1000, rtt_ms=50.0, dead_percent=1.0) >= scale.DEAD_S > alive


@given(hosts, slots)
def test_the_estimate_is_at_least_the_cpu_time(hosts, slots):
    took_s = scale.worker_s(COSTS, hosts, slots, rtt_ms=20.0, dead_percent=0.0)
    assert took_s >= hosts * 1e-3 * 0.999


@given(hosts, slots)
def test_more_slots_never_take_longer(hosts, slots):
    narrow, wide = (
        scale.worker_s(COSTS, hosts, count, rtt_ms=20.0, dead_percent=2.0)
        for count in (slots, 2 * slots)
    )
    assert wide <= narrow * 1.01 + 0.2


def test_two_machines_halve_the_memory_of_each():
    whole = scale.plan(COSTS, scale.Split(machines=1, workers=4, concurrency=400), 8000)
    half = scale.plan(COSTS, scale.Split(machines=2, workers=2, concurrency=200), 8000)
    assert half["gib"] == pytest.approx(whole["gib"] / 2)
    assert half["scan_s"] == pytest.approx(whole["scan_s"], rel=0.1)


def test_all_lines_are_printed():
    lines = [*scale.unit_lines(COSTS), *scale.plan_lines(COSTS, 1000, 60.0)]
    assert len(lines) > 15
    assert any("machines" in line for line in lines)
