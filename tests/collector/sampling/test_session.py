"""A session that stays open, when the host ends it."""

from __future__ import annotations

import asyncio

import pytest
from pytest_mock import MockerFixture

from sockfleet.collector.errors import Category, HostError
from sockfleet.collector.sampling.session import SamplingSession
from sockfleet.collector.ssh.byte_budget import ByteBudget


def test_what_the_host_said_on_stderr_before_it_closed_the_session_is_quoted(
    mocker: MockerFixture,
) -> None:
    async def end() -> bytes:
        connection = mocker.Mock(where="192.0.2.1:22")
        connection.stream.budget = ByteBudget()
        session = SamplingSession(connection)
        session.connection_made(mocker.Mock())
        session.data_received(b"Your account has expired.\n", 1)  # before the first request
        answer = session.request(b"own\n", lambda _: False)
        session.data_received(b"x" * 10_000, 1)
        session.connection_lost(None)
        return await answer

    with pytest.raises(HostError, match=r"printed 'Your account has expired\. xxx") as caught:
        asyncio.run(end())
    assert caught.value.category is Category.LOST
    assert len(caught.value.message) < 400


def test_a_session_that_ends_with_a_flood_of_messages_says_so(mocker: MockerFixture) -> None:
    async def end() -> bytes:
        connection = mocker.Mock(where="192.0.2.1:22")
        budget = connection.stream.budget = ByteBudget()
        budget.expect_samples()
        session = SamplingSession(connection)
        session.connection_made(mocker.Mock())
        answer = session.request(b"own\n", lambda _: False)
        for _ in range(200):  # packets of an answer, each with some 48 bytes around it
            session.data_received(b"x" * 1000, None)
            assert budget.spend(1048)
        budget.spend(128 * 1024)
        session.connection_lost(None)
        return await answer

    with pytest.raises(HostError, match="sends messages without end") as caught:
        asyncio.run(end())
    assert caught.value.category is Category.OUTPUT_LIMIT
