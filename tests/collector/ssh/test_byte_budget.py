"""Each stage of a connection has its own byte budget; once it is exceeded, it stays so."""

from __future__ import annotations

import asyncio

import pytest
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
    for _ in range(OUTPUT_LIMIT // 20):  # the output, each line in a packet of its own
        budget.give_back(20)
        assert budget.spend(20 + 20)
    assert not budget.exceeded


def test_a_bastion_has_no_limit_for_the_channels_through_it():
    budget = ByteBudget()
    budget.expect_channels()
    for _ in range(10_000):
        budget.give_back(1000)
        assert budget.spend(1050)


def test_a_bastions_own_messages_are_limited_by_the_time_that_has_passed(mocker):
    clock = mocker.patch("sockfleet.collector.ssh.byte_budget.time.monotonic", return_value=100.0)
    budget = ByteBudget()
    budget.expect_channels()
    assert budget.spend(256 * 1024)
    clock.return_value += 2.0
    assert budget.spend(32 * 1024)
    assert not budget.spend(1)
    clock.return_value += 3600.0
    assert not budget.spend(1)


def test_hours_without_a_message_allow_no_long_flood(mocker):
    clock = mocker.patch("sockfleet.collector.ssh.byte_budget.time.monotonic", return_value=100.0)
    budget = ByteBudget()
    budget.expect_channels()
    clock.return_value += 36_000.0
    assert budget.spend(512 * 1024)
    assert not budget.spend(1)


def test_a_channel_that_is_given_up_allows_what_its_window_may_still_bring():
    budget = ByteBudget()
    budget.expect_channels()
    for received in (8 * 1024, 64 * 1024, 2**40):
        budget.expect_in_flight(received, logged_in=True)
    assert budget.spend((256 + 32 + 256 + 256) * 1024)
    assert not budget.spend(1024)


def test_a_channel_that_is_given_up_before_the_login_may_still_bring_a_window():
    budget = ByteBudget()
    budget.expect_channels()
    for received in (0, 22, 64 * 1024):
        budget.expect_in_flight(received, logged_in=False)
    assert budget.spend((256 + 3 * 256) * 1024)
    assert not budget.spend(1024)


def test_many_channels_that_end_at_once_are_no_flood():
    budget = ByteBudget()
    budget.expect_channels()
    for _ in range(900):
        budget.expect_channel()
    assert budget.spend(900 * 1000)


def test_a_flood_of_channel_data_of_one_byte_is_the_bastions():
    budget = ByteBudget()
    budget.expect_channels()
    for _ in range(100_000):
        budget.give_back(1)
        if not budget.spend(48):
            break
    assert budget.exceeded


def test_rounds_of_samples_allow_no_flood_of_messages(mocker):
    clock = mocker.patch("sockfleet.collector.ssh.byte_budget.time.monotonic", return_value=100.0)
    budget = ByteBudget()
    budget.expect_command()
    budget.expect_samples()
    for _ in range(1000):  # of answers of 300 namespaces, a packet for each
        clock.return_value += 1.0
        for _ in range(300):
            budget.give_back(150)
            assert budget.spend(150 + 48)
    budget.expect_command()
    most = 2 * 128 * 1024  # at once, and refilled since the first answer
    assert not all(budget.spend(32) for _ in range(most // 32 + 1))


def test_long_output_saves_nothing_up_for_messages_without_effect():
    budget = ByteBudget()
    budget.expect_command()
    budget.give_back(2**40)
    assert budget.spend(256 * 1024)
    assert not budget.spend(1)


def test_no_byte_of_a_login_comes_back():
    budget = ByteBudget()
    budget.expect_login()
    budget.give_back(2**40)
    assert not budget.spend(2**40)


@given(st.lists(st.integers(0, 40_000)))
def test_an_exceeded_budget_stays_exceeded(counts):
    budget = ByteBudget()
    within = [budget.spend(count) for count in counts]
    assert within == [sum(counts[: n + 1]) <= 64 * 1024 for n in range(len(counts))]
    assert budget.exceeded == (sum(counts) > 64 * 1024)


def test_a_server_that_exchanges_keys_without_end_is_cut_off_before_the_arithmetic_costs_much():
    budget = ByteBudget()
    budget.expect_command()
    assert sum(budget.spend_key_exchange() for _ in range(1000)) == 8
    budget = ByteBudget()
    budget.expect_channels()
    assert sum(budget.spend_key_exchange() for _ in range(1000)) < 10


def test_what_is_lent_is_taken_back():
    budget = ByteBudget()
    budget.expect_channels()
    with budget.lend(OUTPUT_LIMIT):
        assert budget.spend(256 * 1024 + OUTPUT_LIMIT)
        budget.give_back(OUTPUT_LIMIT)
    assert budget.spend(64)  # what the packet around it may have taken
    assert not budget.spend(16 * 1024)


def test_what_is_lent_to_a_channel_that_is_cancelled_stays():
    budget = ByteBudget()
    budget.expect_channels()
    with pytest.raises(asyncio.CancelledError), budget.lend(OUTPUT_LIMIT):
        raise asyncio.CancelledError
    assert budget.spend(256 * 1024 + OUTPUT_LIMIT)
    assert not budget.spend(16 * 1024)
