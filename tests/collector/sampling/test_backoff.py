"""How long a host that failed is not contacted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.errors import Category
from sockfleet.collector.sampling.backoff import FIRST_S, MOST_S, Backoff
from tests.support.fleet.sample_fleet import failure

NOW = 1000.0


@given(st.integers(1, 100))
def test_each_failure_in_a_row_doubles_the_pause_up_to_five_minutes(failures):
    backoff = Backoff()
    for _ in range(failures):
        backoff.record_failure(failure("web1", Category.REFUSED), NOW)
    usual = min(FIRST_S * 2 ** (failures - 1), MOST_S)
    assert 0.75 * usual <= backoff.wait_s(NOW) <= 1.25 * usual
    assert backoff.last is not None


@pytest.mark.parametrize(
    "category",
    [Category.AUTH_DENIED, Category.HOSTKEY_CHANGED, Category.HOSTKEY_UNKNOWN, Category.CONFIG],
)
def test_a_lasting_failure_pauses_for_minutes_at_once(category):
    backoff = Backoff()
    backoff.record_failure(failure("web1", category), NOW)
    assert backoff.wait_s(NOW) >= 0.75 * MOST_S


def test_a_success_ends_the_pause():
    backoff = Backoff()
    for _ in range(5):
        backoff.record_failure(failure("web1"), NOW)
    backoff.record_success()
    assert backoff.last is None
    assert backoff.wait_s(NOW) <= 0
    backoff.record_failure(failure("web1"), NOW)
    assert backoff.wait_s(NOW) <= 1.25 * FIRST_S


def test_pauses_have_jitter():
    pauses = set()
    for _ in range(20):
        backoff = Backoff()
        backoff.record_failure(failure("web1"), NOW)
        pauses.add(backoff.wait_s(NOW))
    assert len(pauses) > 15
