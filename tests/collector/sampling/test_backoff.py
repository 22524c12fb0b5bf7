"""When a host that failed is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.errors import Category
from sockfleet.collector.sampling.backoff import FIRST_S, MOST_S, Backoff
from tests.support.fleet.sample_fleet import failure

NOW = 1000.0


@given(st.integers(1, 100))
def test_each_failure_in_turn_doubles_the_pause_up_to_five_minutes(failures):
    backoff = Backoff()
    for _ in range(failures):
        backoff.failed(failure("web1", Category.REFUSED), NOW)
    usual = min(FIRST_S * 2 ** (failures - 1), MOST_S)
    assert 0.75 * usual <= backoff.wait_s(NOW) <= 1.25 * usual
    assert backoff.last is not None


@pytest.mark.parametrize(
    "category",
    [Category.AUTH_DENIED, Category.HOSTKEY_CHANGED, Category.HOSTKEY_UNKNOWN, Category.CONFIG],
)
def test_what_does_not_pass_in_seconds_is_left_alone_for_minutes(category):
    backoff = Backoff()
    backoff.failed(failure("web1", category), NOW)
    assert backoff.wait_s(NOW) >= 0.75 * MOST_S


def test_a_success_ends_it():
    backoff = Backoff()
    for _ in range(5):
        backoff.failed(failure("web1"), NOW)
    backoff.succeeded()
    assert backoff.last is None
    assert backoff.wait_s(NOW) <= 0
    backoff.failed(failure("web1"), NOW)
    assert backoff.wait_s(NOW) <= 1.25 * FIRST_S


def test_two_hosts_are_not_tried_at_the_same_moment():
    pauses = set()
    for _ in range(20):
        backoff = Backoff()
        backoff.failed(failure("web1"), NOW)
        pauses.add(backoff.wait_s(NOW))
    assert len(pauses) > 15
