"""Each stage of a connection has its own byte budget; once it is exceeded, it stays so."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.ssh.byte_budget import ByteBudget
from sockfleet.collector.transport import OUTPUT_LIMIT


def test_each_stage_allows_more_than_the_one_before():
    budget = ByteBudget()
    assert budget.spend(64 * 1024)
    budget.expect_login()
    assert budget.spend(1024 * 1024)
    budget.expect_command()
    assert budget.spend(2 * OUTPUT_LIMIT)  # the output and its packets
    assert not budget.exceeded


def test_a_bastion_has_no_limit_for_the_channels_through_it():
    budget = ByteBudget()
    budget.expect_channels()
    assert budget.spend(2**40)


@given(st.lists(st.integers(0, 40_000)))
def test_an_exceeded_budget_stays_exceeded(counts):
    budget = ByteBudget()
    within = [budget.spend(count) for count in counts]
    assert within == [sum(counts[: n + 1]) <= 64 * 1024 for n in range(len(counts))]
    assert budget.exceeded == (sum(counts) > 64 * 1024)
