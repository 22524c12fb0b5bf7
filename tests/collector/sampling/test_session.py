"""A session that stays open, when the host ends it."""

from __future__ import annotations

import asyncio

import pytest
from pytest_mock import MockerFixture

from sockfleet.collector.errors import Category, HostError
from sockfleet.collector.sampling.session import SamplingSession


def test_what_the_host_said_on_stderr_before_it_closed_the_session_is_quoted(
    mocker: MockerFixture,
) -> None:
    async def end() -> bytes:
        session = SamplingSession(mocker.Mock(where="192.0.2.1:22"))
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
