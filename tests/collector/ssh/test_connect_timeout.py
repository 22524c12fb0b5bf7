"""The connect timeout, by a virtual clock; what it has of every limit is in test_time_limit."""

from __future__ import annotations

import asyncio

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.ssh.connect_timeout import ConnectTimeout
from sockfleet.collector.transport import Attempt
from sockfleet.inventory.models import Host
from tests.support import virtual_time


def attempt(phase: Phase) -> Attempt:
    return Attempt(host=Host(name="web1", address="192.0.2.1"), phase=phase)


def test_when_time_is_up_the_phase_says_what_it_was():
    async def main() -> float:
        with (
            pytest.raises(HostError) as raised,
            ConnectTimeout(attempt(Phase.KEX), 5, spent_s=2),
        ):
            await asyncio.Event().wait()
        assert raised.value.category is Category.KEX_TIMEOUT
        assert "after 5 s" in raised.value.message
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == pytest.approx(3)


def test_a_timeout_of_another_kind_stays_what_it_is():
    async def main() -> None:
        with pytest.raises(TimeoutError), ConnectTimeout(attempt(Phase.AUTH), 5):
            raise TimeoutError

    virtual_time.run(main())
