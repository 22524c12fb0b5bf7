"""Which failures are tried again, how often, and after what delay."""

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.pacing.retry import is_transient, retry_delay_s


def error(category, **options):
    return HostError(category, Phase.CONNECT, "planned", **options)


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_the_delay_doubles_with_each_attempt_and_has_jitter(attempts):
    delays = {retry_delay_s(error(Category.LOST), attempts=attempts, retries=3) for _ in range(100)}
    usual = 0.5 * 2 ** (attempts - 1)
    assert all(0.5 * usual <= delay <= 1.5 * usual for delay in delays)
    assert len(delays) > 1


@pytest.mark.parametrize(("attempts", "retries"), [(1, 0), (2, 1), (5, 1)])
def test_no_delay_once_all_retries_are_used(attempts, retries):
    assert retry_delay_s(error(Category.LOST), attempts=attempts, retries=retries) is None


def test_a_refused_login_is_never_tried_again():
    assert retry_delay_s(error(Category.AUTH_DENIED), attempts=1, retries=9) is None
    assert not is_transient(error(Category.AUTH_DENIED))


def test_an_error_marked_transient_is_tried_again():
    assert is_transient(error(Category.DNS, transient=True))
    assert not is_transient(error(Category.DNS))
